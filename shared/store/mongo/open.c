/*
 * Opening: the URI with our own limits put in, the pool, a server that will do,
 * the indexes. What the operator's URI says about times stands; what it says
 * about durability and where to read does not, since the store's promises rest on those.
 */
#include "store/mongo/mongo.h"

#include "store/mongo/layout.h"
#include "store/mongo/ops.h"

#define TIMEOUT_MS       5000
#define CONNECTIONS      16
#define CONNECT_MS_MAX   2000 /* a server that takes longer to accept is as good as away */
#define SELECTION_MS_MAX 3000
#define HEARTBEAT_MS     1000 /* how soon a new primary is noticed when nobody asks */
#define WIRE_VERSION_MIN 17   /* MongoDB 6.0 */
#define DEFAULT_DB       "posthouse"

/* ---- the pool ------------------------------------------------------------------------------------------------ */

static void set_default(mongoc_uri_t *uri, const char *option, int64_t value)
{
	if (!mongoc_uri_has_option(uri, option))
		mongoc_uri_set_option_as_int32(uri, option, (int32_t)MIN_OF(value, INT32_MAX));
}

static void set_limits(mongoc_uri_t *uri, const struct store_conf *conf, int64_t timeout_ms)
{
	mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	mongoc_read_concern_t *local = mongoc_read_concern_new();

	set_default(uri, MONGOC_URI_SOCKETTIMEOUTMS, timeout_ms);
	set_default(uri, MONGOC_URI_CONNECTTIMEOUTMS, MIN_OF(timeout_ms, CONNECT_MS_MAX));
	set_default(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MIN_OF(timeout_ms, SELECTION_MS_MAX));
	set_default(uri, MONGOC_URI_WAITQUEUETIMEOUTMS, timeout_ms);
	set_default(uri, MONGOC_URI_HEARTBEATFREQUENCYMS, HEARTBEAT_MS);
	set_default(uri, MONGOC_URI_MAXPOOLSIZE, conf->connections ? conf->connections : CONNECTIONS);
	/* local on the primary is what sees our own writes; who needs more says so (enum reading) */
	mongoc_uri_set_read_prefs_t(uri, primary);
	mongoc_read_concern_set_level(local, MONGOC_READ_CONCERN_LEVEL_LOCAL);
	mongoc_uri_set_read_concern(uri, local);
	mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
	mongoc_read_prefs_destroy(primary);
	mongoc_read_concern_destroy(local);
}

static enum fault make_pool(struct mongo *mongo, const struct store_conf *conf, int64_t timeout_ms,
                            struct why *why)
{
	bson_error_t error;
	mongoc_uri_t *uri = mongoc_uri_new_with_error(conf->mongo_uri ? conf->mongo_uri : "", &error);
	const char *db;

	if (!uri)
		return fault_set(why, FAULT_CONFIG, "mongo_uri: %s", error.message);
	set_limits(uri, conf, timeout_ms);
	db = conf->mongo_db && conf->mongo_db[0] ? conf->mongo_db : mongoc_uri_get_database(uri);
	mongo->db = xstrdup(db ? db : DEFAULT_DB);
	mongo->pool = mongoc_client_pool_new_with_error(uri, &error);
	mongoc_uri_destroy(uri);
	if (!mongo->pool)
		return fault_set(why, FAULT_CONFIG, "mongo_uri: %s", error.message);
	mongoc_client_pool_set_error_api(mongo->pool, MONGOC_ERROR_API_VERSION_2);
	mongoc_client_pool_set_appname(mongo->pool, "posthouse");
	call_count_commands(mongo->pool);
	return FAULT_NONE;
}

/* ---- the server ---------------------------------------------------------------------------------------------- */

static enum fault judge_hello(const bson_t *hello, struct why *why)
{
	bson_iter_t at;

	if (!bson_iter_init_find(&at, hello, "maxWireVersion") || bson_iter_as_int64(&at) < WIRE_VERSION_MIN)
		return fault_set(why, FAULT_CONFIG,
		                 "the MongoDB server is older than version 6.0: upgrade it");
	if (bson_iter_init_find(&at, hello, "setName") && BSON_ITER_HOLDS_UTF8(&at))
		return FAULT_NONE;
	if (bson_iter_init_find(&at, hello, "msg") && BSON_ITER_HOLDS_UTF8(&at) &&
	    strcmp(bson_iter_utf8(&at, NULL), "isdbgrid") == 0)
		return FAULT_NONE; /* a router of a sharded cluster, whose shards are replica sets */
	return fault_set(
	    why, FAULT_CONFIG,
	    "the MongoDB server stands alone, and Posthouse needs a replica set, if only of one: start "
	    "mongod with --replSet rs0, run rs.initiate() once, and put ?replicaSet=rs0 into mongo_uri");
}

