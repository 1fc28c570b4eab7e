/*
 * Blobs in MongoDB, where there is no S3.
 *
 *   blobs        { _id: id, size, created, done }
 *   blob_chunks  { _id: { blob: id, n: 0… }, b: up to 1 MiB }
 *
 * Invariants
 *   1. `done` is set last: a blob that shows it has all its chunks.
 *   2. The blob's own document is written before its first chunk and deleted
 *      after its last, so every chunk is found by blob_list(), also one that a
 *      crash left behind.
 *   3. Every write can be made again: the same bytes under the same keys.
 *
 * A call starts no command in the second half of its time; the driver's own
 * time-outs are cut so that one command, retried once, fits into that half.
 */
#include <assert.h>
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "blob/backend.h"

#define CHUNK        ((uint64_t)1 << 20)
#define CHUNKS_MAX   INT32_MAX
#define PER_FIND     16 /* chunks one find asks for: what fits the server's reply */
#define CODE_NO_DISK 14031
#define CODE_TWICE   11000
#define CODE_AUTH    18

struct blobs_mongo {
	struct blobs blobs;
	mongoc_client_pool_t *pool;
	char *db;
	int64_t timeout_ms;
};

/* One call: a client of its own and the time until which it starts commands. */
struct call {
	struct blobs_mongo *mongo;
	mongoc_client_t *client;
	mongoc_collection_t *blobs, *chunks;
	int64_t begin_until;
};

static const struct blob_ops mongo_ops;

static struct blobs_mongo *mongo_of(struct blobs *blobs)
{
	assert(blobs->ops == &mongo_ops);
	return container_of(blobs, struct blobs_mongo, blobs);
}

static enum fault map_error(const bson_error_t *error, const char *doing, struct why *why)
{
	enum fault fault = FAULT_TEMP;

	if (error->code == CODE_NO_DISK && error->domain == MONGOC_ERROR_SERVER)
		fault = FAULT_FULL;
	else if (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE)
		fault = FAULT_CONFIG;
	else if (error->domain == MONGOC_ERROR_SERVER && error->code == CODE_AUTH)
		fault = FAULT_CONFIG;
	return fault_set(why, fault, "mongo, %s: %s", doing, error->message);
}

static enum fault call_begin(struct call *call, struct blobs *blobs, struct why *why)
{
	struct blobs_mongo *mongo = mongo_of(blobs);

	*call = (struct call){ .mongo = mongo, .begin_until = clock_mono_ms() + mongo->timeout_ms / 2 };
	call->client = mongoc_client_pool_pop(mongo->pool);
	if (!call->client)
		return fault_set(why, FAULT_TEMP, "mongo: all connections for blobs are busy");
	call->blobs = mongoc_client_get_collection(call->client, mongo->db, "blobs");
	call->chunks = mongoc_client_get_collection(call->client, mongo->db, "blob_chunks");
	return FAULT_NONE;
}

static void call_end(struct call *call)
{
	if (!call->client)
		return;
	mongoc_collection_destroy(call->chunks);
	mongoc_collection_destroy(call->blobs);
	mongoc_client_pool_push(call->mongo->pool, call->client);
}

static enum fault call_time_left(const struct call *call, struct why *why)
{
	if (clock_mono_ms() < call->begin_until)
		return FAULT_NONE;
	return fault_set(why, FAULT_TEMP, "mongo: blobs are too slow, the call's time is used up");
}

static void append_id(bson_t *doc, const char *key, const struct id *id)
{
	BSON_APPEND_BINARY(doc, key, BSON_SUBTYPE_BINARY, id->raw, sizeof(id->raw));
}

static bool iter_id(const bson_iter_t *iter, struct id *ret)
{
	const uint8_t *raw;
	bson_subtype_t subtype;
	uint32_t len;

	if (!BSON_ITER_HOLDS_BINARY(iter))
		return false;
	bson_iter_binary(iter, &subtype, &len, &raw);
	return id_from(slice_of(raw, len), ret);
}

static void append_chunk_id(bson_t *doc, const char *key, const struct id *id, int32_t n)
{
	bson_t own;

	BSON_APPEND_DOCUMENT_BEGIN(doc, key, &own);
	append_id(&own, "blob", id);
	BSON_APPEND_INT32(&own, "n", n);
	bson_append_document_end(doc, &own);
}

