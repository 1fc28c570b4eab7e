#ifndef IMAPD_CACHE_FILE_H
#define IMAPD_CACHE_FILE_H
/*
 * Files of what a process knew of a mailbox, sealed with its account's key, so that the next one need not ask the store for
 * all of it. They are disposable: missing, torn or foreign ones are as none. Nothing is ever synced here, and several
 * processes may share the folder. Any thread.
 */
#include "account_ctx.h"

#define CACHE_FILE_MAX ((size_t)1 << 30)

struct cache_file {
	const char *dir;
	const struct account_ctx *account; /* its key is what the file is sealed with */
	struct id mailbox;
	const char *suffix;  /* ".view" */
	const char *purpose; /* of the subkey */
};

/* Its plaintext, appended to `out`. False: there is no good one (and now none at all). */
bool cache_file_read(const struct cache_file *, struct buf *out);
MUST_CHECK enum fault cache_file_write(const struct cache_file *, struct slice plain, struct why *);
void cache_file_forget(const struct cache_file *);

/*
 * The same in parts that are sealed each by itself, and opened when they are wanted: bound to the mailbox, to their number and to
 * this file, so that parts of two files are never taken together. What is open stays as it was when the file is replaced; what
 * rests (it holds no descriptor and little memory until the next part is read) is then STALE.
 */
struct cache_parts;
struct cache_parts *cache_parts_open(const struct cache_file *); /* NULL: there is no good one */
void cache_parts_rest(struct cache_parts *);
void cache_parts_close(struct cache_parts *); /* NULL accepted */
uint32_t cache_parts_n(const struct cache_parts *);
/* `ret` until the next is read. CORRUPT, STALE. */
MUST_CHECK enum fault cache_parts_read(struct cache_parts *, uint32_t part, struct slice *ret, struct why *);
MUST_CHECK enum fault cache_parts_write(const struct cache_file *, const struct slice *parts, uint32_t n,
                                        struct why *);
/* At the start: the folder is made, and what was not written for long is removed. CONFIG and the like: there will be none. */
MUST_CHECK enum fault cache_files_start(const char *dir, struct why *);

#endif
