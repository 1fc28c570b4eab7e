/* Plain records in SQLite (store.h). */
#include "base/clock.h"
#include "store/sqlite/sqlite_store.h"

/* ---- reading ---- */

static struct record column_record(struct query *q, struct arena *arena)
{
	struct record record = { .key = column_bytes(q, arena), .version = (uint64_t)column_int(q) };

	record.accounts = column_bytes(q, arena);
	for (int i = 0; i < RECORD_INDEXES; i++)
		record.index[i] = column_bytes(q, arena);
	record.expires = column_int(q);
	record.value = column_bytes(q, arena);
	record.body = column_bytes(q, arena);
	return record;
}

static struct query read_query(struct db *db, const char *sql, const struct id *wall, bool with_body)
{
	struct query q = query(db, sql);

	bind_id(&q, wall);
	bind_int(&q, with_body);
	bind_int(&q, clock_now());
	return q;
}

static enum fault get_one(struct db *db, const char *sql, const struct id *wall, struct slice key,
                          bool with_body, struct arena *arena, struct record *ret, struct why *why)
{
	struct query q = read_query(db, sql, wall, with_body);

	bind_bytes(&q, key);
	if (query_row(&q))
		*ret = column_record(&q, arena);
	return query_done(&q, why);
}

enum fault sqlite_get(struct store *base, const struct actor *actor, enum collection collection,
                      const struct slice *keys, size_t n, bool with_body, struct arena *arena,
                      struct record *ret, struct why *why)
{
	struct sqlite_store *store = sqlite_of(base);
	const struct id *wall = wall_record(actor, collection, false);
	struct record *records = arena_array(arena, struct record, n);
	struct reader_db *reader;
	struct query q;
	enum fault fault = readers_take(&store->readers, &reader, why);

	if (fault)
		return fault;
	q = query(&reader->db, "BEGIN"); /* the file is locked once, not for each key */
	fault = query_run(&q, why);
	for (size_t i = 0; !fault && i < n; i++)
		fault = get_one(&reader->db, store->sql[collection].get, wall, keys[i], with_body, arena,
		                &records[i], why);
	q = query(&reader->db, "COMMIT");
	(void)query_run(&q, NULL);
	readers_give(&store->readers, reader);
	if (!fault && n)
		memcpy(ret, records, n * sizeof(*ret));
	return fault;
}

static struct slice or_empty(struct slice s)
{
	return s.data ? s : SLICE("");
}

static struct query find_query(struct db *db, const struct record_sql *sql, const struct record_query *find,
                               const struct id *wall)
{
	const char *text = find->index < 0    ? sql->find_key
	                   : find->equal.data ? sql->find_equal[find->index]
	                                      : sql->find_index[find->index];
	struct query q = read_query(db, text, wall, find->with_body);

	if (find->index >= 0)
		bind_bytes(&q, find->equal.data ? find->equal : or_empty(find->after_index));
	bind_bytes(&q, or_empty(find->after_key));
	bind_int(&q, (int64_t)MIN_OF(find->limit, (size_t)INT32_MAX));
	return q;
}

enum fault sqlite_find(struct store *base, const struct actor *actor, const struct record_query *find,
                       struct arena *arena, struct record **ret, size_t *ret_n, struct why *why)
{
	struct sqlite_store *store = sqlite_of(base);
	struct reader_db *reader;
	struct query q;
	struct buf rows;
	enum fault fault = readers_take(&store->readers, &reader, why);

	if (fault)
		return fault;
	buf_init(&rows, BUF_NO_LIMIT);
	q = find_query(&reader->db, &store->sql[find->collection], find,
	               wall_record(actor, find->collection, false));
	while (query_row(&q)) {
		struct record record = column_record(&q, arena);

		buf_add(&rows, &record, sizeof(record));
	}
	fault = query_done(&q, why);
	readers_give(&store->readers, reader);
	if (!fault)
		*ret = rows_copy(&rows, sizeof(**ret), arena, ret_n);
	buf_done(&rows);
	return fault;
}

/* ---- writing ---- */

struct stored {    /* what is there under a key */
	int64_t n; /* 0: nothing */
	uint64_t version;
	bool expired, ours;
};

