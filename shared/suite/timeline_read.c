/* Reading the timeline (timeline.h); timeline.c says how it lies in the store. */
#include "base/buf.h"
#include "crypt/seal.h"
#include "store/record.h"
#include "suite/directory.h"
#include "suite/json.h"
#include "suite/timeline.h"

#define PAGE      200
#define ROWS_MAX  20000 /* of one trace: ten thousand recipients, tried twice */
#define PLAIN_MAX (1024 * 1024)

static const struct actor actor = { .kind = ACTOR_ADMIN };

const char *timeline_kind_name(enum timeline_kind kind)
{
	static const char *const names[TIMELINE_KINDS] = {
		[TIMELINE_ACCEPTED] = "accepted",   [TIMELINE_REFUSED] = "refused",
		[TIMELINE_FILED] = "filed",         [TIMELINE_QUEUED] = "queued",
		[TIMELINE_DELIVERED] = "delivered", [TIMELINE_DEFERRED] = "deferred",
		[TIMELINE_BOUNCED] = "bounced",     [TIMELINE_FAILED] = "failed",
		[TIMELINE_HELD] = "held",           [TIMELINE_RELEASED] = "released",
		[TIMELINE_DELETED] = "deleted",
	};

	return names[kind];
}

struct reading {
	const struct account_key *key;
	struct arena *arena;
	struct buf rows;
};

/* The JSON of a note; a sealed box is opened for each, since batches mix traces. */
static enum fault open_note(const struct reading *reading, const struct record *record, struct buf *plain,
                            struct why *why)
{
	const struct id none = { { 0 } };
	struct wrapped_key wrapped = { .kind = WRAPPED_BOX };
	struct reader reader = reader_of(record->value);
	struct content_key key;
	struct slice box;
	enum fault fault;
	uint8_t version = read_u8(&reader);

	wrapped.generation = read_u8(&reader);
	box = read_bytes(&reader, WRAPPED_BOX_SIZE);
	if (reader.bad || version != TIMELINE_VERSION)
		return fault_set(why, FAULT_CORRUPT, "a note of the timeline does not read");
	memcpy(wrapped.raw, box.data, box.len);
	fault = content_key_open(reading->key, &none, &wrapped, &key, why);
	if (!fault)
		fault = seal_open_small(&key, SEAL_TIMELINE, slice_from(record->value, 2 + WRAPPED_BOX_SIZE),
		                        PLAIN_MAX, plain, why);
	secret_wipe(&key, sizeof(key));
	return fault;
}

static void add_row(struct reading *reading, const json_t *note, const json_t *event)
{
	struct arena *arena = reading->arena;
	const struct timeline_row row = {
		.at = json_get_int(note, "at"),
		.node = json_get_str(note, "node", arena),
		.kind = json_get_str(event, "kind", arena),
		.address = json_get_str(event, "address", arena),
		.where = json_get_str(event, "where", arena),
		.status = json_get_str(event, "status", arena),
		.text = json_get_str(event, "text", arena),
		.next = json_get_int(event, "next"),
	};

	buf_add(&reading->rows, &row, sizeof(row));
}

static enum fault read_note(struct reading *reading, const struct record *record, struct why *why)
{
	struct buf plain;
	json_t *note = NULL, *event;
	size_t i;
	enum fault fault;

	buf_init(&plain, PLAIN_MAX);
	fault = open_note(reading, record, &plain, why);
	if (!fault)
		fault = json_read(buf_slice(&plain), "a note of the timeline", &note, why);
	/* a note that was moved to another key tells of another message */
	if (!fault && !slice_eq(record->key, slice_str(json_get_str(note, "key", reading->arena))))
		fault = fault_set(why, FAULT_CORRUPT, "a note of the timeline lies under another's key");
	if (!fault)
		json_array_foreach(json_object_get(note, "events"), i, event)
		{
			add_row(reading, note, event);
		}
	json_decref(note);
	secret_wipe(plain.data, plain.len);
	buf_done(&plain);
	return fault;
}

static enum fault read_all(struct stack *stack, struct reading *reading, struct slice prefix, struct why *why)
{
	struct record_query query = {
		.collection = COLL_TIMELINE, .index = -1, .after_key = prefix, .limit = PAGE
	};
	struct record *records;
	size_t n = PAGE;
	enum fault fault = FAULT_NONE;

	while (!fault && n == PAGE && reading->rows.len < ROWS_MAX * sizeof(struct timeline_row)) {
		fault = record_find(stack->store, &actor, &query, reading->arena, &records, &n, why);
		for (size_t i = 0; i < n && !fault; i++) {
			if (!slice_starts(records[i].key, (const char *)prefix.data))
				return FAULT_NONE;
			fault = read_note(reading, &records[i], why);
			query.after_key = records[i].key;
		}
	}
	return fault;
}

enum fault timeline_read(struct stack *stack, const char *trace, struct arena *arena,
                         struct timeline_row **ret, size_t *ret_n, struct why *why)
{
	struct reading reading = { .arena = arena };
	struct slice prefix = slice_str(arena_printf(arena, "%s-", trace)), rows;
	struct account_key *key;
	enum fault fault = timeline_private_key(stack, &key, why);

	if (fault)
		return fault;
	reading.key = key;
	buf_init(&reading.rows, BUF_NO_LIMIT);
	fault = read_all(stack, &reading, prefix, why);
	if (!fault && !reading.rows.len)
		fault =
		    fault_set(why, FAULT_NOT_FOUND, "nothing is known of such a message, or not any more");
	if (!fault) {
		rows = arena_copy(arena, buf_slice(&reading.rows));
		*ret = (struct timeline_row *)(uintptr_t)rows.data;
		*ret_n = rows.len / sizeof(**ret);
	}
	buf_done(&reading.rows);
	account_key_unref(key);
	return fault;
}