/* { _id: { op_first: first chunk, op_last: last chunk } } */
static void append_chunk_range(bson_t *doc, const struct id *id, int32_t first, int32_t last)
{
	bson_t range;

	BSON_APPEND_DOCUMENT_BEGIN(doc, "_id", &range);
	append_chunk_id(&range, "$gte", id, first);
	append_chunk_id(&range, "$lte", id, last);
	bson_append_document_end(doc, &range);
}

static void append_state(bson_t *doc, uint64_t size, bool done)
{
	BSON_APPEND_INT64(doc, "size", (int64_t)size);
	BSON_APPEND_BOOL(doc, "done", done);
}

static enum fault upsert_blob(struct call *call, const struct id *id, const bson_t *change,
                              const bson_t *opts, struct why *why)
{
	bson_t *which = bson_new();
	bson_error_t error;
	enum fault fault = call_time_left(call, why);

	append_id(which, "_id", id);
	if (!fault && !mongoc_collection_update_one(call->blobs, which, change, opts, NULL, &error) &&
	    error.code != CODE_TWICE)
		fault = map_error(&error, "writing a blob", why);
	bson_destroy(which);
	return fault;
}

/* One that is whole already stays whole: another put of it may be under way. Not waited for until it is durable:
 * the chunks that follow it in the same log are. */
static enum fault mark_begun(struct call *call, const struct id *id, uint64_t size, struct why *why)
{
	bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true), "writeConcern", "{", "w", BCON_INT32(1), "}");
	bson_t *change = bson_new(), part;
	enum fault fault;

	BSON_APPEND_DOCUMENT_BEGIN(change, "$setOnInsert", &part);
	BSON_APPEND_DATE_TIME(&part, "created", clock_now());
	append_state(&part, size, false);
	bson_append_document_end(change, &part);
	fault = upsert_blob(call, id, change, opts, why);
	bson_destroy(change);
	bson_destroy(opts);
	return fault;
}

static enum fault mark_done(struct call *call, const struct id *id, uint64_t size, struct why *why)
{
	bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
	bson_t *change = bson_new(), part;
	enum fault fault;

	BSON_APPEND_DOCUMENT_BEGIN(change, "$set", &part);
	append_state(&part, size, true);
	bson_append_document_end(change, &part);
	BSON_APPEND_DOCUMENT_BEGIN(change, "$setOnInsert", &part);
	BSON_APPEND_DATE_TIME(&part, "created", clock_now());
	bson_append_document_end(change, &part);
	fault = upsert_blob(call, id, change, opts, why);
	bson_destroy(change);
	bson_destroy(opts);
	return fault;
}

static enum fault put_chunk(struct call *call, const struct id *id, int32_t n, struct slice data,
                            struct why *why)
{
	bson_t *which = bson_new(), *chunk = bson_new(), *opts = BCON_NEW("upsert", BCON_BOOL(true));
	bson_error_t error;
	enum fault fault = call_time_left(call, why);

	append_chunk_id(which, "_id", id, n);
	append_chunk_id(chunk, "_id", id, n);
	BSON_APPEND_BINARY(chunk, "b", BSON_SUBTYPE_BINARY, data.data, (uint32_t)data.len);
	/* two upserts of one key at once may collide: the other one wrote the same bytes */
	if (!fault && !mongoc_collection_replace_one(call->chunks, which, chunk, opts, NULL, &error) &&
	    error.code != CODE_TWICE)
		fault = map_error(&error, "writing a chunk", why);
	bson_destroy(opts);
	bson_destroy(chunk);
	bson_destroy(which);
	return fault;
}

static enum fault mongo_put(struct blobs *blobs, const struct id *id, struct slice data, struct why *why)
{
	struct call call;
	enum fault fault = call_begin(&call, blobs, why);
	struct slice rest = data;

	if (!fault && data.len / CHUNK >= CHUNKS_MAX)
		fault = fault_set(why, FAULT_TOO_BIG, "a blob of %zu bytes", data.len);
	if (!fault)
		fault = mark_begun(&call, id, data.len, why);
	for (int32_t n = 0; !fault && rest.len; n++) {
		fault = put_chunk(&call, id, n, slice_first(rest, CHUNK), why);
		rest = slice_from(rest, CHUNK);
	}
	if (!fault)
		fault = mark_done(&call, id, data.len, why);
	call_end(&call);
	return fault;
}

