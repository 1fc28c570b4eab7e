/* Commands sent to MongoDB, counted as they start: round trips are a promise that tests hold the store to. */
#include "store/mongo/call.h"

#include "base/metrics.h"

#define COMMANDS(name, text)                                                                                 \
	{                                                                                                    \
		METRIC_COUNTER, "posthouse_store_commands_total", "command=\"" name "\"", text               \
	}

static struct metric other = COMMANDS("other", "Commands sent to the database");
static struct row {
	const char *command;
	struct metric metric;
} rows[] = {
	{ "find", COMMANDS("find", "Commands sent to the database") },
	{ "getMore", COMMANDS("getMore", "Commands sent to the database") },
	{ "insert", COMMANDS("insert", "Commands sent to the database") },
	{ "update", COMMANDS("update", "Commands sent to the database") },
	{ "delete", COMMANDS("delete", "Commands sent to the database") },
	{ "findAndModify", COMMANDS("findAndModify", "Commands sent to the database") },
};

static void on_started(const mongoc_apm_command_started_t *event)
{
	const char *command = mongoc_apm_command_started_get_command_name(event);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].command, command) == 0) {
			metric_inc(&rows[i].metric);
			return;
		}
	}
	metric_inc(&other);
}

void call_count_commands(mongoc_client_pool_t *pool)
{
	mongoc_apm_callbacks_t *callbacks = mongoc_apm_callbacks_new();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		metric_register(&rows[i].metric);
	metric_register(&other);
	mongoc_apm_set_command_started_cb(callbacks, on_started);
	mongoc_client_pool_set_apm_callbacks(pool, callbacks, NULL);
	mongoc_apm_callbacks_destroy(callbacks);
}
