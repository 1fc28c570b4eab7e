/*
 * Records put. One: in one command when nothing is in the way. A put that clashes
 * looks what it clashed with: the caller's own earlier try, a record that has
 * expired but is not removed yet, another's record, or really a taken name.
 */
#include "store/mongo/put.h"

#include "store/mongo/ops.h"

#include "base/clock.h"
#include "store/access.h"
#include "store/mongo/shape.h"

#define TRIES         3
#define BYTES_AT_ONCE (8 * 1024 * 1024) /* of contents in one command */

struct put {
	struct call *call;
	enum collection collection;
	const struct record *record;
	const struct id *wall;
};

static const char *name_of(const struct put *put)
{
	return schema_collections[put->collection].name;
}

static void add_key(bson_t *filter, const struct put *put)
{
	shape_add(filter, "_id", shape_key(put->collection), put->record->key);
}

static enum fault insert(struct put *put)
{
	bson_t doc = BSON_INITIALIZER;
	enum fault fault;

	shape_record(&doc, put->collection, put->record, 1);
	fault = call_insert(put->call, name_of(put), &doc);
	bson_destroy(&doc);
	return fault;
}

/* Over what is there; `matched` is 0 when it is not there at that version or not the wall's. */
static enum fault replace(struct put *put, size_t *ret_matched)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER;
	struct change change = { .collection = name_of(put), .filter = &filter, .update = &update };
	enum fault fault;

	add_key(&filter, put);
	change.upsert = put->record->version == RECORD_ANY;
	if (!change.upsert) {
		doc_add_num(&filter, "version", put->record->version);
		shape_not_expired(&filter, clock_now());
	}
	shape_walled(&filter, put->wall);
	shape_update(&update, put->collection, put->record);
	fault = call_update(put->call, &change, ret_matched);
	bson_destroy(&filter);
	bson_destroy(&update);
	return fault;
}

/* Removes what has expired and stands in the way: the same key, or the same value in a unique index. */
static enum fault clear_expired(struct put *put, size_t *ret_removed)
{
	bson_t filter = BSON_INITIALIZER, either, branch, limit;
	const struct schema_index *index = schema_collections[put->collection].index;
	enum fault fault;

	bson_append_document_begin(&filter, "expires", -1, &limit);
	doc_add_time(&limit, "$lte", clock_now());
	bson_append_document_end(&filter, &limit);
	bson_append_array_begin(&filter, "$or", -1, &either);
	bson_append_document_begin(&either, "0", -1, &branch);
	add_key(&branch, put);
	bson_append_document_end(&either, &branch);
	for (int i = 0; i < RECORD_INDEXES; i++) {
		if (!index[i].unique || !put->record->index[i].data)
			continue;
		bson_append_document_begin(&either, i == 0 ? "1" : "2", 1, &branch);
		shape_add(&branch, index[i].name, shape_index(put->collection, i), put->record->index[i]);
		bson_append_document_end(&either, &branch);
	}
	bson_append_array_end(&filter, &either);
	fault = call_delete(put->call, name_of(put), &filter, true, ret_removed);
	bson_destroy(&filter);
	return fault;
}

/* What a put that came to nothing met under its key. NONE: just what it wanted to put. */
static enum fault judge(struct put *put, enum fault otherwise)
{
	struct arena *arena = arena_new();
	struct record there = { .version = 0 };
	bson_t filter = BSON_INITIALIZER;
	enum fault fault;
	struct slice doc;

	add_key(&filter, put);
	fault = call_find_one(put->call, name_of(put), &filter, NULL, arena, &doc);
	if (!fault)
		fault = shape_parse(put->collection, doc, arena, &there, put->call->why);
	if (!fault && put->wall && !access_names(&there, put->wall))
		fault = fault_set(put->call->why, FAULT_DENIED, "mongo: %s: it is another account's",
		                  name_of(put));
	else if (!fault && otherwise == FAULT_EXISTS && shape_same(&there, put->record))
		fault = FAULT_NONE;
	else if (!fault || fault == FAULT_NOT_FOUND)
		fault =
		    fault_set(put->call->why, otherwise, "mongo: %s: %s", name_of(put),
		              otherwise == FAULT_EXISTS ? "the key, or a name that must be unique, is taken"
		                                        : "it was changed");
	bson_destroy(&filter);
	arena_free(arena);
	return fault;
}