struct put {
	const struct record_sql *sql;
	const struct record *record;
	const struct id *wall;
	const struct schema_collection *schema;
	int64_t now;
};

static enum fault look(struct db *db, const struct record_sql *sql, const struct id *wall, struct slice key,
                       int64_t now, struct stored *ret, struct why *why)
{
	struct query q = query(db, sql->look);

	*ret = (struct stored){ 0 };
	bind_id(&q, wall);
	bind_bytes(&q, key);
	if (query_row(&q)) {
		int64_t expires;

		ret->n = column_int(&q);
		ret->version = (uint64_t)column_int(&q);
		expires = column_int(&q);
		ret->expired = expires > 0 && expires <= now;
		ret->ours = column_int(&q);
	}
	return query_done(&q, why);
}

/* What is stored is what is put, but for its version and when it expires: a retry. */
static enum fault is_same(struct db *db, const struct put *put, int64_t n, bool *ret, struct why *why)
{
	const struct record *record = put->record;
	struct query q = query(db, put->sql->same);
	enum fault fault;

	bind_int(&q, n);
	bind_bytes(&q, record->accounts);
	bind_bytes(&q, record->index[0]);
	bind_bytes(&q, record->index[1]);
	bind_bytes(&q, record->value);
	*ret = query_row(&q) && column_int(&q);
	fault = query_done(&q, why);
	if (fault || !*ret || !record->body.data)
		return fault;
	q = query(db, put->sql->same_body);
	bind_int(&q, n);
	bind_bytes(&q, record->body);
	*ret = query_row(&q);
	return query_done(&q, why);
}

static enum fault drop(struct db *db, const struct record_sql *sql, const struct schema_collection *schema,
                       int64_t n, struct why *why)
{
	struct query q = query(db, sql->drop);
	enum fault fault;

	bind_int(&q, n);
	fault = query_run(&q, why);
	if (fault || !schema->has_body)
		return fault;
	q = query(db, sql->drop_body);
	bind_int(&q, n);
	fault = query_run(&q, why);
	if (fault)
		return fault;
	q = query(db, sql->drop_signature);
	bind_int(&q, n);
	return query_run(&q, why);
}

/* EXISTS when another live record has one of the unique index values. Expired ones are in nobody's way: `ret_expired`
 * are to be dropped. */
static enum fault find_rivals(struct db *db, const struct put *put, int64_t ret_expired[RECORD_INDEXES],
                              struct why *why)
{
	for (int i = 0; i < RECORD_INDEXES; i++) {
		struct query q;
		bool rival = false;
		enum fault fault;

		ret_expired[i] = 0;
		if (!put->schema->index[i].unique || !put->record->index[i].data)
			continue;
		q = query(db, put->sql->rival[i]);
		bind_bytes(&q, put->record->index[i]);
		bind_bytes(&q, put->record->key);
		while (!rival && query_row(&q)) {
			int64_t n = column_int(&q), expires = column_int(&q);

			if (expires > 0 && expires <= put->now)
				ret_expired[i] = n;
			else
				rival = true;
		}
		fault = query_done(&q, why);
		if (!fault && rival)
			fault = fault_set(why, FAULT_EXISTS, "%s with this %s is there", put->schema->name,
			                  put->schema->index[i].name);
		if (fault)
			return fault;
	}
	return FAULT_NONE;
}

/* Whether the put may happen. `ret_n` 0: as an insert. A retry of what is there is `ret_done`. */
static enum fault decide(struct db *db, const struct put *put, const struct stored *stored, bool *ret_done,
                         struct why *why)
{
	uint64_t version = put->record->version;
	bool there = stored->n && !stored->expired;
	enum fault fault;

	if (there && !stored->ours)
		return fault_set(why, FAULT_DENIED, "record in %s is another account's", put->schema->name);
	if (version == RECORD_NEW && there) {
		fault = is_same(db, put, stored->n, ret_done, why);
		return fault || *ret_done
		           ? fault
		           : fault_set(why, FAULT_EXISTS, "record in %s exists", put->schema->name);
	}
	if (version != RECORD_NEW && version != RECORD_ANY && (!there || stored->version != version))
		return fault_set(why, FAULT_STALE, "record in %s was changed since it was read",
		                 put->schema->name);
	return FAULT_NONE;
}