/* What the blob's own document says; not done and empty when there is none. */
static enum fault find_blob(struct call *call, const struct id *id, bool *ret_done, uint64_t *ret_size,
                            struct why *why)
{
	bson_t *which = bson_new(), *opts = BCON_NEW("limit", BCON_INT64(1));
	enum fault fault = call_time_left(call, why);
	mongoc_cursor_t *cursor = NULL;
	const bson_t *doc;
	bson_error_t error;
	bson_iter_t iter;

	append_id(which, "_id", id);
	*ret_done = false;
	*ret_size = 0;
	if (fault)
		goto out;
	cursor = mongoc_collection_find_with_opts(call->blobs, which, opts, NULL);
	if (mongoc_cursor_next(cursor, &doc)) {
		*ret_done = bson_iter_init_find(&iter, doc, "done") && bson_iter_as_bool(&iter);
		if (bson_iter_init_find(&iter, doc, "size"))
			*ret_size = (uint64_t)MAX_OF(bson_iter_as_int64(&iter), (int64_t)0);
	} else if (mongoc_cursor_error(cursor, &error)) {
		fault = map_error(&error, "looking for a blob", why);
	}
out:
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(which);
	return fault;
}

/* The part of chunk `n` that [at, end) wants; false when the chunk is not the next one or too short. */
static bool take_chunk(const bson_t *doc, int32_t n, uint64_t *at, uint64_t end, struct buf *out)
{
	uint64_t skip = *at - (uint64_t)n * CHUNK;
	uint64_t want = MIN_OF(CHUNK - skip, end - *at);
	bson_subtype_t subtype;
	const uint8_t *data;
	bson_iter_t iter, in;
	uint32_t len;

	if (!bson_iter_init(&iter, doc) || !bson_iter_find_descendant(&iter, "_id.n", &in) ||
	    bson_iter_as_int64(&in) != n)
		return false;
	if (!bson_iter_init_find(&iter, doc, "b") || !BSON_ITER_HOLDS_BINARY(&iter))
		return false;
	bson_iter_binary(&iter, &subtype, &len, &data);
	if (len < skip + want || !buf_add(out, data + skip, (size_t)want))
		return false;
	*at += want;
	return true;
}

/* As many chunks from *at on as one find gives; *at has not moved when the next one is not there. */
static enum fault read_chunks(struct call *call, const struct id *id, uint64_t *at, uint64_t end,
                              struct buf *out, struct why *why)
{
	int32_t n = (int32_t)(*at / CHUNK);
	int32_t last = (int32_t)MIN_OF((end - 1) / CHUNK, (uint64_t)n + PER_FIND - 1);
	bson_t *which = bson_new(), *opts;
	enum fault fault = call_time_left(call, why);
	mongoc_cursor_t *cursor = NULL;
	const bson_t *doc;
	bson_error_t error;

	append_chunk_range(which, id, n, last);
	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "batchSize", BCON_INT32(PER_FIND));
	if (fault)
		goto out;
	cursor = mongoc_collection_find_with_opts(call->chunks, which, opts, NULL);
	while (*at < end && mongoc_cursor_next(cursor, &doc) && take_chunk(doc, n, at, end, out))
		n++;
	if (mongoc_cursor_error(cursor, &error))
		fault = map_error(&error, "reading a chunk", why);
out:
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(which);
	return fault;
}

/* What the blob's own document says of a range that the chunks did not give. */
static enum fault check_range(struct call *call, const struct id *id, uint64_t end, struct why *why)
{
	struct id_text text = id_print(id);
	uint64_t size;
	bool done;
	enum fault fault = find_blob(call, id, &done, &size, why);

	if (fault)
		return fault;
	if (!done)
		return fault_set(why, FAULT_NOT_FOUND, "mongo: no blob %s", text.text);
	if (end > size)
		return fault_set(why, FAULT_CORRUPT, "mongo: blob %s ends at %llu, before %llu", text.text,
		                 (unsigned long long)size, (unsigned long long)end);
	return FAULT_NONE;
}

static enum fault mongo_get(struct blobs *blobs, const struct id *id, uint64_t offset, uint64_t len,
                            struct buf *out, struct why *why)
{
	uint64_t at = offset, end = offset + len;
	struct call call;
	enum fault fault = call_begin(&call, blobs, why);

