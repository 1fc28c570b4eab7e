/*
 * Claiming queue entries: one command for one of them, two for many.
 *
 * For many, a read finds candidates and an update takes each that is still as it
 * was read. Mostly all are; when another claimer was at the same ones, a third
 * command reads back which carry our mark. Claims are durable: a fence that a
 * failover took back could be given out twice.
 */
#include "store/access.h"
#include "store/mongo/entry.h"
#include "store/mongo/ops.h"

struct claiming {
	bson_t sort;
	struct call call;
	const struct id *wall;
	struct id mark;
	int64_t now, lease_until;
	struct arena *arena;
};

static void add_waiting(bson_t *filter, const struct id *wall)
{
	BSON_APPEND_UTF8(filter, "status", entry_status(QUEUE_WAITING));
	if (wall)
		doc_add_id(filter, "account", wall);
}

static void add_claimable(const struct claiming *c, bson_t *filter)
{
	bson_t range;

	add_waiting(filter, c->wall);
	bson_append_document_begin(filter, "ready", -1, &range);
	doc_add_time(&range, "$lte", c->now);
	bson_append_document_end(filter, &range);
}

static void claim_update(const struct claiming *c, bson_t *update)
{
	bson_t part;

	bson_append_document_begin(update, "$set", -1, &part);
	doc_add_time(&part, "lease_until", c->lease_until);
	doc_add_time(&part, "ready", c->lease_until);
	doc_add_id(&part, "claim", &c->mark);
	bson_append_document_end(update, &part);
	doc_add_inc(update, "fence");
}

static enum fault claim_one(struct claiming *c, struct slice **ret, size_t *ret_n)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER;
	struct change change = { QUEUE, .filter = &filter, .update = &update, .sort = &c->sort };
	struct slice *doc = arena_make(c->arena, struct slice);
	enum fault fault;

	add_claimable(c, &filter);
	claim_update(c, &update);
	fault = call_modify(&c->call, &change, c->arena, doc);
	if (!fault || fault == FAULT_NOT_FOUND) {
		*ret = doc;
		*ret_n = !fault;
		fault = FAULT_NONE;
	}
	bson_destroy(&filter);
	bson_destroy(&update);
	return fault;
}

/* ---- many ---------------------------------------------------------------------------------------------------- */

/* Just as it was read: the fence counts claims, and an operator may have moved `due`. */
static bson_t *as_read(const struct claiming *c, const struct queue_entry *entry)
{
	bson_t *filter = bson_new();

	doc_add_id(filter, "_id", &entry->id);
	doc_add_num(filter, "fence", entry->fence);
	doc_add_time(filter, "due", entry->due);
	add_claimable(c, filter);
	return filter;
}

static enum fault take(struct claiming *c, const struct queue_entry *entries, size_t n, size_t *ret_taken)
{
	struct changes changes = { .collection = QUEUE, .n = n };
	bson_t update = BSON_INITIALIZER;
	struct changed changed;
	enum fault fault;

	claim_update(c, &update);
	changes.filters = xmalloc(n * sizeof(bson_t *));
	changes.updates = xmalloc(n * sizeof(bson_t *));
	for (size_t i = 0; i < n; i++) {
		changes.filters[i] = as_read(c, &entries[i]);
		changes.updates[i] = &update;
	}
	fault = call_update_each(&c->call, &changes, &changed);
	if (!fault)
		*ret_taken = changed.matched;
	for (size_t i = 0; i < n; i++)
		bson_destroy(changes.filters[i]);
	free(changes.filters);
	free(changes.updates);
	bson_destroy(&update);
	return fault;
}

/* Which of them are ours. */
static enum fault read_back(struct claiming *c, const struct queue_entry *entries, size_t n,
                            struct slice **ret, size_t *ret_n)
{
	bson_t filter = BSON_INITIALIZER, in, list;
	struct search search = { QUEUE, &filter, .sort = &c->sort };
	struct doc_index index;
	enum fault fault;