static enum fault write_apart(struct db *db, const char *sql, int64_t n, struct slice what, struct why *why)
{
	struct query q = query(db, sql);

	bind_int(&q, n);
	if (what.data)
		bind_bytes(&q, what);
	return query_run(&q, why);
}

static enum fault write_body(struct db *db, const struct put *put, int64_t n, struct why *why)
{
	const struct record *record = put->record;
	enum fault fault;

	if (!put->schema->has_body)
		return FAULT_NONE;
	fault = write_apart(db, record->body.data ? put->sql->put_body : put->sql->drop_body, n, record->body,
	                    why);
	if (fault || !record->signature.data)
		return fault;
	return write_apart(db, put->sql->put_signature, n, record->signature, why);
}

static enum fault write_record(struct db *db, const struct put *put, int64_t n, struct why *why)
{
	const struct record *record = put->record;
	struct query q = query(db, n ? put->sql->update : put->sql->insert);
	enum fault fault;

	if (n)
		bind_int(&q, n);
	else
		bind_bytes(&q, record->key);
	bind_bytes(&q, record->accounts);
	bind_bytes(&q, record->index[0]);
	bind_bytes(&q, record->index[1]);
	bind_int(&q, record->expires);
	bind_bytes(&q, record->value);
	fault = query_run(&q, why);
	return fault ? fault : write_body(db, put, n ? n : sqlite3_last_insert_rowid(db->handle), why);
}

static enum fault run_put(struct db *db, void *args, struct why *why)
{
	const struct put *put = args;
	int64_t expired[RECORD_INDEXES + 1] = { 0 };
	struct stored stored;
	bool done = false;
	enum fault fault = look(db, put->sql, put->wall, put->record->key, put->now, &stored, why);

	if (!fault)
		fault = decide(db, put, &stored, &done, why);
	if (fault || done)
		return fault;
	fault = find_rivals(db, put, expired, why);
	if (stored.n && stored.expired)
		expired[RECORD_INDEXES] = stored.n;
	for (size_t i = 0; !fault && i < ARRAY_LEN(expired); i++)
		if (expired[i])
			fault = drop(db, put->sql, put->schema, expired[i], why);
	return fault ? fault : write_record(db, put, stored.expired ? 0 : stored.n, why);
}

static struct put make_put(struct sqlite_store *store, const struct actor *actor, enum collection collection,
                           const struct record *record)
{
	return (struct put){
		.sql = &store->sql[collection],
		.record = record,
		.wall = wall_record(actor, collection, true),
		.schema = &schema_collections[collection],
		.now = clock_now(),
	};
}

enum fault sqlite_put_with(struct sqlite_store *store, struct db *db, const struct actor *actor,
                           enum collection collection, const struct record *record, struct why *why)
{
	struct put put = make_put(store, actor, collection, record);

	return run_put(db, &put, why);
}

enum fault sqlite_put(struct store *base, const struct actor *actor, enum collection collection,
                      const struct record *record, struct why *why)
{
	struct sqlite_store *store = sqlite_of(base);
	struct put put = make_put(store, actor, collection, record);

	return writer_do(&store->writer, true, run_put, &put, why);
}

struct put_many {
	struct sqlite_store *store;
	const struct actor *actor;
	enum collection collection;
	const struct record *const *records;
	size_t n;
};

static enum fault run_put_many(struct db *db, void *args, struct why *why)
{
	const struct put_many *many = args;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < many->n && !fault; i++)
		fault =
		    sqlite_put_with(many->store, db, many->actor, many->collection, many->records[i], why);
	return fault;
}

enum fault sqlite_put_many(struct store *base, const struct actor *actor, enum collection collection,
                           const struct record *const *records, size_t n, struct why *why)
{
	struct put_many many = { sqlite_of(base), actor, collection, records, n };

	return writer_do(&many.store->writer, false, run_put_many, &many, why);
}

static enum fault run_del(struct db *db, void *args, struct why *why)
{
	const struct put *del = args;
	struct stored stored;
	enum fault fault = look(db, del->sql, del->wall, del->record->key, del->now, &stored, why);

