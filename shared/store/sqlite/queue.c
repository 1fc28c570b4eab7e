/* The outbound queue in SQLite (store.h). */
#include "base/clock.h"
#include "store/sqlite/sqlite_store.h"

#define COLUMNS                                                                                              \
	"id, account, content, domain, status, priority, created, due, attempts, size, fence, lease_until, " \
	"state"

static struct queue_entry column_entry(struct query *q, struct arena *arena)
{
	struct queue_entry entry;

	entry.id = column_id(q);
	entry.account = column_id(q);
	entry.content = column_id(q);
	entry.domain = column_bytes(q, arena);
	entry.status = (enum queue_status)column_int(q);
	entry.priority = (uint8_t)column_int(q);
	entry.created = column_int(q);
	entry.due = column_int(q);
	entry.attempts = (uint32_t)column_int(q);
	entry.size = (uint64_t)column_int(q);
	entry.fence = (uint64_t)column_int(q);
	entry.lease_until = column_int(q);
	entry.state = column_bytes(q, arena);
	return entry;
}

/* ---- putting ---- */

struct putting {
	const struct queue_entry *entries;
	size_t n;
};

static enum fault run_put(struct db *db, void *args, struct why *why)
{
	const struct putting *p = args;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; !fault && i < p->n; i++) {
		const struct queue_entry *entry = &p->entries[i];
		struct query q = query(db, "INSERT OR IGNORE INTO queue (" COLUMNS
		                           ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)");

		bind_id(&q, &entry->id);
		bind_id(&q, &entry->account);
		bind_id(&q, &entry->content);
		bind_bytes(&q, entry->domain.data ? entry->domain : SLICE(""));
		bind_int(&q, entry->status);
		bind_int(&q, entry->priority);
		bind_int(&q, entry->created);
		bind_int(&q, entry->due);
		bind_int(&q, entry->attempts);
		bind_int(&q, (int64_t)entry->size);
		bind_int(&q, (int64_t)entry->fence);
		bind_bytes(&q, entry->state);
		fault = query_run(&q, why);
	}
	return fault;
}

enum fault sqlite_queue_put(struct store *base, const struct actor *actor, const struct queue_entry *entries,
                            size_t n, struct why *why)
{
	struct putting p = { entries, n };

	(void)actor;
	return writer_do(&sqlite_of(base)->writer, true, run_put, &p, why);
}

/* ---- claiming ---- */

struct claiming {
	const struct id *wall;
	int64_t now, until;
	size_t max;
	struct arena *arena;
	struct buf rows;
};

/* The highest priority below `below` that any waiting entry has; -1: none. Walking priority by priority keeps every
 * step an index range, however many entries are waiting for later. */
static enum fault next_priority(struct db *db, int64_t below, int64_t *ret, struct why *why)
{
	struct query q = query(db, "SELECT priority FROM queue WHERE status = 0 AND priority < ? "
	                           "ORDER BY priority DESC LIMIT 1");

	bind_int(&q, below);
	*ret = query_row(&q) ? column_int(&q) : -1;
	return query_done(&q, why);
}

static enum fault pick(struct db *db, struct claiming *c, int64_t priority, struct why *why)
{
	struct query q =
	    query(db, "SELECT " COLUMNS " FROM queue WHERE status = 0 AND priority = ?1 AND due <= ?2 "
	              "AND lease_until <= ?2 AND (?3 IS NULL OR account = ?3) ORDER BY due LIMIT ?4");

	bind_int(&q, priority);
	bind_int(&q, c->now);
	bind_id(&q, c->wall);
	bind_int(&q, (int64_t)(c->max - c->rows.len / sizeof(struct queue_entry)));
	while (query_row(&q)) {
		struct queue_entry entry = column_entry(&q, c->arena);

		entry.fence++;
		entry.lease_until = c->until;
		buf_add(&c->rows, &entry, sizeof(entry));
	}
	return query_done(&q, why);
}

static enum fault mark(struct db *db, const struct claiming *c, struct why *why)
{
	const struct queue_entry *entries = (const struct queue_entry *)(const void *)c->rows.data;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; !fault && i < c->rows.len / sizeof(*entries); i++) {
		struct query q = query(db, "UPDATE queue SET fence = ?2, lease_until = ?3 WHERE id = ?1");

		bind_id(&q, &entries[i].id);
		bind_int(&q, (int64_t)entries[i].fence);
		bind_int(&q, entries[i].lease_until);
		fault = query_run(&q, why);
	}
	return fault;
}