	if (!fault && end / CHUNK >= CHUNKS_MAX)
		fault =
		    fault_set(why, FAULT_CORRUPT, "mongo: no blob reaches to %llu", (unsigned long long)end);
	while (!fault && at < end) {
		uint64_t before = at;

		fault = read_chunks(&call, id, &at, end, out, why);
		if (at == before)
			break;
	}
	/* the usual read needs its chunks only, and so one round trip */
	if (!fault && (len == 0 || at < end)) {
		fault = check_range(&call, id, end, why);
		if (!fault && at < end)
			fault =
			    fault_set(why, FAULT_CORRUPT, "mongo: blob %s lacks a chunk", id_print(id).text);
	}
	call_end(&call);
	return fault;
}

static enum fault mongo_del(struct blobs *blobs, const struct id *id, struct why *why)
{
	bson_t *blob = bson_new(), *chunks = bson_new();
	bson_t *undone = BCON_NEW("$set", "{", "done", BCON_BOOL(false), "}");
	struct call call;
	bson_error_t error = { 0 };
	enum fault fault = call_begin(&call, blobs, why);

	append_id(blob, "_id", id);
	append_chunk_range(chunks, id, 0, INT32_MAX);
	if (!fault && (!mongoc_collection_update_one(call.blobs, blob, undone, NULL, NULL, &error) ||
	               !mongoc_collection_delete_many(call.chunks, chunks, NULL, NULL, &error) ||
	               !mongoc_collection_delete_one(call.blobs, blob, NULL, NULL, &error)))
		fault = map_error(&error, "deleting a blob", why);
	call_end(&call);
	bson_destroy(undone);
	bson_destroy(chunks);
	bson_destroy(blob);
	return fault;
}

static bool read_info(const bson_t *doc, struct blob_info *ret)
{
	bson_iter_t iter;

	if (!bson_iter_init_find(&iter, doc, "_id") || !iter_id(&iter, &ret->id))
		return false;
	if (!bson_iter_init_find(&iter, doc, "size"))
		return false;
	ret->size = (uint64_t)MAX_OF(bson_iter_as_int64(&iter), (int64_t)0);
	if (!bson_iter_init_find(&iter, doc, "created") || !BSON_ITER_HOLDS_DATE_TIME(&iter))
		return false;
	ret->created = bson_iter_date_time(&iter);
	return true;
}

static void append_after(bson_t *doc, const struct id *after)
{
	bson_t part;

	if (!after)
		return;
	BSON_APPEND_DOCUMENT_BEGIN(doc, "_id", &part);
	append_id(&part, "$gt", after);
	bson_append_document_end(doc, &part);
}

static enum fault mongo_list(struct blobs *blobs, const struct id *after, size_t max, struct arena *arena,
                             struct blob_info **ret, size_t *ret_n, struct why *why)
{
	bson_t *which = bson_new(), *opts;
	struct blob_list list = { .arena = arena, .max = max };
	struct call call;
	enum fault fault = call_begin(&call, blobs, why);
	mongoc_cursor_t *cursor = NULL;
	struct blob_info info;
	bson_error_t error;
	const bson_t *doc;

	append_after(which, after);
	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit",
	                BCON_INT64((int64_t)MIN_OF(max, (size_t)INT32_MAX)));
	if (fault)
		goto out;
	cursor = mongoc_collection_find_with_opts(call.blobs, which, opts, NULL);
	while (!fault && mongoc_cursor_next(cursor, &doc)) {
		if (read_info(doc, &info))
			blob_list_add(&list, &info);
		if (list.n % 64 == 0)
			fault = call_time_left(&call, why);
	}
	if (!fault && mongoc_cursor_error(cursor, &error))
		fault = map_error(&error, "listing blobs", why);
	if (!fault) {
		*ret = list.items;
		*ret_n = list.n;
	}
out:
	mongoc_cursor_destroy(cursor);
	call_end(&call);
	bson_destroy(opts);
	bson_destroy(which);
	return fault;
}

static enum fault mongo_ping(struct blobs *blobs, struct why *why)
{
	bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
	struct call call;
	bson_error_t error;
	enum fault fault = call_begin(&call, blobs, why);