	if (fault)
		return fault;
	if (!stored.n || stored.expired || !stored.ours)
		return fault_set(why, FAULT_NOT_FOUND, "no such record in %s", del->schema->name);
	if (del->record->version != RECORD_ANY && del->record->version != stored.version)
		return fault_set(why, FAULT_STALE, "record in %s was changed since it was read",
		                 del->schema->name);
	return drop(db, del->sql, del->schema, stored.n, why);
}

enum fault sqlite_del(struct store *base, const struct actor *actor, enum collection collection,
                      struct slice key, uint64_t version, struct why *why)
{
	struct sqlite_store *store = sqlite_of(base);
	struct record record = { .key = key, .version = version };
	struct put del = make_put(store, actor, collection, &record);

	return writer_do(&store->writer, true, run_del, &del, why);
}

/* ---- expiry ---- */

#define EXPIRE_STEP 256 /* rows in one transaction, so that nobody waits long */

struct expire {
	struct sqlite_store *store;
	int64_t now;
	size_t max, gone;
};

static enum fault expire_collection(struct db *db, struct expire *expire, int i, struct why *why)
{
	const struct record_sql *sql = &expire->store->sql[i];
	int64_t rows[EXPIRE_STEP];
	size_t n = 0;
	struct query q = query(db, sql->expired);
	enum fault fault;

	bind_int(&q, expire->now);
	bind_int(&q, (int64_t)(expire->max - expire->gone));
	while (n < EXPIRE_STEP && query_row(&q))
		rows[n++] = column_int(&q);
	fault = query_done(&q, why);
	for (size_t k = 0; !fault && k < n; k++)
		fault = drop(db, sql, &schema_collections[i], rows[k], why);
	if (!fault)
		expire->gone += n;
	return fault;
}

/* Pages of mailboxes that were deleted: as many as fit, and the mark once none are left. */
static enum fault bury(struct db *db, struct expire *expire, struct why *why)
{
	struct query q = query(db, "SELECT box FROM dead LIMIT 1");
	int64_t box = query_row(&q) ? column_int(&q) : 0, gone;
	enum fault fault = query_done(&q, why);

	if (fault || !box || expire->gone >= expire->max)
		return fault;
	q = query(db, "DELETE FROM page_keys WHERE at IN (SELECT at FROM pages WHERE at BETWEEN ?1 << 32 AND "
	              "(?1 << 32) + 4294967295 ORDER BY at LIMIT ?2)");
	bind_int(&q, box);
	bind_int(&q, (int64_t)(expire->max - expire->gone));
	fault = query_run(&q, why);
	if (fault)
		return fault;
	q = query(db, "DELETE FROM pages WHERE at IN (SELECT at FROM pages WHERE at BETWEEN ?1 << 32 AND "
	              "(?1 << 32) + 4294967295 ORDER BY at LIMIT ?2)");
	bind_int(&q, box);
	bind_int(&q, (int64_t)(expire->max - expire->gone));
	fault = query_run(&q, why);
	gone = sqlite3_changes64(db->handle);
	if (fault || gone) {
		expire->gone += (size_t)gone;
		return fault;
	}
	q = query(db, "DELETE FROM dead WHERE box = ?");
	bind_int(&q, box);
	return query_run(&q, why);
}

static enum fault run_expire(struct db *db, void *args, struct why *why)
{
	struct expire *expire = args;
	enum fault fault = FAULT_NONE;

	expire->gone = 0;
	for (int i = 0; !fault && i < COLL_COUNT && expire->gone < expire->max; i++)
		fault = expire_collection(db, expire, i, why);
	return fault ? fault : bury(db, expire, why);
}

enum fault sqlite_expire(struct store *base, int64_t now, size_t max, size_t *ret_n, struct why *why)
{
	size_t total = 0;
	enum fault fault = FAULT_NONE;

	while (total < max) {
		struct expire expire = { sqlite_of(base), now, MIN_OF(max - total, (size_t)EXPIRE_STEP), 0 };

		fault = writer_do(&expire.store->writer, false, run_expire, &expire, why);
		if (fault || !expire.gone)
			break;
		total += expire.gone;
	}
	if (!fault)
		*ret_n = total;
	return fault;
}
