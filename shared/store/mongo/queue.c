/* The queue, entry by entry. Claiming is claim.c. */
#include "base/clock.h"
#include "store/access.h"
#include "store/mongo/entry.h"
#include "store/mongo/ops.h"

#define BYTES_AT_ONCE (16 * 1024 * 1024) /* one command: the driver would send no more than 48 MB at a time */

/* ---- put ----------------------------------------------------------------------------------------------------- */

static size_t how_many(const struct queue_entry *entries, size_t n)
{
	size_t bytes = 0, i;

	for (i = 0; i < n && i < 1000; i++) {
		bytes += entries[i].state.len;
		if (i && bytes > BYTES_AT_ONCE)
			break;
	}
	return i;
}

static enum fault put_some(struct call *call, const struct queue_entry *entries, size_t n)
{
	bson_t **docs = xmalloc(n * sizeof(bson_t *));
	enum fault fault;
	size_t missed;

	for (size_t i = 0; i < n; i++) {
		docs[i] = bson_new();
		entry_make(docs[i], &entries[i]);
	}
	fault = call_insert_missing(call, QUEUE, (const bson_t **)docs, n, &missed);
	for (size_t i = 0; i < n; i++)
		bson_destroy(docs[i]);
	free(docs);
	return fault;
}

enum fault mongo_queue_put(struct store *store, const struct actor *actor, const struct queue_entry *entries,
                           size_t n, struct why *why)
{
	struct call call;
	enum fault fault;

	(void)actor; /* the wall is above: every entry says whose it is */
	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	while (n && !fault) {
		size_t some = how_many(entries, n);

		fault = put_some(&call, entries, some);
		entries += some;
		n -= some;
	}
	return call_done(&call, fault);
}

/* ---- changing ------------------------------------------------------------------------------------------------ */

static void fenced(bson_t *filter, const struct actor *actor, const struct id *id, uint64_t fence)
{
	doc_add_id(filter, "_id", id);
	doc_add_num(filter, "fence", fence);
	if (wall_queue(actor))
		doc_add_id(filter, "account", wall_queue(actor));
}

/* Nobody has it, or whoever had it let its lease run out. */
static void not_leased(bson_t *filter)
{
	bson_t not, limit;

	bson_append_document_begin(filter, "lease_until", -1, &not );
	bson_append_document_begin(&not, "$not", -1, &limit);
	doc_add_time(&limit, "$gt", clock_now());
	bson_append_document_end(&not, &limit);
	bson_append_document_end(filter, &not );
}

static void give_back(bson_t *update)
{
	bson_t unset;

	bson_append_document_begin(update, "$unset", -1, &unset);
	BSON_APPEND_BOOL(&unset, "lease_until", true);
	BSON_APPEND_BOOL(&unset, "claim", true);
	bson_append_document_end(update, &unset);
}

static enum fault stale_unless(struct call *call, enum fault fault, size_t n)
{
	if (fault || n)
		return fault;
	return fault_set(call->why, FAULT_STALE, "mongo: the queue entry is somebody else's by now, or gone");
}

static enum fault change_one(struct store *store, const bson_t *filter, const bson_t *update, struct why *why)
{
	struct change change = { QUEUE, .filter = filter, .update = update };
	struct call call;
	enum fault fault;
	size_t matched = 0;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	fault = call_update(&call, &change, &matched);
	return call_done(&call, stale_unless(&call, fault, matched));
}

static enum fault remove_one(struct store *store, const bson_t *filter, struct why *why)
{
	struct call call;
	enum fault fault;
	size_t deleted = 0;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	fault = call_delete(&call, QUEUE, filter, false, &deleted);
	return call_done(&call, stale_unless(&call, fault, deleted));
}

enum fault mongo_queue_renew(struct store *store, const struct actor *actor, const struct id *id,
                             uint64_t fence, int64_t lease_until, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, part;
	enum fault fault;

	fenced(&filter, actor, id, fence);
	bson_append_document_begin(&filter, "lease_until", -1, &part);
	BSON_APPEND_BOOL(&part, "$exists", true);
	bson_append_document_end(&filter, &part);
	bson_append_document_begin(&update, "$set", -1, &part);
	doc_add_time(&part, "lease_until", lease_until);
	doc_add_time(&part, "ready", lease_until);
	bson_append_document_end(&update, &part);
	fault = change_one(store, &filter, &update, why);
	bson_destroy(&filter);
	bson_destroy(&update);
	return fault;
}

