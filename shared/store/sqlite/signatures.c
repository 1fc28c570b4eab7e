/* Search signatures of contents: in a table of their own, so that neither who lists mail reads them nor who reads them the
 * mail (store.h). */
#include "store/access.h"
#include "store/sqlite/sqlite_store.h"

static enum fault get_one(struct db *db, const char *sql, const struct id *wall, struct slice key,
                          struct arena *arena, struct slice *ret, struct why *why)
{
	struct query q = query(db, sql);

	bind_bytes(&q, key);
	bind_id(&q, wall);
	*ret = (struct slice){ NULL, 0 };
	if (query_row(&q))
		*ret = column_bytes(&q, arena);
	return query_done(&q, why);
}

enum fault sqlite_signatures_get(struct store *base, const struct actor *actor, const struct slice *keys,
                                 size_t n, struct arena *arena, struct slice *ret, struct why *why)
{
	struct sqlite_store *store = sqlite_of(base);
	const struct id *wall = wall_record(actor, COLL_CONTENTS, false);
	struct reader_db *reader;
	struct query q;
	enum fault fault = readers_take(&store->readers, &reader, why);

	if (fault)
		return fault;
	q = query(&reader->db, "BEGIN");
	fault = query_run(&q, why);
	for (size_t i = 0; !fault && i < n; i++)
		fault = get_one(&reader->db, store->sql[COLL_CONTENTS].get_signature, wall, keys[i], arena,
		                &ret[i], why);
	q = query(&reader->db, "COMMIT");
	(void)query_run(&q, NULL);
	readers_give(&store->readers, reader);
	return fault;
}

struct signing {
	const struct record_sql *sql;
	const struct id *wall;
	const struct slice *keys, *signatures;
	size_t n;
};

static enum fault put_one(struct db *db, const struct signing *signing, size_t i, struct why *why)
{
	struct query q = query(db, signing->sql->look);
	int64_t n = 0;
	enum fault fault;

	bind_id(&q, signing->wall);
	bind_bytes(&q, signing->keys[i]);
	if (query_row(&q)) {
		n = column_int(&q);
		(void)column_int(&q); /* version */
		(void)column_int(&q); /* expires */
		if (!column_int(&q))
			n = 0;
	}
	fault = query_done(&q, why);
	if (fault || !n)
		return fault;
	q = query(db, signing->sql->put_signature);
	bind_int(&q, n);
	bind_bytes(&q, signing->signatures[i]);
	return query_run(&q, why);
}

static enum fault run_signing(struct db *db, void *args, struct why *why)
{
	const struct signing *signing = args;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < signing->n && !fault; i++)
		fault = put_one(db, signing, i, why);
	return fault;
}

enum fault sqlite_signatures_put(struct store *base, const struct actor *actor, const struct slice *keys,
                                 const struct slice *signatures, size_t n, struct why *why)
{
	struct sqlite_store *store = sqlite_of(base);
	struct signing signing = { &store->sql[COLL_CONTENTS], wall_record(actor, COLL_CONTENTS, true), keys,
		                   signatures, n };

	return writer_do(&store->writer, false, run_signing, &signing, why);
}
