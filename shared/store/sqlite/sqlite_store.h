#ifndef SHARED_STORE_SQLITE_STORE_H
#define SHARED_STORE_SQLITE_STORE_H
/* The store's own struct, and what its files offer one another. */
#include "base/buf.h"
#include "store/access.h"
#include "store/schema.h"
#include "store/sqlite/db.h"
#include "store/sqlite/readers.h"
#include "store/sqlite/writer.h"

struct record_sql { /* statements of one collection: their texts differ by its name. Pointers only */
	char *get, *find_key, *find_equal[RECORD_INDEXES], *find_index[RECORD_INDEXES];
	char *look, *same, *rival[RECORD_INDEXES], *insert, *update, *drop, *expired;
	char *same_body, *put_body, *drop_body;
	char *get_signature, *put_signature, *drop_signature;
};

struct sqlite_store {
	struct store store; /* first */
	char *path;
	struct readers readers;
	struct writer writer;
	struct record_sql sql[COLL_COUNT];
};

static inline struct sqlite_store *sqlite_of(struct store *store)
{
	return container_of(store, struct sqlite_store, store);
}

/* tables.c */
MUST_CHECK enum fault tables_make(struct db *, struct why *);
/* records_sql.c */
void record_sql_make(struct sqlite_store *);
void record_sql_free(struct sqlite_store *);

/* The operations, as store.h describes them. */
enum fault sqlite_get(struct store *, const struct actor *, enum collection, const struct slice *keys,
                      size_t n, bool with_body, struct arena *, struct record *ret, struct why *);
enum fault sqlite_put(struct store *, const struct actor *, enum collection, const struct record *,
                      struct why *);
enum fault sqlite_put_many(struct store *, const struct actor *, enum collection,
                           const struct record *const *, size_t n, struct why *);
enum fault sqlite_del(struct store *, const struct actor *, enum collection, struct slice key,
                      uint64_t version, struct why *);
/* The same on the writer's thread, as a part of its transaction. */
enum fault sqlite_put_with(struct sqlite_store *, struct db *, const struct actor *, enum collection,
                           const struct record *, struct why *);
enum fault sqlite_find(struct store *, const struct actor *, const struct record_query *, struct arena *,
                       struct record **ret, size_t *ret_n, struct why *);
/* signatures.c */
enum fault sqlite_signatures_get(struct store *, const struct actor *, const struct slice *keys, size_t n,
                                 struct arena *, struct slice *ret, struct why *);
enum fault sqlite_signatures_put(struct store *, const struct actor *, const struct slice *keys,
                                 const struct slice *signatures, size_t n, struct why *);
enum fault sqlite_expire(struct store *, int64_t now, size_t max, size_t *ret_n, struct why *);

enum fault sqlite_mailbox_create(struct store *, const struct actor *, const struct mailbox_meta *,
                                 uint32_t uid_validity, struct why *);
enum fault sqlite_mailbox_update(struct store *, const struct actor *, const struct mailbox_meta *,
                                 struct why *);
enum fault sqlite_mailbox_delete(struct store *, const struct actor *, const struct id *mailbox,
                                 struct why *);
enum fault sqlite_mailbox_list(struct store *, const struct actor *, const struct id *account, struct arena *,
                               struct mailbox_row **ret, size_t *ret_n, struct why *);

enum fault sqlite_mailbox_set_acl(struct store *, const struct actor *, const struct mailbox_meta *,
                                  struct why *);
enum fault sqlite_mailbox_shared(struct store *, const struct actor *, const struct id *mailbox,
                                 struct arena *, struct mailbox_row **ret, size_t *ret_n, struct why *);
enum fault sqlite_mailbox_unshare(struct store *, const struct actor *, const struct id *who, struct why *);
enum fault sqlite_contents_add_account(struct store *, const struct actor *, const struct id *contents,
                                       size_t n, const struct id *account, struct why *);

enum fault sqlite_commit(struct store *, const struct actor *, const struct commit *,
                         struct mailbox_head *ret_head, struct why *);
/* moves.c */
enum fault sqlite_move_done(struct store *, const struct actor *, const struct id *mailbox,
                            const struct id *tag, struct why *);
enum fault sqlite_moves(struct store *, const struct actor *, size_t max, struct arena *,
                        struct move_row **ret, size_t *ret_n, struct why *);
/* The commit's marker, as a part of its transaction: whether there is room (LIMIT), and putting it. */
MUST_CHECK enum fault move_room(struct db *, int64_t box, struct why *);
MUST_CHECK enum fault move_insert(struct db *, int64_t box, const struct commit *, struct why *);
enum fault sqlite_read(struct store *, const struct actor *, const struct id *mailbox, uint64_t since,
                       struct arena *, struct mailbox_log *ret, struct why *);
