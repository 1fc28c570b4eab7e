/*
 * Values by UID (column.h).
 *
 * 1. UIDs ascend, each there once; texts ascend too, and the first is the empty one.
 * 2. Texts lie one behind the other: text i is bytes [starts[i], starts[i + 1]).
 */
#include "column.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

struct column {
	unsigned refs;
	uint32_t n, n_texts;
	uint32_t *uids;
	int64_t *values;
	uint32_t *starts;
	uint8_t *bytes;
};

static const struct column nothing = { .n_texts = 1,
	                               .starts = (uint32_t[]){ 0, 0 },
	                               .bytes = (uint8_t[]){ 0 } };

struct column *column_ref(struct column *column)
{
	if (column)
		column->refs++;
	return column;
}

void column_unref(struct column *column)
{
	if (!column || --column->refs)
		return;
	free(column->uids);
	free(column->values);
	free(column->starts);
	free(column->bytes);
	free(column);
}

uint32_t column_count(const struct column *column)
{
	return column ? column->n : 0;
}

size_t column_memory(const struct column *column)
{
	if (!column)
		return 0;
	return sizeof(*column) + column->n * (sizeof(*column->uids) + sizeof(*column->values)) +
	       (column->starts
	            ? (column->n_texts + 1) * sizeof(*column->starts) + column->starts[column->n_texts]
	            : 0);
}

/* ---- looking ---- */

/* The first that is not below `uid`. */
static uint32_t find(const struct column *column, uint32_t uid)
{
	uint32_t from = 0, to = column->n;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (column->uids[middle] < uid)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

bool column_has(struct column_use *use, uint32_t uid)
{
	const struct column *column = use->made ? use->made : use->column;

	if (!column)
		return false;
	if (use->at < column->n && column->uids[use->at] < uid)
		use->at++;
	if (use->at >= column->n || column->uids[use->at] != uid)
		use->at = find(column, uid);
	return use->at < column->n && column->uids[use->at] == uid;
}

int64_t column_value(struct column_use *use, uint32_t uid, int64_t none)
{
	if (!column_has(use, uid))
		return none;
	return (use->made ? use->made : use->column)->values[use->at];
}

/* ---- adding ---- */

void column_add(struct column_use *use, uint32_t uid, int64_t number, struct slice text)
{
	if (use->n == use->cap) {
		use->cap = use->cap ? 2 * use->cap : 64;
		use->fresh = xrealloc(use->fresh, use->cap * sizeof(*use->fresh));
	}
	use->fresh[use->n++] = (struct column_entry){ uid, number, text };
}

static struct slice text_of(const struct column *column, uint32_t rank)
{
	return slice_of(column->bytes + column->starts[rank],
	                column->starts[rank + 1] - column->starts[rank]);
}

static uint32_t add_text(struct column *made, struct slice text)
{
	const uint32_t start = made->starts[made->n_texts];

	if (text.len)
		memcpy(made->bytes + start, text.data, text.len);
	made->starts[made->n_texts + 1] = start + (uint32_t)text.len;
	return made->n_texts++;
}

/* Where in [from, …) of the old texts this one stands or would stand. */
static uint32_t place_of(const struct column *old, uint32_t from, struct slice text)
{
	uint32_t to = old->n_texts;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (slice_cmp(text_of(old, middle), text) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static int by_text(const void *left, const void *right)
{
	const struct column_entry *a = left, *b = right;

	return slice_cmp(a->text, b->text);
}

static void make_room(struct column *made, const struct column *old, const struct column_use *use)
{
	size_t bytes = old->starts[old->n_texts];

	for (uint32_t i = 0; i < use->n; i++)
		bytes += use->fresh[i].text.len;
	assert(bytes <= UINT32_MAX); /* the caller bounds what it keeps */
	made->starts = xzalloc(((size_t)old->n_texts + use->n + 1) * sizeof(*made->starts));
	made->bytes = xmalloc(bytes + 1);
}

/* Old texts and new ones, each once; the new ranks of the old ones, and the numbers of what is fresh. */
static void merge_texts(struct column *made, const struct column *old, struct column_use *use,
                        uint32_t *ranks)
{
	uint32_t from = 0;

	make_room(made, old, use);
	qsort(use->fresh, use->n, sizeof(*use->fresh), by_text);
	for (uint32_t i = 0; i < use->n; i++) {
		struct column_entry *entry = &use->fresh[i];
		const uint32_t to = place_of(old, from, entry->text);

		for (; from < to; from++)
			ranks[from] = add_text(made, text_of(old, from));
		if (to < old->n_texts && slice_eq(text_of(old, to), entry->text))
			entry->number = made->n_texts; /* which it gets when it is its turn */
		else if (made->n_texts && slice_eq(text_of(made, made->n_texts - 1), entry->text))
			entry->number = made->n_texts - 1;
		else
			entry->number = add_text(made, entry->text);
	}
	for (; from < old->n_texts; from++)
		ranks[from] = add_text(made, text_of(old, from));
	made->starts = xrealloc(made->starts, ((size_t)made->n_texts + 1) * sizeof(*made->starts));
	made->bytes = xrealloc(made->bytes, made->starts[made->n_texts] + 1);
}

static int by_uid(const void *left, const void *right)
{
	const struct column_entry *a = left, *b = right;

	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

static void merge_uids(struct column *made, const struct column *old, struct column_use *use,
                       const uint32_t *ranks)
{
	const size_t most = (size_t)old->n + use->n;
	uint32_t i = 0, k = 0;

	made->uids = xmalloc(most * sizeof(*made->uids));
	made->values = xmalloc(most * sizeof(*made->values));
	qsort(use->fresh, use->n, sizeof(*use->fresh), by_uid);
	while (i < old->n || k < use->n) {
		if (k == use->n || (i < old->n && old->uids[i] < use->fresh[k].uid)) {
			made->uids[made->n] = old->uids[i];
			made->values[made->n++] = use->of_texts ? ranks[old->values[i]] : old->values[i];
			i++;
		} else {
			made->uids[made->n] = use->fresh[k].uid;
			made->values[made->n++] = use->fresh[k++].number;
		}
	}
}

void column_use_finish(struct column_use *use)
{
	const struct column *old = use->column ? use->column : &nothing;
	uint32_t *ranks = NULL;

	if (!use->n)
		return;
	use->made = xzalloc(sizeof(*use->made));
	use->made->refs = 1;
	if (use->of_texts) {
		ranks = xmalloc(old->n_texts * sizeof(*ranks));
		merge_texts(use->made, old, use, ranks);
	}
	merge_uids(use->made, old, use, ranks);
	free(ranks);
	use->n = 0;
	use->at = 0;
}

void column_use_done(struct column_use *use)
{
	free(use->fresh);
	column_unref(use->made);
	column_unref(use->column);
}
