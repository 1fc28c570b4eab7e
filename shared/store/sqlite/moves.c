/* Markers of moves (store.h): they come with a commit, and go by themselves or with their mailbox. */
#include "store/sqlite/sqlite_store.h"

enum fault move_room(struct db *db, int64_t box, struct why *why)
{
	struct query q = query(db, "SELECT count(*) FROM moves WHERE box = ?");
	bool full;
	enum fault fault;

	bind_int(&q, box);
	full = query_row(&q) && column_int(&q) >= MOVES_MAX;
	fault = query_done(&q, why);
	return fault || !full
	           ? fault
	           : fault_set(why, FAULT_LIMIT, "%d moves into the mailbox are half done", MOVES_MAX);
}

enum fault move_insert(struct db *db, int64_t box, const struct commit *commit, struct why *why)
{
	struct query q = query(db, "INSERT INTO moves (box, tag, move) VALUES (?, ?, ?)");

	bind_int(&q, box);
	bind_id(&q, &commit->changes[0].tag);
	bind_bytes(&q, commit->move);
	return query_run(&q, why);
}

struct finishing {
	const struct actor *actor;
	const struct id *mailbox, *tag;
};

static enum fault run_done(struct db *db, void *args, struct why *why)
{
	const struct finishing *f = args;
	struct mailbox_head head;
	struct query q;
	int64_t box;
	enum fault fault = head_read(db, f->actor, f->mailbox, &box, &head, why);

	if (fault)
		return fault;
	q = query(db, "DELETE FROM moves WHERE box = ? AND tag = ?");
	bind_int(&q, box);
	bind_id(&q, f->tag);
	return query_run(&q, why);
}

enum fault sqlite_move_done(struct store *base, const struct actor *actor, const struct id *mailbox,
                            const struct id *tag, struct why *why)
{
	struct finishing f = { actor, mailbox, tag };

	return writer_do(&sqlite_of(base)->writer, false, run_done, &f, why);
}

enum fault sqlite_moves(struct store *base, const struct actor *actor, size_t max, struct arena *arena,
                        struct move_row **ret, size_t *ret_n, struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct reader_db *reader;
	struct query q;
	struct buf rows;
	enum fault fault = readers_take(readers, &reader, why);

	if (fault)
		return fault;
	buf_init(&rows, BUF_NO_LIMIT);
	q = query(&reader->db, "SELECT account, id, tag, move FROM moves JOIN mailboxes USING (box) "
	                       "WHERE ?1 IS NULL OR account = ?1 LIMIT ?2");
	bind_id(&q, wall_mailbox(actor));
	bind_int(&q, (int64_t)max);
	while (query_row(&q)) {
		struct move_row row = { .account = column_id(&q) };

		row.mailbox = column_id(&q);
		row.tag = column_id(&q);
		row.move = column_bytes(&q, arena);
		buf_add(&rows, &row, sizeof(row));
	}
	fault = query_done(&q, why);
	readers_give(readers, reader);
	if (!fault)
		*ret = rows_copy(&rows, sizeof(**ret), arena, ret_n);
	buf_done(&rows);
	return fault;
}
