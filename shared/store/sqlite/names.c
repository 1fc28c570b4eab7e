/* The row of a mailbox: its head, and its names: create, rename, delete, list (store.h). */
#include "store/sqlite/sqlite_store.h"

struct mailbox_head column_head(struct query *q)
{
	struct mailbox_head head;

	head.uid_validity = (uint32_t)column_int(q);
	head.uid_next = (uint32_t)column_int(q);
	head.modseq = (uint64_t)column_int(q);
	head.log_base = (uint64_t)column_int(q);
	head.log_base_uid = (uint32_t)column_int(q);
	head.log_bytes = (uint32_t)column_int(q);
	head.vanished_floor = (uint64_t)column_int(q);
	head.messages = (uint32_t)column_int(q);
	head.unseen = (uint32_t)column_int(q);
	head.bytes = (uint64_t)column_int(q);
	head.recent_uid = (uint32_t)column_int(q);
	head.keywords = (uint32_t)column_int(q);
	head.history = column_id(q);
	return head;
}

enum fault head_read(struct db *db, const struct actor *actor, const struct id *mailbox, int64_t *ret_box,
                     struct mailbox_head *ret, struct why *why)
{
	struct query q = query(db, "SELECT box, " HEAD_COLUMNS " FROM mailboxes WHERE " WALLED);
	bool found;
	enum fault fault;

	bind_walled(&q, mailbox, actor);
	found = query_row(&q);
	if (found) {
		*ret_box = column_int(&q);
		*ret = column_head(&q);
	}
	fault = query_done(&q, why);
	return fault || found ? fault : fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
}

enum fault head_write(struct db *db, int64_t box, const struct mailbox_head *head, struct why *why)
{
	struct query q = query(db, "UPDATE mailboxes SET (" HEAD_COLUMNS
	                           ") = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE box = ?");

	bind_int(&q, head->uid_validity);
	bind_int(&q, head->uid_next);
	bind_int(&q, (int64_t)head->modseq);
	bind_int(&q, (int64_t)head->log_base);
	bind_int(&q, head->log_base_uid);
	bind_int(&q, head->log_bytes);
	bind_int(&q, (int64_t)head->vanished_floor);
	bind_int(&q, head->messages);
	bind_int(&q, head->unseen);
	bind_int(&q, (int64_t)head->bytes);
	bind_int(&q, head->recent_uid);
	bind_int(&q, head->keywords);
	bind_id(&q, id_is_zero(&head->history) ? NULL : &head->history);
	bind_int(&q, box);
	return query_run(&q, why);
}

/* ---- names ---- */

struct naming {
	const struct mailbox_meta *meta;
	const struct actor *actor;
	const struct id *mailbox;
	uint32_t uid_validity;
};

/* The mailbox that has this name under its parent; zero when none. */
static enum fault named(struct db *db, const struct id *account, const struct mailbox_meta *meta,
                        struct id *ret, struct why *why)
{
	struct query q =
	    query(db, "SELECT id FROM mailboxes WHERE account = ? AND parent = ? AND name_hash = ?");

	*ret = (struct id){ { 0 } };
	bind_id(&q, account);
	bind_id(&q, &meta->parent);
	bind_id(&q, &meta->name_hash);
	if (query_row(&q))
		*ret = column_id(&q);
	return query_done(&q, why);
}

static enum fault insert(struct db *db, const struct naming *naming, struct why *why)
{
	const struct mailbox_meta *meta = naming->meta;
	struct query q =
	    query(db, "INSERT INTO mailboxes (id, account, parent, name, name_hash, special_use, "
	              "subscribed, no_select, version, " HEAD_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
	              "1, ?, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, NULL)");

	bind_id(&q, &meta->id);
	bind_id(&q, &meta->account);
	bind_id(&q, &meta->parent);
	bind_bytes(&q, meta->name.data ? meta->name : SLICE(""));
	bind_id(&q, &meta->name_hash);
	bind_int(&q, meta->special_use);
	bind_int(&q, meta->subscribed);
	bind_int(&q, meta->no_select);
	bind_int(&q, naming->uid_validity);
	return query_run(&q, why);
}

