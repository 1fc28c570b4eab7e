/* How full accounts are (usage.h). */
#include "usage.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "store/mailbox.h"

#define KEEP_MS 60000

struct entry {
	struct usage used;
	int64_t asked_at;
};

struct usage_cache {
	pthread_mutex_t lock;
	struct map *entries;
	size_t max;
};

struct usage_cache *usage_cache_new(size_t accounts_max)
{
	struct usage_cache *cache = xzalloc(sizeof(*cache));

	pthread_mutex_init(&cache->lock, NULL);
	cache->entries = map_new();
	cache->max = accounts_max;
	return cache;
}

static void drop_all(struct usage_cache *cache)
{
	struct slice key;
	void *entry;

	for (size_t at = 0; map_next(cache->entries, &at, &key, &entry);) {
		map_del(cache->entries, key);
		free(entry);
	}
}

void usage_cache_free(struct usage_cache *cache)
{
	if (!cache)
		return;
	drop_all(cache);
	map_free(cache->entries);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static bool recall(struct usage_cache *cache, const struct id *account, struct usage *ret)
{
	const struct entry *entry;
	bool fresh;

	pthread_mutex_lock(&cache->lock);
	entry = map_get(cache->entries, id_slice(account));
	fresh = entry && clock_mono_ms() - entry->asked_at < KEEP_MS;
	if (fresh)
		*ret = entry->used;
	pthread_mutex_unlock(&cache->lock);
	return fresh;
}

static void remember(struct usage_cache *cache, const struct id *account, const struct usage *used)
{
	struct entry *entry;

	pthread_mutex_lock(&cache->lock);
	entry = map_get(cache->entries, id_slice(account));
	if (!entry) {
		if (map_count(cache->entries) >= cache->max)
			drop_all(cache);
		entry = xzalloc(sizeof(*entry));
		map_put(cache->entries, id_slice(account), entry);
	}
	*entry = (struct entry){ *used, clock_mono_ms() };
	pthread_mutex_unlock(&cache->lock);
}

enum fault usage_check(struct usage_cache *cache, struct stack *stack, const struct id *account,
                       const struct usage *quota, struct why *why)
{
	const struct actor actor = { ACTOR_DELIVERY, *account };
	struct usage used;

	if (!quota->bytes && !quota->messages)
		return FAULT_NONE;
	if (!recall(cache, account, &used)) {
		enum fault fault = mailbox_usage(stack->store, &actor, account, &used, why);

		if (fault)
			return fault;
		remember(cache, account, &used);
	}
	if (usage_is_full(&used, quota))
		return fault_set(
		    why, FAULT_OVER_QUOTA, "account %s holds %llu of %llu bytes, %llu of %llu messages",
		    id_print(account).text, (unsigned long long)used.bytes, (unsigned long long)quota->bytes,
		    (unsigned long long)used.messages, (unsigned long long)quota->messages);
	return FAULT_NONE;
}

void usage_added(struct usage_cache *cache, const struct id *account, uint64_t bytes)
{
	struct entry *entry;

	pthread_mutex_lock(&cache->lock);
	entry = map_get(cache->entries, id_slice(account));
	if (entry) {
		entry->used.bytes += bytes;
		entry->used.messages++;
	}
	pthread_mutex_unlock(&cache->lock);
}
