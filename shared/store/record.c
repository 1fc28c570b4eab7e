/* Plain records behind the wall (record.h). */
#include "store/record.h"

#include <assert.h>

#include "store/access.h"
#include "store/acl.h"
#include "store/mailbox.h"
#include "store/schema.h"

#define GET_MANY 500 /* keys in one round trip */

const char *collection_name(enum collection collection)
{
	return schema_collections[collection].name;
}

enum fault record_get_many(struct store *store, const struct actor *actor, enum collection collection,
                           const struct slice *keys, size_t n, bool with_body, struct arena *arena,
                           struct record *ret, struct why *why)
{
	struct record *records = arena_array(arena, struct record, n);
	enum fault fault = access_check_record(actor, collection, false, why);

	/* contents are a guest's to read while it may read the mailbox that shows them to it */
	if (!fault)
		fault = mailbox_granted(store, actor, &actor->mailbox, ACL_READ, why);
	for (size_t at = 0; !fault && at < n; at += GET_MANY)
		fault = store->ops->get(store, actor, collection, keys + at, MIN_OF(n - at, (size_t)GET_MANY),
		                        with_body, arena, records + at, why);
	if (!fault && n)
		memcpy(ret, records, n * sizeof(*ret));
	return fault;
}

enum fault record_get(struct store *store, const struct actor *actor, enum collection collection,
                      struct slice key, bool with_body, struct arena *arena, struct record *ret,
                      struct why *why)
{
	struct record record;
	enum fault fault = record_get_many(store, actor, collection, &key, 1, with_body, arena, &record, why);

	if (fault)
		return fault;
	if (!record.key.data)
		return fault_set(why, FAULT_NOT_FOUND, "no such record in %s", collection_name(collection));
	*ret = record;
	return FAULT_NONE;
}

static enum fault check_size(const struct record *record, struct why *why)
{
	if (record->key.len > RECORD_KEY_MAX)
		return fault_set(why, FAULT_TOO_BIG, "key of %zu bytes", record->key.len);
	for (int i = 0; i < RECORD_INDEXES; i++)
		if (record->index[i].len > RECORD_KEY_MAX)
			return fault_set(why, FAULT_TOO_BIG, "index value of %zu bytes",
			                 record->index[i].len);
	if (record->value.len > RECORD_VALUE_MAX || record->body.len > RECORD_BODY_MAX ||
	    record->signature.len > RECORD_SIGNATURE_MAX)
		return fault_set(why, FAULT_TOO_BIG, "record of %zu and %zu bytes", record->value.len,
		                 record->body.len);
	return FAULT_NONE;
}

enum fault record_check(const struct actor *actor, enum collection collection, const struct record *record,
                        struct why *why)
{
	const struct schema_collection *schema = &schema_collections[collection];
	enum fault fault = access_check_record(actor, collection, true, why);
	const struct id *wall;

	if (fault)
		return fault;
	assert(record->key.len > 0 && record->accounts.len % sizeof(struct id) == 0);
	assert(schema->has_body || (!record->body.data && !record->signature.data));
	for (int i = 0; i < RECORD_INDEXES; i++)
		assert(schema->index[i].name || !record->index[i].data);
	wall = wall_record(actor, collection, true);
	if (wall && !access_names(record, wall))
		return fault_set(why, FAULT_DENIED, "record in %s that does not name the acting account",
		                 schema->name);
	return check_size(record, why);
}

enum fault record_put(struct store *store, const struct actor *actor, enum collection collection,
                      const struct record *record, struct why *why)
{
	enum fault fault = record_check(actor, collection, record, why);

	if (!fault)
		fault = mailbox_granted(store, actor, &actor->mailbox, ACL_INSERT, why);
	return fault ? fault : store->ops->put(store, actor, collection, record, why);
}

enum fault record_put_many(struct store *store, const struct actor *actor, enum collection collection,
                           const struct record *const *records, size_t n, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n && !fault; i++)
		fault = record_check(actor, collection, records[i], why);
	if (!fault)
		fault = mailbox_granted(store, actor, &actor->mailbox, ACL_INSERT, why);
	return fault || !n ? fault : store->ops->put_many(store, actor, collection, records, n, why);
}

enum fault record_del(struct store *store, const struct actor *actor, enum collection collection,
                      struct slice key, uint64_t version, struct why *why)
{
	enum fault fault = access_check_record(actor, collection, true, why);

	if (!fault && actor->kind == ACTOR_GUEST)
		fault = fault_set(why, FAULT_DENIED, "a guest deletes no records");
	return fault ? fault : store->ops->del(store, actor, collection, key, version, why);
}

enum fault record_find(struct store *store, const struct actor *actor, const struct record_query *query,
                       struct arena *arena, struct record **ret, size_t *ret_n, struct why *why)
{
	enum fault fault = access_check_record(actor, query->collection, false, why);

	if (!fault && actor->kind == ACTOR_GUEST)
		fault = fault_set(why, FAULT_DENIED, "a guest goes through no records");
	assert(query->index >= -1 && query->index < RECORD_INDEXES);
	assert(query->index < 0 || schema_collections[query->collection].index[query->index].name);
	return fault ? fault : store->ops->find(store, actor, query, arena, ret, ret_n, why);
}

enum fault record_signatures(struct store *store, const struct actor *actor, const struct slice *keys,
                             size_t n, struct arena *arena, struct slice *ret, struct why *why)
{
	struct slice *found = arena_array(arena, struct slice, n);
	enum fault fault = access_check_record(actor, COLL_CONTENTS, false, why);

	if (!fault)
		fault = mailbox_granted(store, actor, &actor->mailbox, ACL_READ, why);
	for (size_t at = 0; !fault && at < n; at += GET_MANY)
		fault = store->ops->signatures_get(store, actor, keys + at, MIN_OF(n - at, (size_t)GET_MANY),
		                                   arena, found + at, why);
	if (!fault && n)
		memcpy(ret, found, n * sizeof(*ret));
	return fault;
}

enum fault record_sign(struct store *store, const struct actor *actor, const struct slice *keys,
                       const struct slice *signatures, size_t n, struct why *why)
{
	enum fault fault = access_check_record(actor, COLL_CONTENTS, true, why);

	if (!fault && actor->kind == ACTOR_GUEST)
		fault = fault_set(why, FAULT_DENIED, "a guest signs no contents");
	for (size_t i = 0; i < n && !fault; i++)
		if (signatures[i].len > RECORD_SIGNATURE_MAX)
			fault = fault_set(why, FAULT_TOO_BIG, "signature of %zu bytes", signatures[i].len);
	return fault || !n ? fault : store->ops->signatures_put(store, actor, keys, signatures, n, why);
}
