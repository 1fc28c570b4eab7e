/* One look at a mailbox; \Recent; and the log's tail dropped after a fold. */
#include "store/access.h"
#include "store/mongo/head.h"
#include "store/mongo/ops.h"
#include "store/schema.h"

/* ---- read ---------------------------------------------------------------------------------------------------- */

static bool parse_entry(const bson_iter_t *element, struct mailbox_change *ret)
{
	bool good = BSON_ITER_HOLDS_DOCUMENT(element), has_entry = false;
	bson_iter_t at;
	uint64_t uids;

	if (!good || !bson_iter_recurse(element, &at))
		return false;
	while (good && bson_iter_next(&at)) {
		const char *key = bson_iter_key(&at);
		int64_t number = BSON_ITER_HOLDS_INT(&at) ? bson_iter_as_int64(&at) : INT64_MIN;

		if (strcmp(key, "e") == 0) {
			good = has_entry = doc_at_bytes(&at, &ret->entry);
		} else if (strcmp(key, "t") == 0) {
			good = doc_at_id(&at, &ret->tag);
		} else if (strcmp(key, "n") == 0) {
			good = doc_at_num(&at, UINT32_MAX, &uids);
			ret->uids = good ? (uint32_t)uids : 0;
		} else if (strcmp(key, "m") == 0) {
			good = number >= INT32_MIN && number <= INT32_MAX;
			ret->messages = (int32_t)number;
		} else if (strcmp(key, "u") == 0) {
			good = number >= INT32_MIN && number <= INT32_MAX;
			ret->unseen = (int32_t)number;
		} else if (strcmp(key, "b") == 0) {
			good = number > INT64_MIN;
			ret->bytes = number;
		}
	}
	return good && has_entry;
}

static void parse_log(struct doc *doc, struct arena *arena, struct mailbox_log *log)
{
	uint64_t n = log->head.modseq - log->head.log_base;
	struct mailbox_change *changes;
	bson_iter_t list;

	if (n > LOG_ENTRIES_MAX || !doc_list(doc, "log", &list)) {
		doc->bad = "log";
		return;
	}
	changes = arena_array(arena, struct mailbox_change, n);
	for (log->n = 0; bson_iter_next(&list); log->n++) {
		if (log->n == n || !parse_entry(&list, &changes[log->n])) {
			doc->bad = "log";
			return;
		}
	}
	if (log->n != n)
		doc->bad = "log";
	log->changes = changes;
}

/* The document comes whole. */
static void skip_known(struct mailbox_log *log, uint64_t since)
{
	const uint64_t base = log->head.log_base;

	log->skipped = since > base ? (uint32_t)MIN_OF(since - base, (uint64_t)log->n) : 0;
	log->changes += log->skipped;
	log->n -= log->skipped;
}

static void parse_keywords(struct doc *doc, struct arena *arena, struct mailbox_log *log)
{
	struct slice *names;
	bson_iter_t list;
	uint32_t n = 0;

	if (log->head.keywords > doc->bson.len || !doc_list(doc, "keywords", &list)) {
		doc->bad = "keywords";
		return;
	}
	names = arena_array(arena, struct slice, log->head.keywords);
	for (; bson_iter_next(&list); n++) {
		if (n == log->head.keywords || !doc_at_bytes(&list, &names[n])) {
			doc->bad = "keywords";
			return;
		}
	}
	if (n != log->head.keywords)
		doc->bad = "keywords";
	log->keywords = names;
}

enum fault mongo_read(struct store *store, const struct actor *actor, const struct id *mailbox,
                      uint64_t since, struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct mailbox_log log = { .n = 0 };
	struct slice raw;
	struct call call;
	enum fault fault;
	struct doc doc;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	call.reading = READ_LASTING;
	head_walled(&filter, mailbox, actor);
	BSON_APPEND_INT32(&fields, "name", 0);
	fault = head_missing(&call, call_find_one(&call, MAILBOXES, &filter, &fields, arena, &raw));
	if (!fault) {
		doc_open(&doc, raw);
		log.head = head_parse(&doc);
		parse_log(&doc, arena, &log);
		parse_keywords(&doc, arena, &log);
		fault = doc_check(&doc, MAILBOXES, why);
	}
	if (!fault) {
		skip_known(&log, since);
		*ret = log;
	}
	bson_destroy(&filter);
	bson_destroy(&fields);
	return call_done(&call, fault);
}

/* ---- take_recent --------------------------------------------------------------------------------------------- */

static enum fault not_taken(struct call *call, const struct id *mailbox, const struct actor *actor)
{
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct arena *arena = arena_new();
	struct slice raw;
	enum fault fault;

