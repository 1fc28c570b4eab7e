/*
 * Message ids as numbers (thread_ids.h).
 *
 * 1. Id i is hashes[i - 1].
 * 2. Of a message, places has where in `numbers` it begins: how many follow, 2 * its id + whether it is a reply, its refs.
 */
#include "thread_ids.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/rand.h"

#define FIRST_SLOTS 1024

struct thread_ids {
	unsigned refs;
	struct id key;
	struct column *places;
	uint32_t *numbers;
	uint32_t n_numbers, numbers_cap;
	struct id *hashes;
	uint32_t n_hashes, hashes_cap;
};

struct thread_ids *thread_ids_ref(struct thread_ids *ids)
{
	if (ids)
		ids->refs++;
	return ids;
}

void thread_ids_unref(struct thread_ids *ids)
{
	if (!ids || --ids->refs)
		return;
	column_unref(ids->places);
	free(ids->numbers);
	free(ids->hashes);
	free(ids);
}

uint32_t thread_ids_count(const struct thread_ids *ids)
{
	return ids ? column_count(ids->places) : 0;
}

size_t thread_ids_memory(const struct thread_ids *ids)
{
	if (!ids)
		return 0;
	return sizeof(*ids) + column_memory(ids->places) + ids->numbers_cap * sizeof(*ids->numbers) +
	       ids->hashes_cap * sizeof(*ids->hashes);
}

/* ---- numbers of ids ---- */

/* The slot of a hash, or the free one where it would go. */
static uint32_t *slot_of(const struct thread_ids_use *use, const struct id *hash)
{
	const uint32_t mask = use->n_slots - 1;
	uint32_t at;

	memcpy(&at, hash->raw, sizeof(at));
	for (at &= mask; use->slots[at]; at = (at + 1) & mask)
		if (id_eq(&use->made->hashes[use->slots[at] - 1], hash))
			break;
	return &use->slots[at];
}

/* At most half full, so that every look ends soon. */
static void widen(struct thread_ids_use *use)
{
	const struct thread_ids *made = use->made;

	if (use->n_slots && made->n_hashes < use->n_slots / 2)
		return;
	use->n_slots = MAX_OF(use->n_slots, (uint32_t)FIRST_SLOTS);
	while (use->n_slots / 2 <= made->n_hashes)
		use->n_slots *= 2;
	free(use->slots);
	use->slots = xzalloc(use->n_slots * sizeof(*use->slots));
	for (uint32_t i = 0; i < made->n_hashes; i++)
		*slot_of(use, &made->hashes[i]) = i + 1;
}

static uint32_t number_of(struct thread_ids_use *use, struct slice id)
{
	struct thread_ids *made = use->made;
	const struct id hash = id_derive(&made->key, id);
	uint32_t *slot;

	widen(use);
	slot = slot_of(use, &hash);
	if (*slot)
		return *slot;
	if (made->n_hashes == made->hashes_cap) {
		made->hashes_cap = made->hashes_cap ? 2 * made->hashes_cap : 512;
		made->hashes = xrealloc(made->hashes, made->hashes_cap * sizeof(*made->hashes));
	}
	made->hashes[made->n_hashes++] = hash;
	return *slot = made->n_hashes;
}

/* ---- adding ---- */

/* A copy, with room for what is new. */
static struct thread_ids *copy(const struct thread_ids *old)
{
	struct thread_ids *made = xzalloc(sizeof(*made));

	made->refs = 1;
	if (!old) {
		made->key = id_new();
		return made;
	}
	made->key = old->key;
	made->n_numbers = made->numbers_cap = old->n_numbers;
	made->numbers = xmalloc(made->n_numbers * sizeof(*made->numbers));
	memcpy(made->numbers, old->numbers, made->n_numbers * sizeof(*made->numbers));
	made->n_hashes = made->hashes_cap = old->n_hashes;
	if (!made->n_hashes)
		return made;
	made->hashes = xmalloc(made->n_hashes * sizeof(*made->hashes));
	memcpy(made->hashes, old->hashes, made->n_hashes * sizeof(*made->hashes));
	return made;
}

void thread_ids_start(struct thread_ids_use *use, struct thread_ids *ids)
{
	use->ids = ids;
	use->places.column = column_ref(ids ? ids->places : NULL);
}

bool thread_ids_has(struct thread_ids_use *use, uint32_t uid)
{
	return column_has(&use->places, uid);
}

static void add_number(struct thread_ids *made, uint32_t number)
{
	if (made->n_numbers == made->numbers_cap) {
		made->numbers_cap = made->numbers_cap ? 2 * made->numbers_cap : 2048;
		made->numbers = xrealloc(made->numbers, made->numbers_cap * sizeof(*made->numbers));
	}
	made->numbers[made->n_numbers++] = number;
}

void thread_ids_add(struct thread_ids_use *use, uint32_t uid, bool reply, struct slice id,
                    const struct slice *refs, uint32_t n_refs)
{
	if (!use->made)
		use->made = copy(use->ids);
	column_add(&use->places, uid, use->made->n_numbers, SLICE(""));
	add_number(use->made, n_refs);
	add_number(use->made, 2 * (id.data ? number_of(use, id) : 0) + reply);
	for (uint32_t i = 0; i < n_refs; i++)
		add_number(use->made, number_of(use, refs[i]));
}

void thread_ids_finish(struct thread_ids_use *use)
{
	free(use->slots);
	use->slots = NULL;
	column_use_finish(&use->places);
	if (use->made)
		use->made->places = column_ref(use->places.made); /* which nobody else has yet */
}

/* ---- looking ---- */

struct thread_named thread_ids_of(struct thread_ids_use *use, uint32_t uid)
{
	const struct thread_ids *ids = use->made ? use->made : use->ids;
	const int64_t place = column_value(&use->places, uid, -1);
	const uint32_t *numbers;

	if (place < 0)
		return (struct thread_named){ .id = 0 };
	numbers = ids->numbers + place;
	return (struct thread_named){
		.n_refs = numbers[0], .id = numbers[1] / 2, .reply = numbers[1] % 2, .refs = numbers + 2
	};
}

uint32_t thread_ids_highest(const struct thread_ids_use *use)
{
	const struct thread_ids *ids = use->made ? use->made : use->ids;

	return ids ? ids->n_hashes : 0;
}

void thread_ids_done(struct thread_ids_use *use)
{
	free(use->slots);
	column_use_done(&use->places);
	thread_ids_unref(use->made);
	thread_ids_unref(use->ids);
}
