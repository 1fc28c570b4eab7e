/* What the indexer says of itself (check.h): one record of the settings, so that whoever may not open mail can tell how far it is. */
#include "store/record.h"
#include "suite/check.h"
#include "suite/directory_internal.h"
#include "suite/json.h"

#define KEY       "search-index"
#define SILENT_MS 120000 /* a batch of very large messages, and the rest behind it, take less */

enum index_state index_state_of(const struct index_note *note, int64_t now)
{
	if (!note->started)
		return INDEX_NEVER;
	if (note->faulted)
		return INDEX_INTERRUPTED;
	if (note->ended)
		return INDEX_DONE;
	return now - note->heard > SILENT_MS ? INDEX_INTERRUPTED : INDEX_RUNNING;
}

enum fault index_note_put(struct stack *stack, const struct index_note *note, struct why *why)
{
	struct arena *arena = arena_new();
	struct record record = { .key = SLICE(KEY), .version = RECORD_ANY };
	const struct index_result *so_far = &note->result;
	enum fault fault;

	record.value =
	    json_write(json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "login", note->login,
	                         "started", (json_int_t)note->started, "heard", (json_int_t)note->heard,
	                         "ended", (json_int_t)note->ended, "of", (json_int_t)note->mailbox_messages,
	                         "done", (json_int_t)note->done, "accounts", (json_int_t)so_far->accounts,
	                         "locked", (json_int_t)so_far->locked, "messages",
	                         (json_int_t)so_far->messages, "made", (json_int_t)so_far->made, "failed",
	                         (json_int_t)so_far->failed, "faulted", note->faulted),
	               arena);
	fault = record_put(stack->store, &actor_admin, COLL_SETTINGS, &record, why);
	arena_free(arena);
	return fault;
}

static uint64_t count_of(const json_t *json, const char *name)
{
	return (uint64_t)MAX_OF(json_get_int(json, name), INT64_C(0));
}

enum fault index_note_get(struct stack *stack, struct arena *arena, struct index_note *ret, struct why *why)
{
	struct record record;
	json_t *json;
	enum fault fault =
	    record_get(stack->store, &actor_admin, COLL_SETTINGS, SLICE(KEY), false, arena, &record, why);

	if (fault == FAULT_NOT_FOUND) {
		*ret = (struct index_note){ .login = "" };
		return FAULT_NONE;
	}
	if (!fault)
		fault = json_read(record.value, "the note of the search index", &json, why);
	if (fault)
		return fault;
	*ret = (struct index_note){
		.login = json_get_str(json, "login", arena),
		.started = json_get_int(json, "started"),
		.heard = json_get_int(json, "heard"),
		.ended = json_get_int(json, "ended"),
		.mailbox_messages = count_of(json, "of"),
		.done = count_of(json, "done"),
		.result = { .accounts = count_of(json, "accounts"),
		            .locked = count_of(json, "locked"),
		            .messages = count_of(json, "messages"),
		            .made = count_of(json, "made"),
		            .failed = count_of(json, "failed") },
		.faulted = json_get_bool(json, "faulted"),
	};
	json_decref(json);
	return FAULT_NONE;
}
