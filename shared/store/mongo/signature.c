/* Search signatures of contents: a field that only these two read and write (store.h). */
#include "base/map.h"
#include "store/access.h"
#include "store/mongo/ops.h"
#include "store/mongo/shape.h"

#define CONTENTS schema_collections[COLL_CONTENTS].name

/* { _id: { $in: [ … ] }, signature: { $exists: true } } of what the actor may see */
static void signed_ones(bson_t *filter, const struct actor *actor, const struct slice *keys, size_t n)
{
	struct doc_index index;
	bson_t in, list, exists;

	bson_append_document_begin(filter, "_id", -1, &in);
	bson_append_array_begin(&in, "$in", -1, &list);
	for (size_t i = 0; i < n; i++)
		shape_add(&list, doc_index(&index, i), shape_key(COLL_CONTENTS), keys[i]);
	bson_append_array_end(&in, &list);
	bson_append_document_end(filter, &in);
	bson_append_document_begin(filter, "signature", -1, &exists);
	BSON_APPEND_BOOL(&exists, "$exists", true);
	bson_append_document_end(filter, &exists);
	shape_walled(filter, wall_record(actor, COLL_CONTENTS, false));
}

static enum fault place(const struct slice *keys, size_t n, const struct slice *docs, size_t n_docs,
                        struct arena *arena, struct slice *ret, struct why *why)
{
	struct slice *found = arena_array(arena, struct slice, n_docs);
	struct map *by_key = map_new();
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n_docs && !fault; i++) {
		struct doc doc;
		struct id id;

		doc_open(&doc, docs[i]);
		id = doc_id(&doc, "_id");
		found[i] = doc_bytes(&doc, "signature");
		fault = doc_check(&doc, CONTENTS, why);
		if (!fault)
			map_put(by_key, id_slice(&id), &found[i]);
	}
	for (size_t i = 0; i < n && !fault; i++) {
		const struct slice *signature = map_get(by_key, keys[i]);

		ret[i] = signature ? *signature : (struct slice){ NULL, 0 };
	}
	map_free(by_key);
	return fault;
}

enum fault mongo_signatures_get(struct store *store, const struct actor *actor, const struct slice *keys,
                                size_t n, struct arena *arena, struct slice *ret, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct search search = { .collection = CONTENTS, .filter = &filter, .fields = &fields };
	struct slice *docs;
	struct call call;
	enum fault fault = call_start(&call, store, why);
	size_t n_docs;

	if (fault)
		return fault;
	signed_ones(&filter, actor, keys, n);
	BSON_APPEND_INT32(&fields, "signature", 1);
	fault = call_find(&call, &search, arena, &docs, &n_docs);
	if (!fault)
		fault = place(keys, n, docs, n_docs, arena, ret, why);
	bson_destroy(&filter);
	bson_destroy(&fields);
	return call_done(&call, fault);
}

static bson_t *filter_of(const struct actor *actor, struct slice key)
{
	bson_t *filter = bson_new();

	shape_add(filter, "_id", shape_key(COLL_CONTENTS), key);
	shape_walled(filter, wall_record(actor, COLL_CONTENTS, true));
	return filter;
}

static bson_t *update_of(struct slice signature)
{
	bson_t *update = bson_new(), set;

	bson_append_document_begin(update, "$set", -1, &set);
	doc_add_bytes(&set, "signature", signature);
	bson_append_document_end(update, &set);
	return update;
}

enum fault mongo_signatures_put(struct store *store, const struct actor *actor, const struct slice *keys,
                                const struct slice *signatures, size_t n, struct why *why)
{
	bson_t **documents = xmalloc(2 * n * sizeof(*documents));
	struct changes changes = {
		.collection = CONTENTS, .filters = documents, .updates = documents + n, .n = n
	};
	struct changed changed;
	struct call call;
	enum fault fault = call_start(&call, store, why);

	if (fault) {
		free(documents);
		return fault;
	}
	for (size_t i = 0; i < n; i++) {
		changes.filters[i] = filter_of(actor, keys[i]);
		changes.updates[i] = update_of(signatures[i]);
	}
	fault = call_update_each(&call, &changes, &changed);
	for (size_t i = 0; i < 2 * n; i++)
		bson_destroy(documents[i]);
	free(documents);
	return call_done(&call, fault);
}
