#ifndef SHARED_STORE_MONGO_HEAD_H
#define SHARED_STORE_MONGO_HEAD_H
/*
 * A mailbox's document:
 *
 *   { _id, account, parent, name, name_hash, special_use, subscribed, no_select, version,
 *     acl: [ who and the number of a right, 17 bytes … ], absent where nobody else may do anything,
 *     uid_validity, uid_next, modseq, log_base, log_base_uid, log_bytes, vanished_floor,
 *     messages, unseen, bytes, recent_uid, n_keywords,
 *     history, absent where nothing was folded yet,
 *     keywords: [ sealed name … ],
 *     log: [ { e: entry, t: tag, n: UIDs taken, m: messages, u: unseen, b: bytes } … ] }
 *
 * Of a log entry only `e` is always there. The n-th took mod-sequence log_base + n, from 1.
 */
#include "store/mongo/doc.h"
#include "store/store.h"

void head_filter(bson_t *, const struct id *mailbox, const struct id *wall);
/* The mailbox, if it is on the actor's side of the wall: his account's, and granting what a guest's call needs. */
void head_walled(bson_t *, const struct id *mailbox, const struct actor *);
void head_pages_filter(bson_t *, const struct id *mailbox, const struct id *wall);
/* The projection of a head: all but log, keywords and (unless `with_meta`) the name. */
void head_fields(bson_t *, bool with_meta);
struct mailbox_head head_parse(struct doc *);

struct call;
/* Mailboxes with their names. */
MUST_CHECK enum fault head_rows(struct call *, const bson_t *filter, struct arena *, struct mailbox_row **ret,
                                size_t *ret_n);
/* Changes what names a mailbox, if it has meta->version still, and counts that on. STALE, EXISTS, NOT_FOUND. */
MUST_CHECK enum fault head_update_meta(struct store *, const struct actor *, const struct mailbox_meta *,
                                       bson_t *update, struct why *);

/* A fault when the mailbox is not there; `doing` in `why`. */
enum fault head_missing(struct call *, enum fault);

#endif