enum fault sqlite_take_recent(struct store *, const struct actor *, const struct id *mailbox, uint32_t first,
                              uint32_t next, struct why *);
enum fault sqlite_pages_read(struct store *, const struct actor *, const struct id *mailbox, uint64_t since,
                             bool with_keys, struct arena *, struct page_row **ret, size_t *ret_n,
                             struct why *);
enum fault sqlite_page_get(struct store *, const struct actor *, const struct id *mailbox, uint32_t number,
                           struct arena *, struct page_row *ret, struct why *);
enum fault sqlite_pages_write(struct store *, const struct actor *, const struct id *mailbox,
                              const struct page_row *, size_t n, struct why *);
enum fault sqlite_trim(struct store *, const struct actor *, const struct id *mailbox, uint64_t base,
                       uint64_t upto, uint64_t vanished_floor, const struct id *history, struct why *);

enum fault sqlite_queue_put(struct store *, const struct actor *, const struct queue_entry *, size_t n,
                            struct why *);
enum fault sqlite_queue_claim(struct store *, const struct actor *, int64_t now, int64_t lease_ms, size_t max,
                              struct arena *, struct queue_entry **ret, size_t *ret_n, struct why *);
enum fault sqlite_queue_renew(struct store *, const struct actor *, const struct id *, uint64_t fence,
                              int64_t lease_until, struct why *);
enum fault sqlite_queue_finish(struct store *, const struct actor *, const struct queue_outcome *,
                               struct why *);
enum fault sqlite_queue_set(struct store *, const struct actor *, const struct id *, uint64_t fence,
                            enum queue_status, int64_t due, struct why *);
enum fault sqlite_queue_remove(struct store *, const struct actor *, const struct id *, uint64_t fence,
                               struct why *);
enum fault sqlite_queue_get(struct store *, const struct actor *, const struct id *, struct arena *,
                            struct queue_entry *ret, struct why *);
enum fault sqlite_queue_list(struct store *, const struct actor *, const struct queue_query *, struct arena *,
                             struct queue_entry **ret, size_t *ret_n, struct why *);
enum fault sqlite_queue_next_due(struct store *, const struct actor *, int64_t *ret, struct why *);

/* names.c: a mailbox's row number and head. NOT_FOUND also behind the wall. */
MUST_CHECK enum fault head_read(struct db *, const struct actor *, const struct id *mailbox, int64_t *ret_box,
                                struct mailbox_head *ret, struct why *);
MUST_CHECK enum fault head_write(struct db *, int64_t box, const struct mailbox_head *, struct why *);
#define HEAD_COLUMNS                                                                                         \
	"uid_validity, uid_next, modseq, log_base, log_base_uid, log_bytes, vanished_floor, messages, "      \
	"unseen, "                                                                                           \
	"bytes, recent_uid, keywords, history"
struct mailbox_head column_head(struct query *);

/* The mailbox ?1, if it is on the actor's side of the wall, and grants what a guest's call needs (acls.c). */
#define GRANTED_TO(who)                                                                                      \
	"coalesce((SELECT rights FROM acl WHERE acl.box = mailboxes.box AND who = " who "), 0)"
#define WALLED                                                                                               \
	"id = ?1 AND (?2 IS NULL OR account = ?2) AND "                                                      \
	"(?3 = 0 OR ?3 & ~(" GRANTED_TO("?4") " | " GRANTED_TO("?5") ") = 0)"
void bind_walled(struct query *, const struct id *mailbox, const struct actor *);
MUST_CHECK enum fault acl_read(struct db *, int64_t box, struct arena *, struct mailbox_meta *ret,
                               struct why *);
MUST_CHECK enum fault acl_write(struct db *, int64_t box, const struct mailbox_meta *, struct why *);
/* names.c */
MUST_CHECK enum fault meta_find(struct db *, const struct actor *, const struct mailbox_meta *,
                                int64_t *ret_box, struct id *ret_account,
                                struct why *); /* NOT_FOUND, STALE */
#define ROW_COLUMNS                                                                                          \
	"box, EXISTS (SELECT 1 FROM acl WHERE acl.box = mailboxes.box), "                                    \
	"id, account, parent, name, name_hash, special_use, subscribed, no_select, version, " HEAD_COLUMNS
MUST_CHECK enum fault rows_read(struct db *, struct query *, struct arena *, struct buf *rows, struct why *);

/* Rows gathered in `rows`, `size` bytes each, as an array in the arena. */
static inline void *rows_copy(const struct buf *rows, size_t size, struct arena *arena, size_t *ret_n)
{
	*ret_n = rows->len / size;
	return rows->len ? memcpy(arena_alloc(arena, rows->len), rows->data, rows->len)
	                 : arena_alloc(arena, size);
}

#endif
