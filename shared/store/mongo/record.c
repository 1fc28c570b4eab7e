/*
 * Plain records: get, find, del. What has expired is filtered out here, in the
 * same command, until expire() or the server's own TTL monitor removes it.
 */
#include "store/mongo/ops.h"

#include "base/clock.h"
#include "base/map.h"
#include "store/access.h"
#include "store/mongo/shape.h"

static const bson_t *without_body(bool with_body, bson_t *room)
{
	bson_init(room);
	BSON_APPEND_INT32(room, "signature", 0);
	if (!with_body)
		BSON_APPEND_INT32(room, "body", 0);
	return room;
}

/* ---- get ----------------------------------------------------------------------------------------------------- */

static void keys_filter(bson_t *filter, const struct actor *actor, enum collection collection,
                        const struct slice *keys, size_t n)
{
	enum shape shape = shape_key(collection);
	struct doc_index index;
	bson_t in, list;

	if (n == 1) {
		shape_add(filter, "_id", shape, keys[0]);
	} else {
		bson_append_document_begin(filter, "_id", -1, &in);
		bson_append_array_begin(&in, "$in", -1, &list);
		for (size_t i = 0; i < n; i++)
			shape_add(&list, doc_index(&index, i), shape, keys[i]);
		bson_append_array_end(&in, &list);
		bson_append_document_end(filter, &in);
	}
	shape_walled(filter, wall_record(actor, collection, false));
	shape_not_expired(filter, clock_now());
}

/* Puts what was found where it was asked for; a key may be asked for twice. */
static void place(const struct slice *keys, size_t n, struct record *found, size_t n_found,
                  struct record *ret)
{
	struct map *by_key = map_new();

	for (size_t i = 0; i < n_found; i++)
		map_put(by_key, found[i].key, &found[i]);
	for (size_t i = 0; i < n; i++) {
		const struct record *record = map_get(by_key, keys[i]);

		ret[i] = record ? *record : (struct record){ .version = 0 };
	}
	map_free(by_key);
}

static enum fault get_some(struct call *call, const struct actor *actor, enum collection collection,
                           const struct slice *keys, size_t n, bool with_body, struct arena *arena,
                           struct record *ret)
{
	struct search search = { .collection = schema_collections[collection].name };
	bson_t filter = BSON_INITIALIZER, fields;
	struct record *found = NULL;
	struct slice *docs;
	enum fault fault;
	size_t n_docs;

	keys_filter(&filter, actor, collection, keys, n);
	search.filter = &filter;
	search.fields = without_body(with_body, &fields);
	search.limit = n == 1;
	fault = call_find(call, &search, arena, &docs, &n_docs);
	bson_destroy(&filter);
	bson_destroy(&fields);
	if (fault)
		return fault;
	found = arena_array(arena, struct record, n_docs);
	for (size_t i = 0; i < n_docs && !fault; i++)
		fault = shape_parse(collection, docs[i], arena, &found[i], call->why);
	if (!fault)
		place(keys, n, found, n_docs, ret);
	return fault;
}

enum fault mongo_get(struct store *store, const struct actor *actor, enum collection collection,
                     const struct slice *keys, size_t n, bool with_body, struct arena *arena,
                     struct record *ret, struct why *why)
{
	struct record *found = arena_array(arena, struct record, n);
	struct call call;
	enum fault fault;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	fault = get_some(&call, actor, collection, keys, n, with_body, arena, found);
	if (!fault && n)
		memcpy(ret, found, n * sizeof(*ret)); /* not before: on a fault `ret` is as it was */
	return call_done(&call, fault);
}

/* ---- find ---------------------------------------------------------------------------------------------------- */

static void add_above(bson_t *filter, const char *field, enum shape shape, const char *op, struct slice value)
{
	bson_t range;

	bson_append_document_begin(filter, field, -1, &range);
	shape_add(&range, op, shape, value);
	bson_append_document_end(filter, &range);
}

/* Behind (after_index, after_key) in an index: { field: { $gte }, $or: [ { field: { $gt } }, { _id: { $gt } } ] }, of
 * which the first part is for the database's index. */
