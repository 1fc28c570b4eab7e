/* Messages on their way to a worker (batch.h). */
#include "batch.h"

#include "store/record.h"

void batch_take(struct batch_item *item, const struct mailbox_state *state, uint32_t at)
{
	item->uid = state->uid[at];
	item->loaded = state->loaded[at];
	item->gone = false;
	item->record = (struct record){ .key = { NULL, 0 } };
	if (!item->loaded)
		return;
	item->content = state->content[at];
	item->key = state->key[at];
}

/* ---- keys ---- */

static uint32_t page_number(const struct batch_item *item)
{
	return (item->uid - 1) / PAGE_UIDS;
}

static enum fault take_key(const struct page_row *row, struct batch_item *item, struct why *why)
{
	enum fault fault = page_keys(row, &item->uid, 1, &item->content, &item->key, why);

	item->loaded = !fault;
	item->gone = fault == FAULT_NOT_FOUND;
	return item->gone ? FAULT_NONE : fault;
}

/* Of items [from, to) of one page, those that lack them: others may be in the log only. One by one when some are
 * gone. */
static enum fault take_keys(const struct page_row *row, struct batch *batch, size_t from, size_t to,
                            struct arena *arena, struct why *why)
{
	struct batch_item **items = arena_array(arena, struct batch_item *, to - from);
	uint32_t *uids = arena_array(arena, uint32_t, to - from);
	struct id *contents = arena_array(arena, struct id, to - from);
	struct wrapped_key *keys = arena_array(arena, struct wrapped_key, to - from);
	size_t n = 0;
	enum fault fault;

	for (size_t i = from; i < to; i++) {
		if (batch->items[i].loaded)
			continue;
		items[n] = &batch->items[i];
		uids[n] = items[n]->uid;
		n++;
	}
	fault = page_keys(row, uids, n, contents, keys, why);
	for (size_t i = 0; i < n && !fault; i++) {
		items[i]->content = contents[i];
		items[i]->key = keys[i];
		items[i]->loaded = true;
	}
	if (fault != FAULT_NOT_FOUND)
		return fault;
	fault = FAULT_NONE;
	for (size_t i = 0; i < n && !fault; i++)
		fault = take_key(row, items[i], why);
	return fault;
}

static enum fault load_page(struct batch *batch, struct stack *stack, const struct actor *actor, size_t from,
                            size_t to, struct arena *arena, struct why *why)
{
	struct page_row *row = &batch->pages[batch->n_pages];
	enum fault fault = mailbox_page_keys(stack->store, actor, &batch->mailbox,
	                                     page_number(&batch->items[from]), arena, row, why);

	if (!fault) {
		batch->n_pages++;
		return take_keys(row, batch, from, to, arena, why);
	}
	if (fault != FAULT_NOT_FOUND)
		return fault;
	for (size_t i = from; i < to; i++)
		batch->items[i].gone = !batch->items[i].loaded;
	return FAULT_NONE;
}

enum fault batch_load_keys(struct batch *batch, struct stack *stack, const struct actor *actor,
                           struct arena *arena, struct why *why)
{
	enum fault fault = FAULT_NONE;
	size_t pages = 0;

	for (size_t i = 0; i < batch->n; i++)
		pages += i == 0 || page_number(&batch->items[i]) != page_number(&batch->items[i - 1]);
	batch->pages = arena_array(arena, struct page_row, pages);
	batch->n_pages = 0;
	for (size_t from = 0, to; from < batch->n && !fault; from = to) {
		bool missing = false;

		for (to = from;
		     to < batch->n && page_number(&batch->items[to]) == page_number(&batch->items[from]);
		     to++)
			missing |= !batch->items[to].loaded;
		if (missing)
			fault = load_page(batch, stack, actor, from, to, arena, why);
	}
	return fault;
}

/* ---- records ---- */

enum fault batch_load_records(struct batch *batch, struct stack *stack, const struct actor *actor,
                              bool with_body, struct arena *arena, struct why *why)
{
	struct slice *keys = arena_array(arena, struct slice, batch->n);
	struct record *records = arena_array(arena, struct record, batch->n);
	size_t n = 0;
	enum fault fault;

	for (size_t i = 0; i < batch->n; i++)
		if (!batch->items[i].gone)
			keys[n++] = id_slice(&batch->items[i].content);
	fault =
	    n ? record_get_many(stack->store, actor, COLL_CONTENTS, keys, n, with_body, arena, records, why)
	      : FAULT_NONE;
	if (fault)
		return fault;
	n = 0;
	for (size_t i = 0; i < batch->n; i++)
		if (!batch->items[i].gone)
			batch->items[i].record = records[n++];
	return FAULT_NONE;
}

enum fault batch_open(const struct batch_item *item, const struct account_key *key, struct arena *arena,
                      struct message *ret, struct why *why)
{
	if (item->gone)
		return fault_set(why, FAULT_NOT_FOUND, "message %u is gone", item->uid);
	if (!item->record.key.data)
		return fault_set(why, FAULT_CORRUPT, "the content of message %u is missing", item->uid);
	return message_open(key, &item->record, &item->key, arena, ret, why);
}

/* What a page says of a message never changes, so an older page is as good. One that does not apply is read again. */
void batch_give_keys(const struct batch *batch, struct mailbox_state *state)
{
	bool good = true;

	for (size_t i = 0; i < batch->n_pages && good; i++)
		good = !mailbox_state_load_keys(state, &batch->pages[i], NULL);
}