static enum fault run_claim(struct db *db, void *args, struct why *why)
{
	struct claiming *c = args;
	int64_t priority = INT64_MAX;
	enum fault fault;

	buf_clear(&c->rows);
	do {
		fault = next_priority(db, priority, &priority, why);
		if (!fault && priority >= 0)
			fault = pick(db, c, priority, why);
	} while (!fault && priority >= 0 && c->rows.len / sizeof(struct queue_entry) < c->max);
	return fault ? fault : mark(db, c, why);
}

enum fault sqlite_queue_claim(struct store *base, const struct actor *actor, int64_t now, int64_t lease_ms,
                              size_t max, struct arena *arena, struct queue_entry **ret, size_t *ret_n,
                              struct why *why)
{
	struct claiming c = {
		.wall = wall_queue(actor),
		.now = now,
		.until = now + lease_ms,
		.max = MIN_OF(max, (size_t)INT32_MAX),
		.arena = arena,
	};
	enum fault fault;

	buf_init(&c.rows, BUF_NO_LIMIT);
	fault = writer_do(&sqlite_of(base)->writer, false, run_claim, &c, why);
	if (!fault)
		*ret = rows_copy(&c.rows, sizeof(**ret), arena, ret_n);
	buf_done(&c.rows);
	return fault;
}

/* ---- words about one entry ---- */

struct word {
	const struct id *wall, *id;
	const char *sql; /* conditional: no row changed is STALE */
	uint64_t fence;
	int64_t numbers[4];
	int n_numbers;
	const struct slice *state;
};

/* id, fence, wall, then the numbers, then the state. */
static enum fault run_word(struct db *db, void *args, struct why *why)
{
	const struct word *word = args;
	struct query q = query(db, word->sql);
	enum fault fault;

	bind_id(&q, word->id);
	bind_int(&q, (int64_t)word->fence);
	bind_id(&q, word->wall);
	for (int i = 0; i < word->n_numbers; i++)
		bind_int(&q, word->numbers[i]);
	if (word->state)
		bind_bytes(&q, *word->state);
	fault = query_run(&q, why);
	if (!fault && sqlite3_changes(db->handle) == 0)
		fault =
		    fault_set(why, FAULT_STALE, "queue entry is gone, leased, or claimed by another since");
	return fault;
}

#define MATCH "WHERE id = ?1 AND fence = ?2 AND (?3 IS NULL OR account = ?3)"

enum fault sqlite_queue_renew(struct store *base, const struct actor *actor, const struct id *id,
                              uint64_t fence, int64_t lease_until, struct why *why)
{
	struct word word = {
		.wall = wall_queue(actor),
		.id = id,
		.sql = "UPDATE queue SET lease_until = ?4 " MATCH " AND lease_until > 0",
		.fence = fence,
		.numbers = { lease_until },
		.n_numbers = 1,
	};

	return writer_do(&sqlite_of(base)->writer, false, run_word, &word, why);
}

enum fault sqlite_queue_finish(struct store *base, const struct actor *actor,
                               const struct queue_outcome *outcome, struct why *why)
{
	struct word word = {
		.wall = wall_queue(actor),
		.id = &outcome->id,
		.sql = outcome->remove
		           ? "DELETE FROM queue " MATCH
		           : "UPDATE queue SET lease_until = 0, status = ?4, due = ?5, attempts = ?6, "
		             "state = ?7 " MATCH,
		.fence = outcome->fence,
		.numbers = { outcome->status, outcome->due, outcome->attempts },
		.n_numbers = outcome->remove ? 0 : 3,
		.state = outcome->remove ? NULL : &outcome->state,
	};

	return writer_do(&sqlite_of(base)->writer, true, run_word, &word, why);
}

