/*
 * The answer map (cache.h): a hash map over entries that also hang in a list,
 * the most recently used first.
 *
 * 1. Every entry of the map is in the list and the other way round.
 * 2. `bytes` is the sum of the entries' sizes; count and bytes are within their limits after every put.
 */
#include "dns/cache.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "dns/answer.h"
#include "dns/name.h"

#define TTL_MIN          5
#define TTL_MAX          86400
#define TTL_MAX_NEGATIVE 900
#define BYTES_PER_ANSWER 1024 /* what an answer may take on average, its entry included */

struct entry {
	struct list node;
	const struct dns_answer *answer;
	int64_t expires_ms;
	size_t size;
	size_t key_len;
	uint8_t key[];
};

struct dns_cache {
	struct map *map;
	struct list recent;
	size_t answers_max, bytes_max, bytes;
};

struct dns_cache *dns_cache_new(size_t answers_max)
{
	struct dns_cache *cache = xzalloc(sizeof(*cache));

	cache->map = map_new();
	list_init(&cache->recent);
	cache->answers_max = answers_max;
	cache->bytes_max = answers_max * BYTES_PER_ANSWER;
	return cache;
}

static void entry_drop(struct dns_cache *cache, struct entry *entry)
{
	map_del(cache->map, slice_of(entry->key, entry->key_len));
	list_del(&entry->node);
	cache->bytes -= entry->size;
	dns_answer_unref(entry->answer);
	free(entry);
}

void dns_cache_free(struct dns_cache *cache)
{
	if (!cache)
		return;
	list_each (&cache->recent, node)
		entry_drop(cache, list_item(node, struct entry, node));
	map_free(cache->map);
	free(cache);
}

struct key {
	uint8_t raw[2 + DNS_NAME_MAX + 1];
	size_t len;
};

static struct key key_of(const char *name, enum dns_type type)
{
	struct key key = { .raw = { (uint8_t)(type >> 8), (uint8_t)type } };
	size_t len = strnlen(name, DNS_NAME_MAX);

	memcpy(key.raw + 2, name, len);
	key.len = 2 + len;
	return key;
}

static int64_t lifetime_ms(const struct dns_answer *answer)
{
	uint32_t ttl = answer->ttl;

	if (answer->status == DNS_TEMPFAIL)
		ttl = TTL_MIN;
	else if (answer->status != DNS_OK)
		ttl = MIN_OF(ttl, (uint32_t)TTL_MAX_NEGATIVE);
	ttl = MIN_OF(MAX_OF(ttl, (uint32_t)TTL_MIN), (uint32_t)TTL_MAX);
	return (int64_t)ttl * 1000;
}

static struct entry *entry_find(struct dns_cache *cache, const struct key *key)
{
	return map_get(cache->map, slice_of(key->raw, key->len));
}

static void make_room(struct dns_cache *cache)
{
	while (!list_empty(&cache->recent) &&
	       (map_count(cache->map) > cache->answers_max || cache->bytes > cache->bytes_max))
		entry_drop(cache, list_item(cache->recent.prev, struct entry, node));
}

void dns_cache_put(struct dns_cache *cache, const char *name, enum dns_type type,
                   const struct dns_answer *answer, int64_t now_ms)
{
	struct key key = key_of(name, type);
	struct entry *old = entry_find(cache, &key);
	struct entry *entry = xmalloc(sizeof(*entry) + key.len);

	*entry = (struct entry){
		.answer = dns_answer_ref(answer),
		.expires_ms = now_ms + lifetime_ms(answer),
		.size = sizeof(*entry) + key.len + dns_answer_size(answer),
		.key_len = key.len,
	};
	memcpy(entry->key, key.raw, key.len);
	if (old)
		entry_drop(cache, old);
	map_put(cache->map, slice_of(entry->key, entry->key_len), entry);
	list_add_head(&cache->recent, &entry->node);
	cache->bytes += entry->size;
	make_room(cache);
}

const struct dns_answer *dns_cache_get(struct dns_cache *cache, const char *name, enum dns_type type,
                                       int64_t now_ms)
{
	struct key key = key_of(name, type);
	struct entry *entry = entry_find(cache, &key);

	if (!entry)
		return NULL;
	if (entry->expires_ms <= now_ms) {
		entry_drop(cache, entry);
		return NULL;
	}
	list_del(&entry->node);
	list_add_head(&cache->recent, &entry->node);
	return entry->answer;
}

size_t dns_cache_count(const struct dns_cache *cache)
{
	return map_count(cache->map);
}
