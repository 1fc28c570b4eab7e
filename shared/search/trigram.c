/* Sets of trigrams (trigram.h): open addressing, at most half full. */
#include "search/trigram.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/macros.h"

#define TABLE_MIN 2048

void trigrams_init(struct trigrams *set)
{
	*set = (struct trigrams){ .table = xzalloc(TABLE_MIN * sizeof(uint32_t)), .mask = TABLE_MIN - 1 };
}

void trigrams_done(struct trigrams *set)
{
	free(set->table);
	*set = (struct trigrams){ .table = NULL };
}

static inline uint32_t *place_of(const struct trigrams *set, uint32_t entry)
{
	uint32_t at = (entry * 0x9e3779b1u) >> 8 & set->mask;

	while (set->table[at] && set->table[at] != entry)
		at = (at + 1) & set->mask;
	return &set->table[at];
}

static void grow(struct trigrams *set)
{
	struct trigrams larger = { .mask = set->mask * 2 + 1 };

	larger.table = xzalloc(((size_t)larger.mask + 1) * sizeof(uint32_t));
	for (uint32_t at = 0; at <= set->mask; at++)
		if (set->table[at])
			*place_of(&larger, set->table[at]) = set->table[at];
	free(set->table);
	set->table = larger.table;
	set->mask = larger.mask;
}

static inline void add(struct trigrams *set, uint32_t trigram)
{
	uint32_t *place = place_of(set, trigram + 1);

	if (*place)
		return;
	if (set->n == TRIGRAMS_MAX) {
		set->full = true;
		return;
	}
	*place = trigram + 1;
	if (++set->n > set->mask / 2)
		grow(set);
}

void trigrams_add(struct trigrams *set, struct slice text)
{
	uint32_t last = 0;

	for (size_t i = 0; i < text.len && !set->full; i++) {
		last = (last << 8 | text.data[i]) & 0xffffff;
		if (i >= 2)
			add(set, last);
	}
}
