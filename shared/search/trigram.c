/* Sets of trigrams (trigram.h): open addressing, at most half full, and a list to go through them without gaps. */
#include "search/trigram.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/macros.h"

#define TABLE_MIN 4096

/* The list needs half as much room as the table. */
static void make_table(struct trigrams *set, uint32_t size)
{
	set->table = xmalloc((size_t)size * 3 / 2 * sizeof(uint32_t));
	memset(set->table, 0, (size_t)size * sizeof(uint32_t));
	set->list = set->table + size;
	set->mask = size - 1;
}

void trigrams_init(struct trigrams *set)
{
	*set = (struct trigrams){ .n = 0 };
	make_table(set, TABLE_MIN);
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
	struct trigrams larger = { .n = set->n, .full = set->full };

	make_table(&larger, (set->mask + 1) * 2);
	for (uint32_t i = 0; i < set->n; i++)
		*place_of(&larger, set->list[i] + 1) = set->list[i] + 1;
	memcpy(larger.table + larger.mask + 1, set->list, set->n * sizeof(uint32_t));
	free(set->table);
	*set = larger;
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
	set->table[set->mask + 1 + set->n++] = trigram;
	if (set->n > set->mask / 2)
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