static enum fault put_once(struct put *put)
{
	enum fault fault;
	size_t matched;

	if (put->record->version == RECORD_NEW)
		return insert(put);
	fault = replace(put, &matched);
	return fault || matched ? fault : judge(put, FAULT_STALE);
}

static enum fault put_one(struct put *put)
{
	enum fault fault;
	size_t removed;

	fault = shape_check(put->collection, put->record, put->call->why);
	if (fault)
		return fault;
	for (int i = 0; i < TRIES; i++) {
		fault = put_once(put);
		if (fault != FAULT_EXISTS)
			return fault;
		fault = clear_expired(put, &removed);
		if (fault)
			return fault;
		/* two upserts of one key at a time may clash as well: try those again too */
		if (!removed && put->record->version != RECORD_ANY)
			break;
	}
	return judge(put, FAULT_EXISTS);
}

enum fault mongo_put(struct store *store, const struct actor *actor, enum collection collection,
                     const struct record *record, struct why *why)
{
	struct call call;
	struct put put = { &call, collection, record, wall_record(actor, collection, true) };
	enum fault fault;

	fault = call_start(&call, store, why);
	return fault ? fault : call_done(&call, put_one(&put));
}

/* ---- many ---- */

/* New ones in one command; `clashed` when some of the keys are taken. */
static enum fault insert_some(struct call *call, enum collection collection,
                              const struct record *const *records, size_t n, bool *clashed)
{
	bson_t **docs = xmalloc(n * sizeof(bson_t *));
	size_t duplicates = 0;
	enum fault fault;

	for (size_t i = 0; i < n; i++) {
		docs[i] = bson_new();
		shape_record(docs[i], collection, records[i], 1);
	}
	fault = call_insert_missing(call, schema_collections[collection].name, (const bson_t **)docs, n,
	                            &duplicates);
	for (size_t i = 0; i < n; i++)
		bson_destroy(docs[i]);
	free(docs);
	*clashed = duplicates > 0;
	return fault;
}

/* One by one: their own earlier tries are found again. */
static enum fault put_each(struct put *put, const struct record *const *records, size_t n)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n && !fault; i++) {
		put->record = records[i];
		fault = put_one(put);
	}
	return fault;
}

static enum fault put_some(struct put *put, const struct record *const *records, size_t n)
{
	enum fault fault = FAULT_NONE;

	while (n && !fault) {
		size_t bytes = 0, some = 0;
		bool clashed, all_new = true;

		do {
			bytes +=
			    records[some]->value.len + records[some]->body.len + records[some]->signature.len;
			all_new &= records[some]->version == RECORD_NEW;
		} while (++some < n && bytes < BYTES_AT_ONCE);
		clashed = !all_new;
		if (all_new)
			fault = insert_some(put->call, put->collection, records, some, &clashed);
		if (!fault && clashed)
			fault = put_each(put, records, some);
		records += some;
		n -= some;
	}
	return fault;
}

enum fault put_contents(struct call *call, const struct actor *actor, const struct record *const *contents,
                        size_t n)
{
	struct put put = { .call = call,
		           .collection = COLL_CONTENTS,
		           .wall = wall_record(actor, COLL_CONTENTS, true) };
	enum fault fault = put_some(&put, contents, n);

	/* EXISTS is said of tags alone */
	return fault == FAULT_EXISTS ? fault_set(call->why, FAULT_CORRUPT, "mongo: a content's id is taken")
	                             : fault;
}

enum fault mongo_put_many(struct store *store, const struct actor *actor, enum collection collection,
                          const struct record *const *records, size_t n, struct why *why)
{
	struct call call;
	struct put put = { .call = &call,
		           .collection = collection,
		           .wall = wall_record(actor, collection, true) };
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n && !fault; i++)
		fault = shape_check(collection, records[i], why);
	if (!fault)
		fault = call_start(&call, store, why);
	return fault ? fault : call_done(&call, put_some(&put, records, n));
}