static void finish_update(bson_t *update, const struct queue_outcome *outcome)
{
	bson_t set;

	bson_append_document_begin(update, "$set", -1, &set);
	BSON_APPEND_UTF8(&set, "status", entry_status(outcome->status));
	doc_add_time(&set, "due", outcome->due);
	doc_add_time(&set, "ready", outcome->due);
	doc_add_num(&set, "attempts", outcome->attempts);
	doc_add_bytes(&set, "state", outcome->state);
	bson_append_document_end(update, &set);
	give_back(update);
}

enum fault mongo_queue_finish(struct store *store, const struct actor *actor,
                              const struct queue_outcome *outcome, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER;
	enum fault fault;

	fenced(&filter, actor, &outcome->id, outcome->fence);
	if (outcome->remove) {
		fault = remove_one(store, &filter, why);
	} else {
		finish_update(&update, outcome);
		fault = change_one(store, &filter, &update, why);
	}
	bson_destroy(&filter);
	bson_destroy(&update);
	return fault;
}

enum fault mongo_queue_set(struct store *store, const struct actor *actor, const struct id *id,
                           uint64_t fence, enum queue_status status, int64_t due, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, set;
	enum fault fault;

	fenced(&filter, actor, id, fence);
	not_leased(&filter);
	bson_append_document_begin(&update, "$set", -1, &set);
	BSON_APPEND_UTF8(&set, "status", entry_status(status));
	doc_add_time(&set, "due", due);
	doc_add_time(&set, "ready", due);
	bson_append_document_end(&update, &set);
	give_back(&update);
	fault = change_one(store, &filter, &update, why);
	bson_destroy(&filter);
	bson_destroy(&update);
	return fault;
}

enum fault mongo_queue_remove(struct store *store, const struct actor *actor, const struct id *id,
                              uint64_t fence, struct why *why)
{
	bson_t filter = BSON_INITIALIZER;
	enum fault fault;

	fenced(&filter, actor, id, fence);
	not_leased(&filter);
	fault = remove_one(store, &filter, why);
	bson_destroy(&filter);
	return fault;
}

/* ---- looking ------------------------------------------------------------------------------------------------- */

enum fault mongo_queue_get(struct store *store, const struct actor *actor, const struct id *id,
                           struct arena *arena, struct queue_entry *ret, struct why *why)
{
	bson_t filter = BSON_INITIALIZER;
	struct slice raw;
	struct call call;
	enum fault fault;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	doc_add_id(&filter, "_id", id);
	if (wall_queue(actor))
		doc_add_id(&filter, "account", wall_queue(actor));
	fault = call_find_one(&call, QUEUE, &filter, NULL, arena, &raw);
	if (!fault)
		fault = entry_parse(raw, ret, why);
	else if (fault == FAULT_NOT_FOUND)
		fault_set(why, fault, "mongo: no such queue entry");
	bson_destroy(&filter);
	return call_done(&call, fault);
}

static void list_filter(bson_t *filter, const struct id *wall, const struct queue_query *query)
{
	const struct id *account = wall ? wall : query->account;
	bson_t range;

	if (account)
		doc_add_id(filter, "account", account);
	if (query->domain.data)
		doc_add_text(filter, "domain", query->domain);
	if (!id_is_zero(&query->after)) {
		bson_append_document_begin(filter, "_id", -1, &range);
		doc_add_id(&range, "$gt", &query->after);
		bson_append_document_end(filter, &range);
	}
}

enum fault mongo_queue_list(struct store *store, const struct actor *actor, const struct queue_query *query,
                            struct arena *arena, struct queue_entry **ret, size_t *ret_n, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, sort = BSON_INITIALIZER;
	struct search search = { QUEUE, &filter, .sort = &sort, .limit = query->limit };
	const struct id *wall = wall_queue(actor);
	struct slice *docs;
	struct call call;
	enum fault fault;
	size_t n = 0;

	if (!query->limit || (wall && query->account && !id_eq(wall, query->account))) {
		*ret_n = 0;
		return FAULT_NONE;
	}
	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	list_filter(&filter, wall, query);
	BSON_APPEND_INT32(&sort, "_id", 1);
	fault = call_find(&call, &search, arena, &docs, &n);
	if (!fault)
		fault = entry_parse_all(docs, n, arena, ret, why);
	if (!fault)
		*ret_n = n;
	bson_destroy(&filter);
	bson_destroy(&sort);
	return call_done(&call, fault);
}