	bson_append_document_begin(&filter, "_id", -1, &in);
	bson_append_array_begin(&in, "$in", -1, &list);
	for (size_t i = 0; i < n; i++)
		doc_add_id(&list, doc_index(&index, i), &entries[i].id);
	bson_append_array_end(&in, &list);
	bson_append_document_end(&filter, &in);
	doc_add_id(&filter, "claim", &c->mark);
	fault = call_find(&c->call, &search, c->arena, ret, ret_n);
	bson_destroy(&filter);
	return fault;
}

static enum fault find_candidates(struct claiming *c, size_t max, struct slice **ret, size_t *ret_n)
{
	bson_t filter = BSON_INITIALIZER;
	struct search search = { QUEUE, &filter, .sort = &c->sort, .limit = max };
	enum fault fault;

	add_claimable(c, &filter);
	fault = call_find(&c->call, &search, c->arena, ret, ret_n);
	bson_destroy(&filter);
	return fault;
}

static enum fault claim_many(struct claiming *c, size_t max, struct queue_entry **ret, size_t *ret_n)
{
	struct queue_entry *entries = NULL;
	size_t n = 0, taken = 0;
	struct slice *docs;
	enum fault fault;

	fault = find_candidates(c, max, &docs, &n);
	if (!fault)
		fault = entry_parse_all(docs, n, c->arena, &entries, c->call.why);
	if (!fault && n)
		fault = take(c, entries, n, &taken);
	if (!fault && taken < n) {
		fault = read_back(c, entries, n, &docs, &n);
		if (!fault)
			fault = entry_parse_all(docs, n, c->arena, &entries, c->call.why);
	} else if (!fault) {
		for (size_t i = 0; i < n; i++) {
			entries[i].fence++;
			entries[i].lease_until = c->lease_until;
		}
	}
	if (!fault) {
		*ret = entries;
		*ret_n = n;
	}
	return fault;
}

enum fault mongo_queue_claim(struct store *store, const struct actor *actor, int64_t now, int64_t lease_ms,
                             size_t max, struct arena *arena, struct queue_entry **ret, size_t *ret_n,
                             struct why *why)
{
	struct claiming c = {
		.wall = wall_queue(actor), .now = now, .lease_until = now + lease_ms, .arena = arena
	};
	struct slice *docs;
	enum fault fault;
	size_t n;

	if (!max) {
		*ret_n = 0;
		return FAULT_NONE;
	}
	fault = call_start(&c.call, store, why);
	if (fault)
		return fault;
	c.mark = id_new();
	bson_init(&c.sort);
	BSON_APPEND_INT32(&c.sort, "priority", -1);
	BSON_APPEND_INT32(&c.sort, "due", 1);
	if (max == 1) {
		fault = claim_one(&c, &docs, &n);
		if (!fault)
			fault = entry_parse_all(docs, n, arena, ret, why);
		if (!fault)
			*ret_n = n;
	} else {
		fault = claim_many(&c, max, ret, ret_n);
	}
	bson_destroy(&c.sort);
	return call_done(&c.call, fault);
}

/* ---- when next ----------------------------------------------------------------------------------------------- */

enum fault mongo_queue_next_due(struct store *store, const struct actor *actor, int64_t *ret, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER, sort = BSON_INITIALIZER;
	struct search search = { QUEUE, &filter, &fields, &sort, 1 };
	struct arena *arena = arena_new();
	struct slice *docs;
	struct call call;
	enum fault fault;
	struct doc doc;
	size_t n = 0;

	add_waiting(&filter, wall_queue(actor));
	BSON_APPEND_INT32(&fields, "ready", 1);
	BSON_APPEND_INT32(&sort, "ready", 1);
	fault = call_start(&call, store, why);
	if (!fault) {
		fault = call_find(&call, &search, arena, &docs, &n);
		if (!fault && n) {
			int64_t ready;

			doc_open(&doc, docs[0]);
			ready = doc_time(&doc, "ready");
			fault = doc_check(&doc, QUEUE, why);
			if (!fault)
				*ret = ready;
		} else if (!fault) {
			*ret = 0;
		}
		call_done(&call, fault);
	}
	bson_destroy(&filter);
	bson_destroy(&fields);
	bson_destroy(&sort);
	arena_free(arena);
	return fault;
}
