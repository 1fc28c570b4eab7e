#ifndef SHARED_STORE_LOG_H
#define SHARED_STORE_LOG_H
/*
 * Log entries: one change of a mailbox as bytes.
 *
 * Promise: what was encoded decodes to the same; anything else is CORRUPT and
 * costs no more memory than a small multiple of its own size. An entry does not
 * say its UIDs or its mod-sequence when it appends: they follow from its place.
 *
 *   entry   = version(1) kind(1) body
 *   append  = count { content(16) key size flags keywords internal-date save-date }
 *   flags   = op(1) flags keywords uid-set
 *   expunge = uid-set
 *
 * Numbers are varints; dates are the difference from the message before (from 0 in the first).
 */
#include "base/arena.h"
#include "store/mailbox.h"

#define ENTRY_APPENDS_MAX 16384 /* messages in one entry */

enum entry_kind { ENTRY_APPEND = 1, ENTRY_FLAGS = 2, ENTRY_EXPUNGE = 3 };

struct entry {
	enum entry_kind kind;
	const struct mailbox_append *appends; /* tags are not in the entry: they stand beside it */
	uint32_t n_appends;
	enum flag_op op;
	uint32_t flags;
	uint64_t keywords;
	struct uid_set uids;
};

/* Nothing here fails but by the limit of `out`. */
void entry_encode_append(struct buf *out, const struct mailbox_append *, size_t n);
void entry_encode_edit(struct buf *out, const struct mailbox_edit *);

/* `uids` are those that the change says it takes. Everything lives in the arena, the set too. */
MUST_CHECK enum fault entry_decode(struct slice, uint32_t uids, struct arena *, struct entry *ret,
                                   struct why *);
/* The entries of a log, log->n of them; log->changes[i] took mod-sequence mailbox_log_from() + 1 + i, and its first UID
 * is ret_first_uid[i]. Checks that the head agrees. */
MUST_CHECK enum fault entry_decode_log(const struct mailbox_log *, struct arena *, struct entry **ret,
                                       uint32_t **ret_first_uid, struct why *);

/* What FLAGS_ADD, _REMOVE or _SET make of a mask. */
static inline uint64_t flag_result(enum flag_op op, uint64_t old, uint64_t mask)
{
	return op == FLAGS_ADD ? old | mask : op == FLAGS_REMOVE ? old & ~mask : mask;
}

#endif
