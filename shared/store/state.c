/* A mailbox in memory: its arrays (mailbox.h). What changes them is news.c. */
#include "store/state.h"

#include <assert.h>
#include <stdlib.h>

#define ROW_BYTES                                                                                            \
	(sizeof(uint32_t) * 3 + sizeof(uint64_t) * 2 + sizeof(int64_t) * 2 + 1 + sizeof(struct id) +         \
	 sizeof(struct wrapped_key))

struct mailbox_state *mailbox_state_new(const struct id *mailbox)
{
	struct mailbox_state *state = xzalloc(sizeof(*state));

	state->mailbox = *mailbox;
	state->head.uid_next = 1;
	return state;
}

void mailbox_state_free(struct mailbox_state *state)
{
	if (!state)
		return;
	free(state->uid);
	free(state->modseq);
	free(state->flags);
	free(state->keywords);
	free(state->size);
	free(state->internal_date);
	free(state->save_date);
	free(state->loaded);
	free(state->content);
	free(state->key);
	free(state->vanished);
	free(state);
}

uint32_t mailbox_state_from(const struct mailbox_state *state, uint32_t uid)
{
	uint32_t low = 0, high = state->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (state->uid[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t mailbox_state_find(const struct mailbox_state *state, uint32_t uid)
{
	uint32_t at = mailbox_state_from(state, uid);

	return at < state->n && state->uid[at] == uid ? (int64_t)at : -1;
}

size_t mailbox_state_memory(const struct mailbox_state *state)
{
	return sizeof(*state) + (size_t)state->cap * ROW_BYTES +
	       (size_t)state->vanished_cap * sizeof(struct vanished_run);
}

#define GROW(array, cap) ((array) = xrealloc((array), (size_t)(cap) * sizeof(*(array))))

static void grow_rows(struct mailbox_state *state, uint32_t cap)
{
	state->cap = cap;
	GROW(state->uid, cap);
	GROW(state->modseq, cap);
	GROW(state->flags, cap);
	GROW(state->keywords, cap);
	GROW(state->size, cap);
	GROW(state->internal_date, cap);
	GROW(state->save_date, cap);
	GROW(state->loaded, cap);
	GROW(state->content, cap);
	GROW(state->key, cap);
}

static void grow_vanished(struct mailbox_state *state, uint32_t cap)
{
	state->vanished_cap = cap;
	GROW(state->vanished, cap);
}

void state_reserve(struct mailbox_state *state, uint32_t rows, uint32_t vanished)
{
	if (rows > state->cap)
		grow_rows(state, rows);
	if (vanished > state->vanished_cap)
		grow_vanished(state, vanished);
}

static uint32_t push(struct mailbox_state *state, uint32_t uid)
{
	assert(state->n == 0 || state->uid[state->n - 1] < uid);
	if (state->n == state->cap)
		grow_rows(state, MAX_OF(64u, state->cap + state->cap / 2));
	state->uid[state->n] = uid;
	return state->n++;
}

void state_push_page(struct mailbox_state *state, const struct page *page, uint32_t at)
{
	uint32_t row = push(state, page->uid[at]);

	state->modseq[row] = page->message_modseq[at];
	state->flags[row] = page->flags[at];
	state->keywords[row] = page->keywords[at];
	state->size[row] = page->size[at];
	state->internal_date[row] = page->internal_date[at];
	state->save_date[row] = page->save_date[at];
	state->loaded[row] = ROW_BARE;
}

void state_push_append(struct mailbox_state *state, uint32_t uid, uint64_t modseq,
                       const struct mailbox_append *append)
{
	uint32_t row = push(state, uid);

	state->modseq[row] = modseq;
	state->flags[row] = append->flags;
	state->keywords[row] = append->keywords;
	state->size[row] = append->size;
	state->internal_date[row] = append->internal_date;
	state->save_date[row] = append->save_date;
	state->content[row] = append->content;
	state->key[row] = append->key;
	state->loaded[row] = ROW_LOADED;
}

void state_compact(struct mailbox_state *state)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->n; i++) {
		if (state->loaded[i] == ROW_DEAD)
			continue;
		if (kept != i) {
			state->uid[kept] = state->uid[i];
			state->modseq[kept] = state->modseq[i];
			state->flags[kept] = state->flags[i];
			state->keywords[kept] = state->keywords[i];
			state->size[kept] = state->size[i];
			state->internal_date[kept] = state->internal_date[i];
			state->save_date[kept] = state->save_date[i];
			state->loaded[kept] = state->loaded[i];
			if (state->loaded[i] == ROW_LOADED) {
				state->content[kept] = state->content[i];
				state->key[kept] = state->key[i];
			}
		}
		kept++;
	}
	state->n = kept;
}

/* ---- expunged ---- */

void state_add_vanished(struct mailbox_state *state, uint64_t modseq, struct uid_range uids)
{
	struct vanished_run *last = state->n_vanished ? &state->vanished[state->n_vanished - 1] : NULL;

	if (last && last->modseq == modseq && (uint64_t)last->uids.last + 1 == uids.first) {
		last->uids.last = uids.last;
		return;
	}
	if (state->n_vanished == state->vanished_cap)
		grow_vanished(state, MAX_OF(16u, state->vanished_cap * 2));
	state->vanished[state->n_vanished++] = (struct vanished_run){ modseq, uids };
}

static int by_modseq(const void *left, const void *right)
{
	const struct vanished_run *a = left, *b = right;

	if (a->modseq != b->modseq)
		return a->modseq < b->modseq ? -1 : 1;
	return a->uids.first < b->uids.first ? -1 : a->uids.first > b->uids.first;
}

void state_settle_vanished(struct mailbox_state *state, uint32_t from)
{
	uint32_t n = state->n_vanished, drop = 0;

	if (n > from)
		qsort(state->vanished + from, n - from, sizeof(state->vanished[0]), by_modseq);
	state->n_vanished = from;
	for (uint32_t i = from; i < n; i++)
		state_add_vanished(state, state->vanished[i].modseq, state->vanished[i].uids);
	while (drop < state->n_vanished && state->vanished[drop].modseq <= state->head.vanished_floor)
		drop++;
	state->n_vanished -= drop;
	if (drop && state->n_vanished)
		memmove(state->vanished, state->vanished + drop,
		        state->n_vanished * sizeof(state->vanished[0]));
}

/* ---- keys ---- */

enum fault mailbox_state_load_keys(struct mailbox_state *state, const struct page_row *row, struct why *why)
{
	struct arena *arena = arena_new();
	struct page *page = page_new(arena);
	enum fault fault = page_unpack(page, row, why);

	if (!fault && !page->with_keys)
		fault = fault_set(why, FAULT_CORRUPT, "page %u was read without its keys", row->number);
	for (uint32_t i = 0; !fault && i < page->n; i++) {
		int64_t at = mailbox_state_find(state, page->uid[i]);

		if (at < 0)
			continue;
		state->content[at] = page->content[i];
		state->key[at] = page->key[i];
		state->loaded[at] = ROW_LOADED;
	}
	arena_free(arena);
	return fault;
}

void mailbox_delta_init(struct mailbox_delta *delta)
{
	uid_set_init(&delta->expunged);
	uid_set_init(&delta->changed);
	delta->first_new = 0;
}

void mailbox_delta_done(struct mailbox_delta *delta)
{
	uid_set_done(&delta->expunged);
	uid_set_done(&delta->changed);
}
