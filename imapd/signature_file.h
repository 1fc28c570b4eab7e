#ifndef IMAPD_SIGNATURE_FILE_H
#define IMAPD_SIGNATURE_FILE_H
/*
 * The cache file of a mailbox's search signatures (cache_file.h, signatures.h).
 *
 * A UID names one message for ever, unless the store is set back to a backup and gives it a second time. So the file has
 * marks: what the newest messages were when it was written. Where the mailbox has others for them, or has one now that was
 * expunged then, the file is not of this mailbox's past, and is not taken.
 */
#include "cache_file.h"
#include "search/segment.h"
#include "store/mailbox.h"

#define SIGNATURE_MARKS 256

struct signature_mark {
	uint32_t uid, size;
	int64_t internal_date, save_date;
};

struct signature_file {
	struct cache_file file;
	uint32_t uid_validity;
	uint64_t modseq;
	struct signature_mark *marks; /* ascending by UID; in an arena */
	uint32_t n_marks;
};

struct cache_file signature_file_of(const char *dir, const struct account_ctx *, const struct id *mailbox);
/* Its mailbox is gone. */
void signature_file_forget(const char *dir, const struct id *mailbox); /* NULL: there are no files */

/* For a file that is to be written now. Loop. */
void signature_file_mark(struct signature_file *, const struct mailbox_state *, struct arena *);
/* Whether these segments, read from it, are of this mailbox. Loop. */
bool signature_file_is_of(const struct signature_file *, const struct mailbox_state *,
                          struct segment *const *segments, size_t n);

/* Worker. The segments that a file of this uid_validity and no later modseq has, and its marks, in the arena. */
struct segment **signature_file_read(struct signature_file *file, struct arena *, size_t *ret_n);
void signature_file_write(const struct signature_file *, struct segment *const *, size_t n);

#endif
