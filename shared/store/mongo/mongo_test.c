/* Commands as JSON, for tests (mongo_test.h). */
#include "store/mongo/mongo_test.h"

#include "store/mongo/call.h"

static enum fault run(struct call *call, const bson_t *command, struct buf *reply)
{
	enum fault fault = FAULT_NONE;
	bson_error_t error;
	bson_t answer;
	char *json;

	if (!mongoc_client_command_simple(call->client, call->mongo->db, command, NULL, &answer, &error))
		fault = call_fault(call, &error, "test");
	json = bson_as_canonical_extended_json(&answer, NULL);
	buf_adds(reply, json ? json : "");
	bson_free(json);
	bson_destroy(&answer);
	return fault;
}

enum fault mongo_test_run(struct store *store, struct slice json, struct buf *reply, struct why *why)
{
	bson_error_t error;
	bson_t *command = bson_new_from_json(json.data, (ssize_t)json.len, &error);
	struct call call;
	enum fault fault;

	if (!command)
		return fault_set(why, FAULT_INPUT, "test: %s", error.message);
	fault = call_start(&call, store, why);
	if (!fault)
		fault = call_done(&call, run(&call, command, reply));
	bson_destroy(command);
	return fault;
}

enum fault mongo_test_bson(struct slice json, struct buf *out, struct why *why)
{
	bson_error_t error;
	bson_t *bson = bson_new_from_json(json.data, (ssize_t)json.len, &error);

	if (!bson)
		return fault_set(why, FAULT_INPUT, "test: %s", error.message);
	buf_add(out, bson_get_data(bson), bson->len);
	bson_destroy(bson);
	return FAULT_NONE;
}
