/* Opening a store by its name, and what holds for every backend: the schema version (store.h). */
#include "store/store.h"

#include <stdio.h>

#include "store/front.h"
#include "store/mongo/mongo.h"
#include "store/schema.h"
#include "store/sqlite/sqlite.h"

static const struct backend {
	const char *name;
	enum fault (*open)(const struct store_conf *, struct store **, struct why *);
} backends[] = {
	{ "sqlite", store_sqlite_open },
	{ "mongo", store_mongo_open },
};

static const struct actor system_actor = { .kind = ACTOR_SYSTEM };

static enum fault put_version(struct store *store, struct why *why)
{
	char text[24];
	struct record record = {
		.key = slice_str(SCHEMA_KEY),
		.version = RECORD_NEW,
		.value = slice_of(text, (size_t)snprintf(text, sizeof(text), "%d", SCHEMA_VERSION)),
	};

	return store->ops->put(store, &system_actor, COLL_SETTINGS, &record, why);
}

static enum fault check_version(struct store *store, struct why *why)
{
	struct arena *arena = arena_new();
	struct slice key = slice_str(SCHEMA_KEY);
	struct record record;
	uint64_t version = 0;
	enum fault fault =
	    store->ops->get(store, &system_actor, COLL_SETTINGS, &key, 1, false, arena, &record, why);

	if (!fault && !record.key.data) {
		fault = put_version(store, why);
		/* another process was first, and not with ours: look again */
		if (fault == FAULT_EXISTS)
			fault = store->ops->get(store, &system_actor, COLL_SETTINGS, &key, 1, false, arena,
			                        &record, why);
		else
			version = SCHEMA_VERSION;
	}
	if (!fault && !version && (!slice_u64(record.value, INT32_MAX, &version) || version == 0))
		fault = fault_set(why, FAULT_CORRUPT, "the store's schema version is no number");
	else if (!fault && version > SCHEMA_VERSION)
		fault =
		    fault_set(why, FAULT_CONFIG,
		              "the store was written by a newer Posthouse (schema %llu, this one knows %d): "
		              "install that version again",
		              (unsigned long long)version, SCHEMA_VERSION);
	arena_free(arena);
	return fault;
}

enum fault store_open(const struct store_conf *conf, struct store **ret, struct why *why)
{
	const struct backend *backend = NULL;
	struct store *store;
	enum fault fault;

	for (size_t i = 0; i < ARRAY_LEN(backends); i++)
		if (strcmp(backends[i].name, conf->backend) == 0)
			backend = &backends[i];
	if (!backend)
		return fault_set(why, FAULT_CONFIG, "there is no store \"%s\": sqlite or mongo",
		                 conf->backend);
	fault = backend->open(conf, &store, why);
	if (fault)
		return fault;
	store->front = front_new();
	fault = check_version(store, why);
	if (fault) {
		store_close(store);
		return fault;
	}
	*ret = store;
	return FAULT_NONE;
}

void store_close(struct store *store)
{
	struct store_front *front;

	if (!store)
		return;
	front = store->front;
	store->ops->close(store);
	front_free(front);
}

enum fault store_ping(struct store *store, struct why *why)
{
	return store->ops->ping(store, why);
}

enum fault store_expire(struct store *store, int64_t now, size_t max, size_t *ret_n, struct why *why)
{
	return store->ops->expire(store, now, max, ret_n, why);
}
