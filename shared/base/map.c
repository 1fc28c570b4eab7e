/*
 * A map (map.h) is two arrays: the entries, dense and in no order, and an open
 * addressed index of entry numbers, probed in a straight line.
 *
 * 1. The index is at most three quarters full, so every probe ends.
 * 2. No free slot lies between an entry's home slot and where it stands:
 *    deletion moves later slots back instead of leaving a mark behind.
 * 3. Deletion fills the hole among the entries with the last one. A walk goes
 *    from the last to the first, so what moves has been seen already.
 */
#include "base/map.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rand.h"

#define FIRST_SLOTS 8

struct entry {
	uint64_t hash;
	void *value;
	uint8_t *key;
	size_t key_len;
};

struct map {
	uint8_t secret[crypto_shorthash_KEYBYTES];
	struct entry *entries;
	uint32_t *index; /* 1 + number of the entry; 0: free */
	size_t n, slots; /* slots: 0 or a power of two */
};

struct map *map_new(void)
{
	struct map *map = xzalloc(sizeof(*map));

	rand_bytes(map->secret, sizeof(map->secret));
	return map;
}

void map_free(struct map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->n; i++)
		free(map->entries[i].key);
	free(map->entries);
	free(map->index);
	free(map);
}

size_t map_count(const struct map *map)
{
	return map->n;
}

static uint64_t hash_of(const struct map *map, struct slice key)
{
	uint8_t raw[crypto_shorthash_BYTES];
	uint64_t hash;

	crypto_shorthash(raw, key.data, key.len, map->secret);
	memcpy(&hash, raw, sizeof(hash));
	return hash;
}

/* The slot that holds `key`, or the free one where it would go. */
static size_t slot_of(const struct map *map, uint64_t hash, struct slice key)
{
	size_t mask = map->slots - 1, slot = hash & mask;

	for (; map->index[slot]; slot = (slot + 1) & mask) {
		const struct entry *entry = &map->entries[map->index[slot] - 1];

		if (entry->hash == hash && slice_eq(slice_of(entry->key, entry->key_len), key))
			break;
	}
	return slot;
}

/* The slot of an entry known by its number. */
static size_t slot_of_entry(const struct map *map, size_t number)
{
	size_t mask = map->slots - 1, slot = map->entries[number].hash & mask;

	while (map->index[slot] != number + 1)
		slot = (slot + 1) & mask;
	return slot;
}

static void grow(struct map *map)
{
	size_t mask;

	map->slots = map->slots ? map->slots * 2 : FIRST_SLOTS;
	assert(map->slots <= UINT32_MAX);
	mask = map->slots - 1;
	map->entries = xrealloc(map->entries, map->slots / 4 * 3 * sizeof(*map->entries));
	free(map->index);
	map->index = xzalloc(map->slots * sizeof(*map->index));
	for (size_t i = 0; i < map->n; i++) {
		size_t slot = map->entries[i].hash & mask;

		while (map->index[slot])
			slot = (slot + 1) & mask;
		map->index[slot] = (uint32_t)i + 1;
	}
}

void *map_get(const struct map *map, struct slice key)
{
	uint32_t number;

	if (!map->n)
		return NULL;
	number = map->index[slot_of(map, hash_of(map, key), key)];
	return number ? map->entries[number - 1].value : NULL;
}

void *map_put(struct map *map, struct slice key, void *value)
{
	uint64_t hash = hash_of(map, key);
	struct entry *entry;
	size_t slot;
	void *before;

	if (map->n == map->slots / 4 * 3)
		grow(map);
	slot = slot_of(map, hash, key);
	if (map->index[slot]) {
		entry = &map->entries[map->index[slot] - 1];
		before = entry->value;
		entry->value = value;
		return before;
	}
	entry = &map->entries[map->n++];
	*entry = (struct entry){ hash, value, xmalloc(key.len), key.len };
	if (key.len)
		memcpy(entry->key, key.data, key.len);
	map->index[slot] = (uint32_t)map->n;
	return NULL;
}

/* Frees a slot and keeps invariant 2: each later slot of the run that may stand here moves back. */
static void free_slot(struct map *map, size_t hole)
{
	size_t mask = map->slots - 1;

	for (size_t slot = (hole + 1) & mask; map->index[slot]; slot = (slot + 1) & mask) {
		size_t home = map->entries[map->index[slot] - 1].hash & mask;

		/* it may not go before its home: its way from there has to be at least as long as from the hole */
		if (((slot - home) & mask) < ((slot - hole) & mask))
			continue;
		map->index[hole] = map->index[slot];
		hole = slot;
	}
	map->index[hole] = 0;
}

void *map_del(struct map *map, struct slice key)
{
	size_t slot, number;
	struct entry *entry;
	void *before;

	if (!map->n)
		return NULL;
	slot = slot_of(map, hash_of(map, key), key);
	if (!map->index[slot])
		return NULL;
	number = map->index[slot] - 1;
	entry = &map->entries[number];
	before = entry->value;
	free_slot(map, slot);
	free(entry->key);
	map->n--;
	if (number != map->n) {
		map->index[slot_of_entry(map, map->n)] = (uint32_t)number + 1;
		*entry = map->entries[map->n];
	}
	return before;
}

bool map_next(const struct map *map, size_t *at, struct slice *ret_key, void **ret_value)
{
	/* 0: not begun; else 1 + the entry given last */
	size_t left = *at ? *at - 1 : map->n;
	const struct entry *entry;

	if (!left)
		return false;
	entry = &map->entries[left - 1];
	*at = left;
	*ret_key = slice_of(entry->key, entry->key_len);
	*ret_value = entry->value;
	return true;
}