static enum fault run_create(struct db *db, void *args, struct why *why)
{
	const struct naming *naming = args;
	struct query q = query(db, "SELECT 1 FROM mailboxes WHERE id = ?");
	struct id same_name;
	bool same_id;
	enum fault fault;

	bind_id(&q, &naming->meta->id);
	same_id = query_row(&q);
	fault = query_done(&q, why);
	if (!fault)
		fault = named(db, &naming->meta->account, naming->meta, &same_name, why);
	if (fault)
		return fault;
	if (same_id && id_eq(&same_name, &naming->meta->id)) /* its own retry */
		return FAULT_NONE;
	if (same_id || !id_is_zero(&same_name))
		return fault_set(why, FAULT_EXISTS, "a mailbox with this %s exists", same_id ? "id" : "name");
	fault = insert(db, naming, why);
	return fault ? fault : acl_write(db, sqlite3_last_insert_rowid(db->handle), naming->meta, why);
}

enum fault sqlite_mailbox_create(struct store *base, const struct actor *actor,
                                 const struct mailbox_meta *meta, uint32_t uid_validity, struct why *why)
{
	struct naming naming = { .meta = meta, .actor = actor, .uid_validity = uid_validity };

	return writer_do(&sqlite_of(base)->writer, true, run_create, &naming, why);
}

enum fault meta_find(struct db *db, const struct actor *actor, const struct mailbox_meta *meta,
                     int64_t *ret_box, struct id *ret_account, struct why *why)
{
	struct query q = query(db, "SELECT box, account, version FROM mailboxes WHERE " WALLED);
	uint64_t version = 0;
	int64_t box = 0;
	enum fault fault;

	bind_walled(&q, &meta->id, actor);
	if (query_row(&q)) {
		box = column_int(&q);
		*ret_account = column_id(&q);
		version = (uint64_t)column_int(&q);
	}
	fault = query_done(&q, why);
	if (fault || !box)
		return fault ? fault : fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	if (version != meta->version)
		return fault_set(why, FAULT_STALE, "mailbox was renamed or changed since it was read");
	*ret_box = box;
	return FAULT_NONE;
}

static enum fault run_update(struct db *db, void *args, struct why *why)
{
	const struct naming *naming = args;
	const struct mailbox_meta *meta = naming->meta;
	struct id account, same_name;
	struct query q;
	int64_t box;
	enum fault fault = meta_find(db, naming->actor, meta, &box, &account, why);

	if (fault)
		return fault;
	fault = named(db, &account, meta, &same_name, why);
	if (fault)
		return fault;
	if (!id_is_zero(&same_name) && !id_eq(&same_name, &meta->id))
		return fault_set(why, FAULT_EXISTS, "a mailbox with this name exists");
	q = query(
	    db, "UPDATE mailboxes SET parent = ?, name = ?, name_hash = ?, special_use = ?, subscribed = ?, "
	        "no_select = ?, version = version + 1 WHERE box = ?");
	bind_id(&q, &meta->parent);
	bind_bytes(&q, meta->name.data ? meta->name : SLICE(""));
	bind_id(&q, &meta->name_hash);
	bind_int(&q, meta->special_use);
	bind_int(&q, meta->subscribed);
	bind_int(&q, meta->no_select);
	bind_int(&q, box);
	return query_run(&q, why);
}

enum fault sqlite_mailbox_update(struct store *base, const struct actor *actor,
                                 const struct mailbox_meta *meta, struct why *why)
{
	struct naming naming = { .meta = meta, .actor = actor };

	return writer_do(&sqlite_of(base)->writer, true, run_update, &naming, why);
}

/* Name, log and keywords go at once; the pages of a large mailbox would hold everybody up, and go bit by bit when
 * records expire. */