static enum fault check_server(struct call *call)
{
	bson_t command = BSON_INITIALIZER, reply;
	enum fault fault;
	bson_error_t error;

	BSON_APPEND_INT32(&command, "hello", 1);
	if (mongoc_client_command_simple(call->client, "admin", &command, NULL, &reply, &error))
		fault = judge_hello(&reply, call->why);
	else
		fault = call_fault(call, &error, "hello");
	bson_destroy(&reply);
	bson_destroy(&command);
	return fault;
}

static enum fault prepare(struct mongo *mongo, struct why *why)
{
	struct call call;
	enum fault fault;

	fault = call_start(&call, &mongo->base, why);
	if (fault)
		return fault;
	fault = check_server(&call);
	if (!fault)
		fault = layout_make(&call);
	return call_done(&call, fault);
}

static enum fault ping(struct store *store, struct why *why)
{
	bson_t command = BSON_INITIALIZER;
	enum fault fault;
	bson_error_t error;
	struct call call;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	BSON_APPEND_INT32(&command, "ping", 1);
	if (!mongoc_client_command_simple(call.client, "admin", &command, NULL, NULL, &error))
		fault = call_fault(&call, &error, "ping");
	bson_destroy(&command);
	return call_done(&call, fault);
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

static void close_store(struct store *store)
{
	struct mongo *mongo = container_of(store, struct mongo, base);

	call_breaker_done(&mongo->breaker);
	if (mongo->pool)
		mongoc_client_pool_destroy(mongo->pool);
	bson_destroy(mongo->durable);
	free(mongo->db);
	free(mongo);
}

static const struct store_ops ops = {
	.name = "mongo",
	.get = mongo_get,
	.put = mongo_put,
	.put_many = mongo_put_many,
	.del = mongo_del,
	.signatures_get = mongo_signatures_get,
	.signatures_put = mongo_signatures_put,
	.find = mongo_find,
	.mailbox_create = mongo_mailbox_create,
	.mailbox_update = mongo_mailbox_update,
	.mailbox_delete = mongo_mailbox_delete,
	.mailbox_list = mongo_mailbox_list,
	.mailbox_set_acl = mongo_mailbox_set_acl,
	.mailbox_shared = mongo_mailbox_shared,
	.mailbox_unshare = mongo_mailbox_unshare,
	.contents_add_account = mongo_contents_add_account,
	.commit = mongo_commit,
	.move_done = mongo_move_done,
	.moves = mongo_moves,
	.read = mongo_read,
	.take_recent = mongo_take_recent,
	.pages_read = mongo_pages_read,
	.page_get = mongo_page_get,
	.pages_write = mongo_pages_write,
	.trim = mongo_trim,
	.queue_put = mongo_queue_put,
	.queue_claim = mongo_queue_claim,
	.queue_renew = mongo_queue_renew,
	.queue_finish = mongo_queue_finish,
	.queue_set = mongo_queue_set,
	.queue_remove = mongo_queue_remove,
	.queue_get = mongo_queue_get,
	.queue_list = mongo_queue_list,
	.queue_next_due = mongo_queue_next_due,
	.expire = mongo_expire,
	.ping = ping,
	.close = close_store,
};

enum fault store_mongo_open(const struct store_conf *conf, struct store **ret, struct why *why)
{
	int64_t timeout_ms = conf->timeout_ms ? conf->timeout_ms : TIMEOUT_MS;
	int32_t server_ms =
	    (int32_t)MIN_OF(timeout_ms - timeout_ms / 4, INT32_MAX); /* it gives up before we do */
	struct mongo *mongo = xzalloc(sizeof(*mongo));
	enum fault fault;

	call_library_start();
	mongo->base.ops = &ops;
	mongo->max_time_ms = server_ms;
	mongo->durable = BCON_NEW("writeConcern", "{", "w", "majority", "j", BCON_BOOL(true), "wtimeout",
	                          BCON_INT32(server_ms), "}");
	call_breaker_init(&mongo->breaker);
	fault = make_pool(mongo, conf, timeout_ms, why);
	if (!fault)
		fault = prepare(mongo, why);
	if (fault)
		close_store(&mongo->base);
	else
		*ret = &mongo->base;
	return fault;
}