	if (!fault && !mongoc_client_command_simple(call.client, call.mongo->db, ping, NULL, NULL, &error))
		fault = map_error(&error, "ping", why);
	call_end(&call);
	bson_destroy(ping);
	return fault;
}

static void mongo_close(struct blobs *blobs)
{
	struct blobs_mongo *mongo = mongo_of(blobs);

	mongoc_client_pool_destroy(mongo->pool);
	free(mongo->db);
	free(mongo);
}

static const struct blob_ops mongo_ops = {
	"mongo", mongo_put, mongo_get, mongo_del, mongo_list, mongo_ping, mongo_close,
};

static void start_driver(void)
{
	mongoc_init();
	mongoc_log_set_handler(NULL,
	                       NULL); /* it would write to stderr; what matters comes back as an error */
}

/* What the promises rest on is ours, whatever the URI says: durable writes, reads from the primary, time-outs. */
static enum fault set_options(mongoc_uri_t *uri, const struct blob_conf *conf, struct why *why)
{
	int64_t sixth = MAX_OF(conf->timeout_ms / 6, (int64_t)100);
	mongoc_write_concern_t *concern = mongoc_write_concern_new();
	mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	bool fits;

	mongoc_write_concern_set_wmajority(concern, (int32_t)MIN_OF(sixth, (int64_t)10000));
	mongoc_write_concern_set_journal(concern, true);
	mongoc_uri_set_write_concern(uri, concern);
	mongoc_write_concern_destroy(concern);
	/* a secondary that lags would say NOT_FOUND of mail that is there */
	mongoc_uri_set_read_prefs_t(uri, primary);
	mongoc_read_prefs_destroy(primary);
	fits = mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS,
	                                      (int32_t)MIN_OF(sixth, (int64_t)10000)) &&
	       mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS,
	                                      (int32_t)MIN_OF(sixth / 2, (int64_t)1000)) &&
	       mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS,
	                                      (int32_t)MIN_OF(sixth / 2, (int64_t)1500)) &&
	       mongoc_uri_set_option_as_int32(uri, MONGOC_URI_HEARTBEATFREQUENCYMS, 500) &&
	       mongoc_uri_set_option_as_int32(uri, MONGOC_URI_WAITQUEUETIMEOUTMS,
	                                      (int32_t)MIN_OF(conf->timeout_ms / 2, (int64_t)INT32_MAX)) &&
	       mongoc_uri_set_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE, (int32_t)conf->connections);
	return fits ? FAULT_NONE : fault_set(why, FAULT_CONFIG, "mongo_uri: an option is out of range");
}

static enum fault open_pool(const struct blob_conf *conf, struct blobs_mongo *mongo, struct why *why)
{
	bson_error_t error;
	mongoc_uri_t *uri = mongoc_uri_new_with_error(conf->mongo_uri, &error);
	enum fault fault;

	if (!uri)
		return fault_set(why, FAULT_CONFIG, "mongo_uri: %s", error.message);
	fault = set_options(uri, conf, why);
	if (!fault) {
		mongo->pool = mongoc_client_pool_new_with_error(uri, &error);
		if (!mongo->pool)
			fault = fault_set(why, FAULT_CONFIG, "mongo_uri: %s", error.message);
	}
	mongoc_uri_destroy(uri);
	return fault;
}

enum fault blob_mongo_open(const struct blob_conf *conf, struct blobs **ret, struct why *why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct blobs_mongo *mongo;
	enum fault fault;

	if (!conf->mongo_uri || !conf->mongo_db || !*conf->mongo_db)
		return fault_set(why, FAULT_CONFIG, "mongo_uri and mongo_db are needed for blobs in MongoDB");
	pthread_once(&once, start_driver);
	mongo = xzalloc(sizeof(*mongo));
	mongo->blobs.ops = &mongo_ops;
	mongo->timeout_ms = conf->timeout_ms;
	fault = open_pool(conf, mongo, why);
	if (fault) {
		free(mongo);
		return fault;
	}
	mongoc_client_pool_set_error_api(mongo->pool, MONGOC_ERROR_API_VERSION_2);
	mongo->db = xstrdup(conf->mongo_db);
	fault = mongo_ping(&mongo->blobs, why);
	if (fault) {
		mongo_close(&mongo->blobs);
		return fault;
	}
	*ret = &mongo->blobs;
	return FAULT_NONE;
}