static void after_in_index(bson_t *filter, const char *field, const struct record_query *query)
{
	enum shape shape = shape_index(query->collection, query->index);
	bson_t either, branch;

	add_above(filter, field, shape, "$gte", query->after_index);
	bson_append_array_begin(filter, "$or", -1, &either);
	bson_append_document_begin(&either, "0", -1, &branch);
	add_above(&branch, field, shape, "$gt", query->after_index);
	bson_append_document_end(&either, &branch);
	bson_append_document_begin(&either, "1", -1, &branch);
	add_above(&branch, "_id", shape_key(query->collection), "$gt", query->after_key);
	bson_append_document_end(&either, &branch);
	bson_append_array_end(filter, &either);
}

static void find_filter(bson_t *filter, bson_t *sort, const struct actor *actor,
                        const struct record_query *query)
{
	const struct schema_index *index =
	    query->index < 0 ? NULL : &schema_collections[query->collection].index[query->index];
	bool by_index = index && !query->equal.data;
	bson_t exists;

	if (by_index && query->after_index.data) {
		after_in_index(filter, index->name, query);
	} else if (by_index) {
		bson_append_document_begin(filter, index->name, -1, &exists);
		BSON_APPEND_BOOL(&exists, "$exists", true);
		bson_append_document_end(filter, &exists);
	} else {
		if (index)
			shape_add(filter, index->name, shape_index(query->collection, query->index),
			          query->equal);
		if (query->after_key.data)
			add_above(filter, "_id", shape_key(query->collection), "$gt", query->after_key);
	}
	if (by_index)
		BSON_APPEND_INT32(sort, index->name, 1);
	if (!by_index || !index->unique)
		BSON_APPEND_INT32(sort, "_id", 1);
	shape_walled(filter, wall_record(actor, query->collection, false));
	shape_not_expired(filter, clock_now());
}

enum fault mongo_find(struct store *store, const struct actor *actor, const struct record_query *query,
                      struct arena *arena, struct record **ret, size_t *ret_n, struct why *why)
{
	struct search search = { .collection = schema_collections[query->collection].name,
		                 .limit = query->limit };
	bson_t filter = BSON_INITIALIZER, sort = BSON_INITIALIZER, fields;
	struct record *records = NULL;
	struct slice *docs;
	struct call call;
	enum fault fault;
	size_t n = 0;

	if (!query->limit) { /* to the driver it would mean all */
		*ret_n = 0;
		return FAULT_NONE;
	}
	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	find_filter(&filter, &sort, actor, query);
	search.filter = &filter;
	search.sort = &sort;
	search.fields = without_body(query->with_body, &fields);
	fault = call_find(&call, &search, arena, &docs, &n);
	if (!fault)
		records = arena_array(arena, struct record, n);
	for (size_t i = 0; i < n && !fault; i++)
		fault = shape_parse(query->collection, docs[i], arena, &records[i], why);
	if (!fault) {
		*ret = records;
		*ret_n = n;
	}
	bson_destroy(&filter);
	bson_destroy(&sort);
	bson_destroy(&fields);
	return call_done(&call, fault);
}

/* ---- del ----------------------------------------------------------------------------------------------------- */

/* Why nothing was deleted. */
static enum fault not_deleted(struct call *call, const struct actor *actor, enum collection collection,
                              struct slice key)
{
	struct arena *arena = arena_new();
	struct record record = { .version = 0 };
	enum fault fault;

	fault = get_some(call, actor, collection, &key, 1, false, arena, &record);
	if (!fault)
		fault = record.key.data ? fault_set(call->why, FAULT_STALE, "mongo: %s: it was changed",
		                                    schema_collections[collection].name)
		                        : fault_set(call->why, FAULT_NOT_FOUND, "mongo: %s: no such record",
		                                    schema_collections[collection].name);
	arena_free(arena);
	return fault;
}

enum fault mongo_del(struct store *store, const struct actor *actor, enum collection collection,
                     struct slice key, uint64_t version, struct why *why)
{
	bson_t filter = BSON_INITIALIZER;
	struct call call;
	enum fault fault;
	size_t deleted;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	shape_add(&filter, "_id", shape_key(collection), key);
	if (version != RECORD_ANY)
		doc_add_num(&filter, "version", version);
	shape_walled(&filter, wall_record(actor, collection, true));
	shape_not_expired(&filter, clock_now());
	fault = call_delete(&call, schema_collections[collection].name, &filter, false, &deleted);
	if (!fault && !deleted)
		fault = not_deleted(&call, actor, collection, key);
	bson_destroy(&filter);
	return call_done(&call, fault);
}
