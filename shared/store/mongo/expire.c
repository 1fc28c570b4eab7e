/*
 * What is removed later: records past their time, and the pages of mailboxes
 * that were deleted while somebody still folded them. The TTL indexes of
 * schema.c would do the first alone, but only within minutes.
 */
#include "store/mongo/ops.h"

#include "store/mongo/delete.h"
#include "store/schema.h"

#define AT_ONCE 1000

static void expired_filter(bson_t *filter, int64_t now)
{
	bson_t limit;

	bson_append_document_begin(filter, "expires", -1, &limit);
	doc_add_time(&limit, "$lte", now);
	bson_append_document_end(filter, &limit);
}

/* { _id: { $in: the ids of `docs` } }, as they are stored. */
static void ids_filter(bson_t *filter, const struct slice *docs, size_t n)
{
	struct doc_index index;
	bson_t in, list;

	bson_append_document_begin(filter, "_id", -1, &in);
	bson_append_array_begin(&in, "$in", -1, &list);
	for (size_t i = 0; i < n; i++) {
		bson_iter_t at;
		struct doc doc;

		doc_open(&doc, docs[i]);
		if (bson_iter_init_find(&at, &doc.bson, "_id"))
			bson_append_value(&list, doc_index(&index, i), -1, bson_iter_value(&at));
	}
	bson_append_array_end(&in, &list);
	bson_append_document_end(filter, &in);
}

static enum fault expire_some(struct call *call, const char *collection, int64_t now, size_t max,
                              struct arena *arena, size_t *ret_n)
{
	bson_t expired = BSON_INITIALIZER, these = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct search search = {
		.collection = collection, .filter = &expired, .fields = &fields, .limit = max
	};
	enum fault fault;
	struct slice *docs;
	size_t n = 0;

	*ret_n = 0;
	expired_filter(&expired, now);
	BSON_APPEND_INT32(&fields, "_id", 1);
	fault = call_find(call, &search, arena, &docs, &n);
	if (!fault && n) {
		ids_filter(&these, docs, n);
		expired_filter(&these, now); /* it may have been put anew in between */
		fault = call_delete(call, collection, &these, true, ret_n);
	}
	bson_destroy(&expired);
	bson_destroy(&these);
	bson_destroy(&fields);
	return fault;
}

static enum fault expire_records(struct call *call, int64_t now, size_t max, size_t *ret_n)
{
	struct arena *arena = arena_new();
	enum fault fault = FAULT_NONE;
	size_t total = 0, n;

	for (int i = 0; i < COLL_COUNT && !fault; i++) {
		do {
			size_t want = MIN_OF(max - total, AT_ONCE);

			n = 0;
			if (want)
				fault = expire_some(call, schema_collections[i].name, now, want, arena, &n);
			total += n;
			arena_reset(arena);
		} while (!fault && n == AT_ONCE);
	}
	arena_free(arena);
	if (!fault)
		*ret_n = total;
	return fault;
}

enum fault mongo_expire(struct store *store, int64_t now, size_t max, size_t *ret_n, struct why *why)
{
	struct call call;
	enum fault fault;
	size_t n = 0;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	fault = expire_records(&call, now, max, &n);
	if (!fault)
		fault = delete_left_over(&call, now, AT_ONCE);
	if (!fault)
		*ret_n = n;
	return call_done(&call, fault);
}
