#ifndef SHARED_STORE_MONGO_HEAD_H
#define SHARED_STORE_MONGO_HEAD_H
/*
 * A mailbox's document:
 *
 *   { _id, account, parent, name, name_hash, special_use, subscribed, no_select, version,
 *     uid_validity, uid_next, modseq, log_base, log_base_uid, log_bytes, vanished_floor,
 *     messages, unseen, bytes, recent_uid, n_keywords,
 *     keywords: [ sealed name … ],
 *     log: [ { e: entry, t: tag, n: UIDs taken, m: messages, u: unseen, b: bytes } … ] }
 *
 * Of a log entry only `e` is always there. The n-th took mod-sequence log_base + n, from 1.
 */
#include "store/mongo/doc.h"
#include "store/store.h"

void head_filter(bson_t *, const struct id *mailbox, const struct id *wall);
void head_pages_filter(bson_t *, const struct id *mailbox, const struct id *wall);
/* The projection of a head: all but log, keywords and (unless `with_meta`) the name. */
void head_fields(bson_t *, bool with_meta);
struct mailbox_head head_parse(struct doc *);

/* A fault when the mailbox is not there; `doing` in `why`. */
struct call;
enum fault head_missing(struct call *, enum fault);

#endif