	head_walled(&filter, mailbox, actor);
	BSON_APPEND_INT32(&fields, "_id", 1);
	fault = head_missing(call, call_find_one(call, MAILBOXES, &filter, &fields, arena, &raw));
	if (!fault)
		fault = fault_set(call->why, FAULT_STALE, "mongo: \\Recent was taken by somebody else");
	bson_destroy(&filter);
	bson_destroy(&fields);
	arena_free(arena);
	return fault;
}

enum fault mongo_take_recent(struct store *store, const struct actor *actor, const struct id *mailbox,
                             uint32_t first, uint32_t next, struct why *why)
{
	bson_t filter = BSON_INITIALIZER;
	bson_t *update = BCON_NEW("$set", "{", "recent_uid", BCON_INT64((int64_t)next), "}");
	struct change change = { MAILBOXES, .filter = &filter, .update = update };
	struct call call;
	size_t matched = 0;
	enum fault fault = call_start(&call, store, why);

	if (!fault) {
		head_walled(&filter, mailbox, actor);
		doc_add_num(&filter, "recent_uid", first);
		fault = call_update(&call, &change, &matched);
		if (!fault && !matched)
			fault = not_taken(&call, mailbox, actor);
		fault = call_done(&call, fault);
	}
	bson_destroy(update);
	bson_destroy(&filter);
	return fault;
}

/* ---- trim ---------------------------------------------------------------------------------------------------- */

/* One pipeline stage over the `n` oldest entries; what it drops it also takes from the sums. */
static bson_t *trim_update(uint64_t n, uint64_t upto, uint64_t vanished_floor, const struct id *history)
{
	const int32_t drop = (int32_t)n;

	/* clang-format off */
	return BCON_NEW("0", "{", "$set", "{",
		"log", "{", "$slice", "[", "$log", BCON_INT32(drop), BCON_INT32(LOG_ENTRIES_MAX), "]", "}",
		"log_base", BCON_INT64((int64_t)upto),
		"log_base_uid", "{", "$add", "[", "$log_base_uid",
			"{", "$sum", "{", "$map", "{",
				"input", "{", "$slice", "[", "$log", BCON_INT32(drop), "]", "}",
				"as", "entry",
				"in", "{", "$ifNull", "[", "$$entry.n", BCON_INT64(0), "]", "}",
			"}", "}", "}", "]", "}",
		"log_bytes", "{", "$subtract", "[", "$log_bytes",
			"{", "$sum", "{", "$map", "{",
				"input", "{", "$slice", "[", "$log", BCON_INT32(drop), "]", "}",
				"as", "entry",
				"in", "{", "$toLong", "{", "$binarySize", "$$entry.e", "}", "}",
			"}", "}", "}", "]", "}",
		"vanished_floor", "{", "$max", "[", "$vanished_floor", BCON_INT64((int64_t)vanished_floor), "]", "}",
		"history", BCON_BIN(BSON_SUBTYPE_UUID, history->raw, sizeof(history->raw)),
		"}", "}");
	/* clang-format on */
}

static enum fault trim(struct call *call, const struct actor *actor, const struct id *mailbox, uint64_t base,
                       uint64_t upto, uint64_t vanished_floor, const struct id *history)
{
	bson_t filter = BSON_INITIALIZER, range;
	bson_t *update = trim_update(upto - base, upto, vanished_floor, history);
	struct change change = { MAILBOXES, .filter = &filter, .update = update };
	enum fault fault;
	size_t matched;

	head_walled(&filter, mailbox, actor);
	doc_add_num(&filter, "log_base", base);
	bson_append_document_begin(&filter, "modseq", -1, &range);
	doc_add_num(&range, "$gte", upto);
	bson_append_document_end(&filter, &range);
	fault = call_update(call, &change, &matched);
	if (!fault && !matched)
		fault = fault_set(call->why, FAULT_STALE, "mongo: the mailbox was folded by somebody else");
	bson_destroy(update);
	bson_destroy(&filter);
	return fault;
}

enum fault mongo_trim(struct store *store, const struct actor *actor, const struct id *mailbox, uint64_t base,
                      uint64_t upto, uint64_t vanished_floor, const struct id *history, struct why *why)
{
	struct call call;
	enum fault fault;

	if (upto < base || upto - base > LOG_ENTRIES_MAX)
		return fault_set(why, FAULT_STALE, "mongo: a log does not reach from %llu to %llu",
		                 (unsigned long long)base, (unsigned long long)upto);
	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	return call_done(&call, trim(&call, actor, mailbox, base, upto, vanished_floor, history));
}
