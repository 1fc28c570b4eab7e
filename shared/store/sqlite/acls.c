/* What mailboxes grant to others than their owner (store.h): a table of its own, since most grant nothing. */
#include "store/sqlite/sqlite_store.h"

void bind_walled(struct query *q, const struct id *mailbox, const struct actor *actor)
{
	bind_id(q, mailbox);
	bind_id(q, wall_mailbox(actor));
	bind_int(q, wall_rights(actor));
	bind_id(q, &actor->guest);
	bind_id(q, &actor->everyone);
}

enum fault acl_read(struct db *db, int64_t box, struct arena *arena, struct mailbox_meta *ret,
                    struct why *why)
{
	struct acl_entry *acl = arena_array(arena, struct acl_entry, ACL_ENTRIES_MAX);
	struct query q = query(db, "SELECT who, rights FROM acl WHERE box = ? LIMIT ?");
	size_t n = 0;
	enum fault fault;

	bind_int(&q, box);
	bind_int(&q, ACL_ENTRIES_MAX);
	while (n < ACL_ENTRIES_MAX && query_row(&q)) {
		acl[n].who = column_id(&q);
		acl[n++].rights = (uint32_t)column_int(&q);
	}
	fault = query_done(&q, why);
	ret->acl = acl;
	ret->n_acl = n;
	return fault;
}

enum fault acl_write(struct db *db, int64_t box, const struct mailbox_meta *meta, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < meta->n_acl && !fault; i++) {
		struct query q = query(db, "INSERT INTO acl (box, who, rights) VALUES (?, ?, ?)");

		bind_int(&q, box);
		bind_id(&q, &meta->acl[i].who);
		bind_int(&q, meta->acl[i].rights);
		fault = query_run(&q, why);
	}
	return fault;
}

/* ---- set ---- */

struct granting {
	const struct actor *actor;
	const struct mailbox_meta *meta;
	const struct id *who;
};

static enum fault run_set(struct db *db, void *args, struct why *why)
{
	const struct granting *granting = args;
	struct id account;
	struct query q;
	int64_t box;
	enum fault fault = meta_find(db, granting->actor, granting->meta, &box, &account, why);

	if (fault)
		return fault;
	q = query(db, "DELETE FROM acl WHERE box = ?");
	bind_int(&q, box);
	fault = query_run(&q, why);
	if (!fault)
		fault = acl_write(db, box, granting->meta, why);
	if (fault)
		return fault;
	q = query(db, "UPDATE mailboxes SET version = version + 1 WHERE box = ?");
	bind_int(&q, box);
	return query_run(&q, why);
}

enum fault sqlite_mailbox_set_acl(struct store *base, const struct actor *actor,
                                  const struct mailbox_meta *meta, struct why *why)
{
	struct granting granting = { .actor = actor, .meta = meta };

	return writer_do(&sqlite_of(base)->writer, true, run_set, &granting, why);
}

static enum fault run_unshare(struct db *db, void *args, struct why *why)
{
	static const char *const sql[] = {
		"UPDATE mailboxes SET version = version + 1 WHERE box IN (SELECT box FROM acl WHERE who = ?)",
		"DELETE FROM acl WHERE who = ?",
	};
	const struct granting *granting = args;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < ARRAY_LEN(sql) && !fault; i++) {
		struct query q = query(db, sql[i]);

		bind_id(&q, granting->who);
		fault = query_run(&q, why);
	}
	return fault;
}

enum fault sqlite_mailbox_unshare(struct store *base, const struct actor *actor, const struct id *who,
                                  struct why *why)
{
	struct granting granting = { .who = who };

	(void)actor; /* nobody comes here for one account only */
	return writer_do(&sqlite_of(base)->writer, true, run_unshare, &granting, why);
}

/* ---- what is shared ---- */

enum fault sqlite_mailbox_shared(struct store *base, const struct actor *actor, const struct id *mailbox,
                                 struct arena *arena, struct mailbox_row **ret, size_t *ret_n,
                                 struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct reader_db *reader;
	struct buf rows;
	struct query q;
	enum fault fault = readers_take(readers, &reader, why);

	if (fault)
		return fault;
	buf_init(&rows, BUF_NO_LIMIT);
	q = query(&reader->db, mailbox ? "SELECT " ROW_COLUMNS " FROM mailboxes WHERE " WALLED
	                               : "SELECT " ROW_COLUMNS " FROM mailboxes WHERE box IN "
	                                 "(SELECT box FROM acl WHERE who IN (?, ?))");
	if (mailbox) {
		bind_walled(&q, mailbox, actor);
	} else {
		bind_id(&q, &actor->guest);
		bind_id(&q, &actor->everyone);
	}
	fault = rows_read(&reader->db, &q, arena, &rows, why);
	readers_give(readers, reader);
	if (!fault)
		*ret = rows_copy(&rows, sizeof(**ret), arena, ret_n);
	buf_done(&rows);
	return fault;
}

/* ---- contents ---- */

struct adding {
	const struct id *wall, *contents, *account;
	size_t n;
};

static enum fault add_one(struct db *db, const struct adding *adding, const struct id *content,
                          struct why *why)
{
	struct query q = query(
	    db, "UPDATE contents SET version = version + 1, accounts = CASE "
	        "WHEN owns(accounts, ?2) THEN accounts ELSE CAST(coalesce(accounts, x'') || ?2 AS BLOB) END "
	        "WHERE key = ?1 AND (?3 IS NULL OR owns(accounts, ?3))");
	enum fault fault;

	bind_id(&q, content);
	bind_id(&q, adding->account);
	bind_id(&q, adding->wall);
	fault = query_run(&q, why);
	if (!fault && sqlite3_changes(db->handle) == 0)
		fault = fault_set(why, FAULT_NOT_FOUND, "no such content");
	return fault;
}

static enum fault run_add(struct db *db, void *args, struct why *why)
{
	const struct adding *adding = args;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < adding->n && !fault; i++)
		fault = add_one(db, adding, &adding->contents[i], why);
	return fault;
}

enum fault sqlite_contents_add_account(struct store *base, const struct actor *actor,
                                       const struct id *contents, size_t n, const struct id *account,
                                       struct why *why)
{
	struct adding adding = { .wall = wall_record(actor, COLL_CONTENTS, false),
		                 .contents = contents,
		                 .account = account,
		                 .n = n };

	return writer_do(&sqlite_of(base)->writer, true, run_add, &adding, why);
}
