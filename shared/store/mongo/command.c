/* The commands that calls send (call.h), each on the primary and with our own write concern. */
#include "store/mongo/call.h"

#define BATCH 10000 /* documents in an answer, of whom 16 MB fit: mostly all in one round trip */

static mongoc_collection_t *collection_of(struct call *call, const char *name)
{
	return mongoc_client_get_collection(call->client, call->mongo->db, name);
}

static struct slice copy_doc(struct arena *arena, const bson_t *doc)
{
	return arena_copy(arena, slice_of(bson_get_data(doc), doc->len));
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static void add_read_concern(bson_t *opts, enum reading reading)
{
	bson_t concern;

	if (reading == READ_NEWEST)
		return;
	bson_append_document_begin(opts, "readConcern", -1, &concern);
	BSON_APPEND_UTF8(&concern, "level", reading == READ_LASTING ? "majority" : "linearizable");
	bson_append_document_end(opts, &concern);
}

static mongoc_cursor_t *cursor_of(struct call *call, mongoc_collection_t *collection,
                                  const struct search *search)
{
	mongoc_cursor_t *cursor;
	bson_t opts = BSON_INITIALIZER;

	if (search->fields)
		BSON_APPEND_DOCUMENT(&opts, "projection", search->fields);
	if (search->sort)
		BSON_APPEND_DOCUMENT(&opts, "sort", search->sort);
	if (search->limit)
		BSON_APPEND_INT64(&opts, "limit", (int64_t)search->limit);
	if (search->limit == 1)
		BSON_APPEND_BOOL(&opts, "singleBatch", true);
	BSON_APPEND_INT64(&opts, "batchSize", (int64_t)(search->limit ? search->limit : BATCH));
	BSON_APPEND_INT64(&opts, "maxTimeMS", call->mongo->max_time_ms);
	add_read_concern(&opts, call->reading);
	cursor = mongoc_collection_find_with_opts(collection, search->filter, &opts, NULL);
	bson_destroy(&opts);
	return cursor;
}

enum fault call_find_one(struct call *call, const char *collection, const bson_t *filter,
                         const bson_t *fields, struct arena *arena, struct slice *ret)
{
	struct search search = { .collection = collection, .filter = filter, .fields = fields, .limit = 1 };
	struct slice *docs = NULL;
	enum fault fault;
	size_t n = 0;

	fault = call_find(call, &search, arena, &docs, &n);
	if (fault)
		return fault;
	if (n == 0)
		return FAULT_NOT_FOUND;
	*ret = docs[0];
	return FAULT_NONE;
}

enum fault call_find(struct call *call, const struct search *search, struct arena *arena, struct slice **ret,
                     size_t *ret_n)
{
	mongoc_collection_t *collection = collection_of(call, search->collection);
	mongoc_cursor_t *cursor = cursor_of(call, collection, search);
	enum fault fault = FAULT_NONE;
	struct slice *docs = NULL;
	size_t n = 0, cap = 0;
	const bson_t *doc;
	bson_error_t error;

	while (mongoc_cursor_next(cursor, &doc)) {
		if (n == cap) {
			cap = cap ? cap * 2 : 8;
			docs = xrealloc(docs, cap * sizeof(*docs));
		}
		docs[n++] = copy_doc(arena, doc);
	}
	if (mongoc_cursor_error(cursor, &error)) {
		fault = call_fault(call, &error, search->collection);
	} else {
		*ret = arena_array(arena, struct slice, n);
		if (n)
			memcpy(*ret, docs, n * sizeof(*docs));
		*ret_n = n;
	}
	free(docs);
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(collection);
	return fault;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static size_t reply_count(const bson_t *reply, const char *field)
{
	bson_iter_t at;

	return bson_iter_init_find(&at, reply, field) && BSON_ITER_HOLDS_INT(&at)
	           ? (size_t)bson_iter_as_int64(&at)
	           : 0;
}

/* A write that failed as a duplicate may have met an earlier try of its own that is not replicated yet. The server waits
 * for that before it answers, and when it waited in vain nothing may be concluded from the duplicate. */
static enum fault write_fault(struct call *call, const char *collection, const bson_t *reply,
                              const bson_error_t *error)
{
	if (error->domain == MONGOC_ERROR_SERVER && bson_has_field(reply, "writeConcernErrors"))
		return fault_set(call->why, FAULT_TEMP, "mongo: %s: not replicated in time (%s)", collection,
		                 error->message);
	return call_fault(call, error, collection);
}

enum fault call_insert(struct call *call, const char *collection, const bson_t *doc)
{
	mongoc_collection_t *handle = collection_of(call, collection);
	enum fault fault = FAULT_NONE;
	bson_error_t error;
	bson_t reply;

	if (!mongoc_collection_insert_one(handle, doc, call->mongo->durable, &reply, &error))
		fault = write_fault(call, collection, &reply, &error);
	bson_destroy(&reply);
	mongoc_collection_destroy(handle);
	return fault;
}

/* The error at an element of writeErrors; false when it is a duplicate. */
static bool other_error(const bson_iter_t *element, bson_error_t *ret)
{
	bson_iter_t at;
	int64_t code = 0;

	if (BSON_ITER_HOLDS_DOCUMENT(element) && bson_iter_recurse(element, &at) &&
	    bson_iter_find(&at, "code"))
		code = bson_iter_as_int64(&at);
	if (code == 11000)
		return false;
	bson_set_error(ret, MONGOC_ERROR_SERVER, (uint32_t)code, "one of several writes failed");
	return true;
}

/* Of a command with several writes: NONE when all that failed failed as duplicates. */
static enum fault pass_duplicates(struct call *call, const char *collection, const bson_t *reply,
                                  const bson_error_t *error, size_t *ret_n)
{
	bson_error_t other = *error;
	bson_iter_t errors, at;
	bool others = false;

	*ret_n = 0;
	if (error->domain != MONGOC_ERROR_SERVER || !bson_iter_init_find(&errors, reply, "writeErrors") ||
	    !BSON_ITER_HOLDS_ARRAY(&errors) || !bson_iter_recurse(&errors, &at))
		return call_fault(call, error, collection);
	for (; bson_iter_next(&at); ++*ret_n)
		others |= other_error(&at, &other);
	if (others || *ret_n == 0 || bson_has_field(reply, "writeConcernErrors"))
		return write_fault(call, collection, reply, &other);
	return FAULT_NONE;
}

enum fault call_insert_missing(struct call *call, const char *collection, const bson_t **docs, size_t n,
                               size_t *ret_missed)
{
	mongoc_collection_t *handle = collection_of(call, collection);
	bson_t *opts = bson_copy(call->mongo->durable);
	enum fault fault = FAULT_NONE;
	bson_error_t error;
	bson_t reply;

	*ret_missed = 0;
	BSON_APPEND_BOOL(opts, "ordered", false);
	if (!mongoc_collection_insert_many(handle, docs, n, opts, &reply, &error))
		fault = pass_duplicates(call, collection, &reply, &error, ret_missed);
	bson_destroy(&reply);
	bson_destroy(opts);
	mongoc_collection_destroy(handle);
	return fault;
}

enum fault call_update(struct call *call, const struct change *change, size_t *ret_matched)
{
	mongoc_collection_t *handle = collection_of(call, change->collection);
	bson_t *opts = change->loose ? BCON_NEW("writeConcern", "{", "w", BCON_INT32(1), "}")
	                             : bson_copy(call->mongo->durable);
	enum fault fault = FAULT_NONE;
	bson_error_t error;
	bson_t reply;
	bool ok;

	if (change->upsert)
		BSON_APPEND_BOOL(opts, "upsert", true);
	if (change->many)
		ok = mongoc_collection_update_many(handle, change->filter, change->update, opts, &reply,
		                                   &error);
	else
		ok = mongoc_collection_update_one(handle, change->filter, change->update, opts, &reply,
		                                  &error);
	if (ok)
		*ret_matched = reply_count(&reply, "matchedCount") + reply_count(&reply, "upsertedCount");
	else
		fault = write_fault(call, change->collection, &reply, &error);
	bson_destroy(&reply);
	bson_destroy(opts);
	mongoc_collection_destroy(handle);
	return fault;
}

static mongoc_find_and_modify_opts_t *modify_opts(struct call *call, const struct change *change)
{
	mongoc_find_and_modify_opts_t *opts = mongoc_find_and_modify_opts_new();

	mongoc_find_and_modify_opts_set_update(opts, change->update);
	if (change->fields)
		mongoc_find_and_modify_opts_set_fields(opts, change->fields);
	if (change->sort)
		mongoc_find_and_modify_opts_set_sort(opts, change->sort);
	mongoc_find_and_modify_opts_set_flags(opts, MONGOC_FIND_AND_MODIFY_RETURN_NEW);
	mongoc_find_and_modify_opts_append(opts, call->mongo->durable);
	return opts;
}

enum fault call_modify(struct call *call, const struct change *change, struct arena *arena, struct slice *ret)
{
	mongoc_collection_t *handle = collection_of(call, change->collection);
	mongoc_find_and_modify_opts_t *opts = modify_opts(call, change);
	enum fault fault = FAULT_NOT_FOUND;
	const uint8_t *data;
	bson_error_t error;
	bson_iter_t at;
	bson_t reply;
	uint32_t len;

	if (!mongoc_collection_find_and_modify_with_opts(handle, change->filter, opts, &reply, &error)) {
		fault = call_fault(call, &error, change->collection);
	} else if (bson_iter_init_find(&at, &reply, "value") && BSON_ITER_HOLDS_DOCUMENT(&at)) {
		bson_iter_document(&at, &len, &data);
		*ret = arena_copy(arena, slice_of(data, len));
		fault = FAULT_NONE;
	}
	bson_destroy(&reply);
	mongoc_find_and_modify_opts_destroy(opts);
	mongoc_collection_destroy(handle);
	return fault;
}

static enum fault fill_bulk(struct call *call, mongoc_bulk_operation_t *bulk, const struct changes *changes)
{
	bson_t how = BSON_INITIALIZER;
	enum fault fault = FAULT_NONE;
	bson_error_t error;

	BSON_APPEND_BOOL(&how, "upsert", changes->upsert);
	for (size_t i = 0; i < changes->n && !fault; i++)
		if (!mongoc_bulk_operation_update_one_with_opts(bulk, changes->filters[i],
		                                                changes->updates[i], &how, &error))
			fault = call_fault(call, &error, changes->collection);
	bson_destroy(&how);
	return fault;
}

enum fault call_update_each(struct call *call, const struct changes *changes, struct changed *ret)
{
	mongoc_collection_t *handle = collection_of(call, changes->collection);
	bson_t *opts = bson_copy(call->mongo->durable), reply;
	mongoc_bulk_operation_t *bulk;
	enum fault fault;
	bson_error_t error;

	*ret = (struct changed){ 0, 0 };
	BSON_APPEND_BOOL(opts, "ordered", false);
	bulk = mongoc_collection_create_bulk_operation_with_opts(handle, opts);
	fault = fill_bulk(call, bulk, changes);
	if (!fault) {
		if (!mongoc_bulk_operation_execute(bulk, &reply, &error))
			fault = pass_duplicates(call, changes->collection, &reply, &error, &ret->clashed);
		ret->matched = reply_count(&reply, "nMatched") + reply_count(&reply, "nUpserted");
		bson_destroy(&reply);
	}
	mongoc_bulk_operation_destroy(bulk);
	bson_destroy(opts);
	mongoc_collection_destroy(handle);
	return fault;
}

enum fault call_delete(struct call *call, const char *collection, const bson_t *filter, bool many,
                       size_t *ret_deleted)
{
	mongoc_collection_t *handle = collection_of(call, collection);
	enum fault fault = FAULT_NONE;
	bson_error_t error;
	bson_t reply;
	bool ok;

	if (many)
		ok = mongoc_collection_delete_many(handle, filter, call->mongo->durable, &reply, &error);
	else
		ok = mongoc_collection_delete_one(handle, filter, call->mongo->durable, &reply, &error);
	if (ok)
		*ret_deleted = reply_count(&reply, "deletedCount");
	else
		fault = write_fault(call, collection, &reply, &error);
	bson_destroy(&reply);
	mongoc_collection_destroy(handle);
	return fault;
}