enum fault sqlite_queue_set(struct store *base, const struct actor *actor, const struct id *id,
                            uint64_t fence, enum queue_status status, int64_t due, struct why *why)
{
	struct word word = {
		.wall = wall_queue(actor),
		.id = id,
		.sql = "UPDATE queue SET status = ?5, due = ?6 " MATCH " AND lease_until <= ?4",
		.fence = fence,
		.numbers = { clock_now(), status, due },
		.n_numbers = 3,
	};

	return writer_do(&sqlite_of(base)->writer, true, run_word, &word, why);
}

enum fault sqlite_queue_remove(struct store *base, const struct actor *actor, const struct id *id,
                               uint64_t fence, struct why *why)
{
	struct word word = {
		.wall = wall_queue(actor),
		.id = id,
		.sql = "DELETE FROM queue " MATCH " AND lease_until <= ?4",
		.fence = fence,
		.numbers = { clock_now() },
		.n_numbers = 1,
	};

	return writer_do(&sqlite_of(base)->writer, true, run_word, &word, why);
}

/* ---- looking ---- */

enum fault sqlite_queue_get(struct store *base, const struct actor *actor, const struct id *id,
                            struct arena *arena, struct queue_entry *ret, struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct queue_entry entry;
	struct reader_db *reader;
	struct query q;
	bool found;
	enum fault fault = readers_take(readers, &reader, why);

	if (fault)
		return fault;
	q = query(&reader->db,
	          "SELECT " COLUMNS " FROM queue WHERE id = ?1 AND (?2 IS NULL OR account = ?2)");
	bind_id(&q, id);
	bind_id(&q, wall_queue(actor));
	found = query_row(&q);
	if (found)
		entry = column_entry(&q, arena);
	fault = query_done(&q, why);
	readers_give(readers, reader);
	if (fault || !found)
		return fault ? fault : fault_set(why, FAULT_NOT_FOUND, "no such queue entry");
	*ret = entry;
	return FAULT_NONE;
}

/* Of four texts, so that each can use its index. */
static const char *list_sql(const struct queue_query *query)
{
#define LIST "SELECT " COLUMNS " FROM queue WHERE (?1 IS NULL OR account = ?1) AND id > ?2 "
#define END  "ORDER BY id LIMIT ?3"
	if (query->account)
		return query->domain.data ? LIST "AND account = ?4 AND domain = ?5 " END
		                          : LIST "AND account = ?4 " END;
	return query->domain.data ? LIST "AND domain = ?4 " END : LIST END;
#undef LIST
#undef END
}

enum fault sqlite_queue_list(struct store *base, const struct actor *actor, const struct queue_query *list,
                             struct arena *arena, struct queue_entry **ret, size_t *ret_n, struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct reader_db *reader;
	struct query q;
	struct buf rows;
	enum fault fault = readers_take(readers, &reader, why);

	if (fault)
		return fault;
	buf_init(&rows, BUF_NO_LIMIT);
	q = query(&reader->db, list_sql(list));
	bind_id(&q, wall_queue(actor));
	bind_id(&q, &list->after);
	bind_int(&q, (int64_t)MIN_OF(list->limit, (size_t)INT32_MAX));
	if (list->account)
		bind_id(&q, list->account);
	if (list->domain.data)
		bind_bytes(&q, list->domain);
	while (query_row(&q)) {
		struct queue_entry entry = column_entry(&q, arena);

		buf_add(&rows, &entry, sizeof(entry));
	}
	fault = query_done(&q, why);
	readers_give(readers, reader);
	if (!fault)
		*ret = rows_copy(&rows, sizeof(**ret), arena, ret_n);
	buf_done(&rows);
	return fault;
}

enum fault sqlite_queue_next_due(struct store *base, const struct actor *actor, int64_t *ret, struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct reader_db *reader;
	struct query q;
	int64_t due = 0;
	enum fault fault = readers_take(readers, &reader, why);

	(void)actor;
	if (fault)
		return fault;
	/* those not leased by the index, those that are one by one: there are few */
	q = query(&reader->db, "SELECT min(due) FROM (SELECT min(due) AS due FROM queue WHERE status = 0 AND "
	                       "lease_until = 0 UNION ALL SELECT min(max(due, lease_until)) FROM queue WHERE "
	                       "status = 0 AND lease_until > 0)");
	if (query_row(&q))
		due = column_int(&q);
	fault = query_done(&q, why);
	readers_give(readers, reader);
	if (!fault)
		*ret = due;
	return fault;
}