static enum fault run_delete(struct db *db, void *args, struct why *why)
{
	static const char *const sql[] = {
		"INSERT INTO dead (box) VALUES (?)",  "DELETE FROM log WHERE box = ?",
		"DELETE FROM keywords WHERE box = ?", "DELETE FROM acl WHERE box = ?",
		"DELETE FROM moves WHERE box = ?",    "DELETE FROM mailboxes WHERE box = ?",
	};
	const struct naming *naming = args;
	struct query q = query(db, "SELECT box FROM mailboxes WHERE " WALLED);
	int64_t box;
	enum fault fault;

	bind_walled(&q, naming->mailbox, naming->actor);
	box = query_row(&q) ? column_int(&q) : 0;
	fault = query_done(&q, why);
	if (!fault && !box)
		fault = fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	for (size_t i = 0; !fault && i < ARRAY_LEN(sql); i++) {
		q = query(db, sql[i]);
		bind_int(&q, box);
		fault = query_run(&q, why);
	}
	return fault;
}

enum fault sqlite_mailbox_delete(struct store *base, const struct actor *actor, const struct id *mailbox,
                                 struct why *why)
{
	struct naming naming = { .mailbox = mailbox, .actor = actor };

	return writer_do(&sqlite_of(base)->writer, true, run_delete, &naming, why);
}

/* ---- listing ---- */

static struct mailbox_meta column_meta(struct query *q, struct arena *arena)
{
	struct mailbox_meta meta = { .acl = NULL };

	meta.id = column_id(q);
	meta.account = column_id(q);
	meta.parent = column_id(q);
	meta.name = column_bytes(q, arena);
	meta.name_hash = column_id(q);
	meta.special_use = (uint32_t)column_int(q);
	meta.subscribed = column_int(q);
	meta.no_select = column_int(q);
	meta.version = (uint64_t)column_int(q);
	return meta;
}

/* The rows of a query for ROW_COLUMNS; then their lists, since most have none. */
enum fault rows_read(struct db *db, struct query *q, struct arena *arena, struct buf *rows, struct why *why)
{
	struct mailbox_row *row;
	struct buf boxes;
	enum fault fault;
	size_t n;

	buf_init(&boxes, BUF_NO_LIMIT);
	while (query_row(q)) {
		const int64_t box = column_int(q), shared = column_int(q);
		struct mailbox_row one = { .meta = column_meta(q, arena) };

		one.head = column_head(q);
		buf_add(rows, &one, sizeof(one));
		buf_add_u64(&boxes, (uint64_t)(shared ? box : 0));
	}
	fault = query_done(q, why);
	n = rows->len / sizeof(*row);
	row = (struct mailbox_row *)(void *)rows->data;
	for (struct reader in = reader_of(buf_slice(&boxes)); n-- && !fault; row++) {
		const int64_t box = (int64_t)read_u64(&in);

		if (box)
			fault = acl_read(db, box, arena, &row->meta, why);
	}
	buf_done(&boxes);
	return fault;
}

enum fault sqlite_mailbox_list(struct store *base, const struct actor *actor, const struct id *account,
                               struct arena *arena, struct mailbox_row **ret, size_t *ret_n, struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct buf rows;
	struct reader_db *reader;
	struct query q;
	enum fault fault = readers_take(readers, &reader, why);

	if (fault)
		return fault;
	buf_init(&rows, BUF_NO_LIMIT);
	q = query(&reader->db, "SELECT " ROW_COLUMNS
	                       " FROM mailboxes WHERE account = ?1 AND (?2 IS NULL OR account = ?2)");
	bind_id(&q, account);
	bind_id(&q, wall_mailbox(actor));
	fault = rows_read(&reader->db, &q, arena, &rows, why);
	readers_give(readers, reader);
	if (!fault)
		*ret = rows_copy(&rows, sizeof(**ret), arena, ret_n);
	buf_done(&rows);
	return fault;
}
