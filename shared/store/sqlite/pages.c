/* Pages in SQLite (store.h). Keys lie in a table of their own: most readers and many folds leave them alone. */
#include "store/sqlite/sqlite_store.h"

static int64_t place(int64_t box, uint32_t number)
{
	return (box << 32) | number;
}

/* One snapshot for a read of several statements. */
static enum fault read_in(struct store *base, enum fault (*run)(struct db *, void *, struct why *),
                          void *args, struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct reader_db *reader;
	struct query q;
	enum fault fault = readers_take(readers, &reader, why);

	if (fault)
		return fault;
	q = query(&reader->db, "BEGIN");
	fault = query_run(&q, why);
	if (!fault) {
		fault = run(&reader->db, args, why);
		q = query(&reader->db, "COMMIT");
		(void)query_run(&q, NULL);
	}
	readers_give(readers, reader);
	return fault;
}

struct paging {
	const struct actor *actor;
	const struct id *mailbox;
	uint64_t since;
	bool with_keys;
	uint32_t number;
	struct arena *arena;
	struct buf rows;
	struct page_row row;
};

static enum fault run_pages(struct db *db, void *args, struct why *why)
{
	struct paging *p = args;
	struct mailbox_head head;
	struct query q;
	int64_t box;
	enum fault fault = head_read(db, p->actor, p->mailbox, &box, &head, why);

	if (fault)
		return fault;
	q = query(db, p->with_keys
	                  ? "SELECT at, modseq, columns, keys FROM pages LEFT JOIN page_keys USING (at) "
	                    "WHERE at BETWEEN ? AND ? AND modseq > ? ORDER BY at"
	                  : "SELECT at, modseq, columns, NULL FROM pages "
	                    "WHERE at BETWEEN ? AND ? AND modseq > ? ORDER BY at");
	bind_int(&q, place(box, 0));
	bind_int(&q, place(box, UINT32_MAX));
	bind_int(&q, (int64_t)p->since);
	while (query_row(&q)) {
		struct page_row row = { .number = (uint32_t)column_int(&q),
			                .modseq = (uint64_t)column_int(&q) };

		row.columns = column_bytes(&q, p->arena);
		row.keys = column_bytes(&q, p->arena);
		buf_add(&p->rows, &row, sizeof(row));
	}
	return query_done(&q, why);
}

enum fault sqlite_pages_read(struct store *base, const struct actor *actor, const struct id *mailbox,
                             uint64_t since, bool with_keys, struct arena *arena, struct page_row **ret,
                             size_t *ret_n, struct why *why)
{
	struct paging p = {
		.actor = actor,
		.mailbox = mailbox,
		.since = since,
		.with_keys = with_keys,
		.arena = arena,
	};
	enum fault fault;

	buf_init(&p.rows, BUF_NO_LIMIT);
	fault = read_in(base, run_pages, &p, why);
	if (!fault)
		*ret = rows_copy(&p.rows, sizeof(**ret), arena, ret_n);
	buf_done(&p.rows);
	return fault;
}

static enum fault run_page(struct db *db, void *args, struct why *why)
{
	struct paging *p = args;
	struct mailbox_head head;
	struct query q;
	bool found;
	int64_t box;
	enum fault fault = head_read(db, p->actor, p->mailbox, &box, &head, why);

	if (fault)
		return fault;
	q = query(db, "SELECT modseq, columns, keys FROM pages LEFT JOIN page_keys USING (at) WHERE at = ?");
	bind_int(&q, place(box, p->number));
	found = query_row(&q);
	if (found) {
		p->row.number = p->number;
		p->row.modseq = (uint64_t)column_int(&q);
		p->row.columns = column_bytes(&q, p->arena);
		p->row.keys = column_bytes(&q, p->arena);
	}
	fault = query_done(&q, why);
	return fault || found ? fault : fault_set(why, FAULT_NOT_FOUND, "mailbox has no page %u", p->number);
}

enum fault sqlite_page_get(struct store *base, const struct actor *actor, const struct id *mailbox,
                           uint32_t number, struct arena *arena, struct page_row *ret, struct why *why)
{
	struct paging p = { .actor = actor, .mailbox = mailbox, .number = number, .arena = arena };
	enum fault fault = read_in(base, run_page, &p, why);

	if (!fault)
		*ret = p.row;
	return fault;
}

/* ---- writing ---- */

struct writing {
	const struct actor *actor;
	const struct id *mailbox;
	const struct page_row *rows;
	size_t n;
};

static enum fault write_page(struct db *db, int64_t box, const struct page_row *row, struct why *why)
{
	struct query q =
	    query(db, "INSERT INTO pages (at, modseq, columns) VALUES (?, ?, ?) ON CONFLICT (at) DO UPDATE "
	              "SET modseq = excluded.modseq, columns = excluded.columns "
	              "WHERE modseq < excluded.modseq");
	enum fault fault;

	bind_int(&q, place(box, row->number));
	bind_int(&q, (int64_t)row->modseq);
	bind_bytes(&q, row->columns);
	fault = query_run(&q, why);
	if (fault || !row->keys.data || sqlite3_changes(db->handle) == 0)
		return fault;
	q = query(db, "INSERT OR REPLACE INTO page_keys (at, keys) VALUES (?, ?)");
	bind_int(&q, place(box, row->number));
	bind_bytes(&q, row->keys);
	return query_run(&q, why);
}

static enum fault run_write(struct db *db, void *args, struct why *why)
{
	const struct writing *w = args;
	struct mailbox_head head;
	int64_t box;
	enum fault fault = head_read(db, w->actor, w->mailbox, &box, &head, why);

	for (size_t i = 0; !fault && i < w->n; i++)
		fault = write_page(db, box, &w->rows[i], why);
	return fault;
}

enum fault sqlite_pages_write(struct store *base, const struct actor *actor, const struct id *mailbox,
                              const struct page_row *rows, size_t n, struct why *why)
{
	struct writing w = { .actor = actor, .mailbox = mailbox, .rows = rows, .n = n };

	return writer_do(&sqlite_of(base)->writer, true, run_write, &w, why);
}
