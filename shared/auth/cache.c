/*
 * Logins verified lately (cache.h).
 *
 * 1. The list holds every entry of the map, oldest first, so what has expired stands at its head.
 * 2. A hit does not prolong: each entry ends `ttl_ms` after its last full check.
 */
#include "auth/cache.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/secret.h"

struct proof {
	uint8_t raw[32];
};

struct entry {
	struct list by_age;
	struct id account;
	struct proof proof;
	int64_t until;
};

struct login_cache {
	pthread_mutex_t lock;
	struct map *entries; /* by proof */
	struct list by_age;
	int64_t ttl_ms;
	size_t max;
	int64_t (*now_ms)(void);
	struct secret *key;
};

struct login_cache *login_cache_new(int64_t ttl_ms, size_t entries_max)
{
	struct login_cache *cache = xzalloc(sizeof(*cache));

	pthread_mutex_init(&cache->lock, NULL);
	cache->entries = map_new();
	list_init(&cache->by_age);
	cache->ttl_ms = ttl_ms;
	cache->max = entries_max;
	cache->now_ms = clock_mono_ms;
	cache->key = secret_new(crypto_generichash_KEYBYTES);
	rand_bytes(secret_data(cache->key), crypto_generichash_KEYBYTES);
	return cache;
}

static void drop(struct login_cache *cache, struct entry *entry)
{
	map_del(cache->entries, slice_of(entry->proof.raw, sizeof(entry->proof.raw)));
	list_del(&entry->by_age);
	free(entry);
}

void login_cache_free(struct login_cache *cache)
{
	if (!cache)
		return;
	list_each (&cache->by_age, node)
		drop(cache, list_item(node, struct entry, by_age));
	map_free(cache->entries);
	secret_unref(cache->key);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

void login_cache_set_clock(struct login_cache *cache, int64_t (*now_ms)(void))
{
	cache->now_ms = now_ms;
}

static struct proof proof_of(const struct login_cache *cache, const struct id *account, const char *argon,
                             struct slice password)
{
	crypto_generichash_state state;
	struct proof proof;

	crypto_generichash_init(&state, secret_slice(cache->key).data, crypto_generichash_KEYBYTES,
	                        sizeof(proof.raw));
	crypto_generichash_update(&state, account->raw, sizeof(account->raw));
	crypto_generichash_update(&state, (const uint8_t *)argon,
	                          strlen(argon) + 1); /* the NUL parts the two */
	crypto_generichash_update(&state, password.data, password.len);
	crypto_generichash_final(&state, proof.raw, sizeof(proof.raw));
	secret_wipe(&state, sizeof(state));
	return proof;
}

static void drop_expired(struct login_cache *cache, int64_t now)
{
	list_each (&cache->by_age, node) {
		struct entry *entry = list_item(node, struct entry, by_age);

		if (entry->until > now)
			break;
		drop(cache, entry);
	}
}

bool login_cache_knows(struct login_cache *cache, const struct id *account, const char *argon,
                       struct slice password)
{
	struct proof proof = proof_of(cache, account, argon, password);
	bool known;

	pthread_mutex_lock(&cache->lock);
	drop_expired(cache, cache->now_ms());
	known = map_get(cache->entries, slice_of(proof.raw, sizeof(proof.raw))) != NULL;
	pthread_mutex_unlock(&cache->lock);
	return known;
}

void login_cache_add(struct login_cache *cache, const struct id *account, const char *argon,
                     struct slice password)
{
	struct entry *entry = xmalloc(sizeof(*entry)), *old;
	struct slice key = slice_of(entry->proof.raw, sizeof(entry->proof.raw));
	int64_t now;

	entry->account = *account;
	entry->proof = proof_of(cache, account, argon, password);
	pthread_mutex_lock(&cache->lock);
	now = cache->now_ms();
	drop_expired(cache, now);
	old = map_get(cache->entries, key);
	if (old)
		drop(cache, old);
	else if (map_count(cache->entries) > 0 && map_count(cache->entries) >= cache->max)
		drop(cache, list_item(cache->by_age.next, struct entry, by_age));
	entry->until = now + cache->ttl_ms;
	map_put(cache->entries, key, entry);
	list_add_tail(&cache->by_age, &entry->by_age);
	pthread_mutex_unlock(&cache->lock);
}

/* Looks through all of them: it happens when a password changes, and there are some thousands at most. */
void login_cache_forget(struct login_cache *cache, const struct id *account)
{
	pthread_mutex_lock(&cache->lock);
	list_each (&cache->by_age, node) {
		struct entry *entry = list_item(node, struct entry, by_age);

		if (id_eq(&entry->account, account))
			drop(cache, entry);
	}
	pthread_mutex_unlock(&cache->lock);
}
