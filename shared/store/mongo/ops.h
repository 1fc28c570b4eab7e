#ifndef SHARED_STORE_MONGO_OPS_H
#define SHARED_STORE_MONGO_OPS_H
/* The operations of store.h on MongoDB, by file; open.c puts them into the table. */
#include "store/mongo/call.h"

#define MAILBOXES         "mailboxes"
#define PAGES             "pages"
#define QUEUE             "queue"
#define DELETED_MAILBOXES "deleted_mailboxes" /* whose pages may still be there */

/* record.c */
enum fault mongo_get(struct store *, const struct actor *, enum collection, const struct slice *keys,
                     size_t n, bool with_body, struct arena *, struct record *ret, struct why *);
enum fault mongo_find(struct store *, const struct actor *, const struct record_query *, struct arena *,
                      struct record **ret, size_t *ret_n, struct why *);
enum fault mongo_del(struct store *, const struct actor *, enum collection, struct slice key,
                     uint64_t version, struct why *);
/* put.c */
enum fault mongo_put(struct store *, const struct actor *, enum collection, const struct record *,
                     struct why *);
enum fault mongo_put_many(struct store *, const struct actor *, enum collection, const struct record *const *,
                          size_t n, struct why *);
/* signature.c */
enum fault mongo_signatures_get(struct store *, const struct actor *, const struct slice *keys, size_t n,
                                struct arena *, struct slice *ret, struct why *);
enum fault mongo_signatures_put(struct store *, const struct actor *, const struct slice *keys,
                                const struct slice *signatures, size_t n, struct why *);
/* expire.c */
enum fault mongo_expire(struct store *, int64_t now, size_t max, size_t *ret_n, struct why *);

/* mailbox.c */
enum fault mongo_mailbox_create(struct store *, const struct actor *, const struct mailbox_meta *,
                                uint32_t uid_validity, struct why *);
enum fault mongo_mailbox_update(struct store *, const struct actor *, const struct mailbox_meta *,
                                struct why *);
enum fault mongo_mailbox_delete(struct store *, const struct actor *, const struct id *, struct why *);
enum fault mongo_mailbox_list(struct store *, const struct actor *, const struct id *account, struct arena *,
                              struct mailbox_row **ret, size_t *ret_n, struct why *);
/* grant.c */
enum fault mongo_mailbox_set_acl(struct store *, const struct actor *, const struct mailbox_meta *,
                                 struct why *);
enum fault mongo_mailbox_shared(struct store *, const struct actor *, const struct id *mailbox,
                                struct arena *, struct mailbox_row **ret, size_t *ret_n, struct why *);
enum fault mongo_mailbox_unshare(struct store *, const struct actor *, const struct id *who, struct why *);
enum fault mongo_contents_add_account(struct store *, const struct actor *, const struct id *contents,
                                      size_t n, const struct id *account, struct why *);
/* commit.c */
enum fault mongo_commit(struct store *, const struct actor *, const struct commit *,
                        struct mailbox_head *ret_head, struct why *);
/* move.c */
enum fault mongo_move_done(struct store *, const struct actor *, const struct id *mailbox,
                           const struct id *tag, struct why *);
enum fault mongo_moves(struct store *, const struct actor *, size_t max, struct arena *,
                       struct move_row **ret, size_t *ret_n, struct why *);
/* log.c */
enum fault mongo_read(struct store *, const struct actor *, const struct id *mailbox, uint64_t since,
                      struct arena *, struct mailbox_log *ret, struct why *);
enum fault mongo_take_recent(struct store *, const struct actor *, const struct id *mailbox, uint32_t first,
                             uint32_t next, struct why *);
enum fault mongo_trim(struct store *, const struct actor *, const struct id *mailbox, uint64_t base,
                      uint64_t upto, uint64_t vanished_floor, const struct id *history, struct why *);
/* page.c */
enum fault mongo_pages_read(struct store *, const struct actor *, const struct id *mailbox, uint64_t since,
                            bool with_keys, struct arena *, struct page_row **ret, size_t *ret_n,
                            struct why *);
enum fault mongo_page_get(struct store *, const struct actor *, const struct id *mailbox, uint32_t number,
                          struct arena *, struct page_row *ret, struct why *);
enum fault mongo_pages_write(struct store *, const struct actor *, const struct id *mailbox,
                             const struct page_row *, size_t n, struct why *);

/* claim.c */
enum fault mongo_queue_claim(struct store *, const struct actor *, int64_t now, int64_t lease_ms, size_t max,
                             struct arena *, struct queue_entry **ret, size_t *ret_n, struct why *);
enum fault mongo_queue_next_due(struct store *, const struct actor *, int64_t *ret, struct why *);
/* queue.c */
enum fault mongo_queue_put(struct store *, const struct actor *, const struct queue_entry *, size_t n,
                           struct why *);
enum fault mongo_queue_renew(struct store *, const struct actor *, const struct id *, uint64_t fence,
                             int64_t lease_until, struct why *);
enum fault mongo_queue_finish(struct store *, const struct actor *, const struct queue_outcome *,
                              struct why *);
enum fault mongo_queue_set(struct store *, const struct actor *, const struct id *, uint64_t fence,
                           enum queue_status, int64_t due, struct why *);
enum fault mongo_queue_remove(struct store *, const struct actor *, const struct id *, uint64_t fence,
                              struct why *);
enum fault mongo_queue_get(struct store *, const struct actor *, const struct id *, struct arena *,
                           struct queue_entry *ret, struct why *);
enum fault mongo_queue_list(struct store *, const struct actor *, const struct queue_query *, struct arena *,
                            struct queue_entry **ret, size_t *ret_n, struct why *);

#endif
