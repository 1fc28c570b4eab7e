/* Walking the whole store (walk.h). */
#include "suite/walk.h"

#include "store/queue.h"
#include "store/record.h"

const struct actor actor_system = { .kind = ACTOR_SYSTEM };

enum fault walk_records(struct stack *stack, enum collection collection,
                        enum fault (*on_record)(void *, const struct record *, struct why *), void *arg,
                        struct why *why)
{
	struct record_query query = { .collection = collection, .index = -1, .limit = WALK_BATCH };
	struct arena *arena = arena_new(), *after = arena_new();
	size_t n = WALK_BATCH;
	enum fault fault = FAULT_NONE;

	while (n == WALK_BATCH && !fault) {
		struct record *records;

		fault = record_find(stack->store, &actor_system, &query, arena, &records, &n, why);
		for (size_t i = 0; i < n && !fault; i++)
			fault = on_record(arg, &records[i], why);
		if (!fault && n) {
			arena_reset(after);
			query.after_key = arena_copy(after, records[n - 1].key);
		}
		arena_reset(arena);
	}
	arena_free(arena);
	arena_free(after);
	return fault;
}

enum fault walk_forget(struct stack *stack, const struct actor *actor, enum collection collection,
                       const struct id *account, struct why *why)
{
	const struct record_query query = {
		.collection = collection, .index = 0, .equal = id_slice(account), .limit = WALK_BATCH
	};
	struct arena *arena = arena_new();
	size_t n = WALK_BATCH;
	enum fault fault = FAULT_NONE;

	while (n == WALK_BATCH && !fault) {
		struct record *records;

		fault = record_find(stack->store, actor, &query, arena, &records, &n, why);
		for (size_t i = 0; i < n && !fault; i++) {
			fault = record_del(stack->store, actor, collection, records[i].key, RECORD_ANY, why);
			if (fault == FAULT_NOT_FOUND)
				fault = FAULT_NONE;
		}
		arena_reset(arena);
	}
	arena_free(arena);
	return fault;
}

enum fault walk_queue(struct stack *stack,
                      enum fault (*on_entry)(void *, const struct queue_entry *, struct why *), void *arg,
                      struct why *why)
{
	struct queue_query query = { .limit = WALK_BATCH };
	struct arena *arena = arena_new();
	size_t n = WALK_BATCH;
	enum fault fault = FAULT_NONE;

	while (n == WALK_BATCH && !fault) {
		struct queue_entry *entries;

		fault = queue_list(stack->store, &actor_system, &query, arena, &entries, &n, why);
		for (size_t i = 0; i < n && !fault; i++)
			fault = on_entry(arg, &entries[i], why);
		if (!fault && n)
			query.after = entries[n - 1].id;
		arena_reset(arena);
	}
	arena_free(arena);
	return fault;
}

static enum fault load_keys(struct stack *stack, const struct actor *actor, struct mailbox_state *state,
                            struct why *why)
{
	struct arena *arena = arena_new();
	enum fault fault = FAULT_NONE;

	for (uint32_t i = 0; i < state->n && !fault; i++) {
		struct page_row row;

		if (state->loaded[i])
			continue;
		fault = mailbox_page_keys(stack->store, actor, &state->mailbox,
		                          (state->uid[i] - 1) / PAGE_UIDS, arena, &row, why);
		if (!fault)
			fault = mailbox_state_load_keys(state, &row, why);
		arena_reset(arena);
	}
	arena_free(arena);
	return fault;
}

enum fault walk_mailbox_as(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                           struct arena *arena, struct mailbox_log *ret_look, struct mailbox_state **ret,
                           struct why *why)
{
	struct mailbox_state *state = mailbox_state_new(mailbox);
	struct mailbox_delta delta;
	struct mailbox_news news;
	enum fault fault;

	mailbox_delta_init(&delta);
	fault = mailbox_fetch_news(stack->store, actor, mailbox, 0, arena, &news, why);
	if (!fault)
		fault = mailbox_state_apply(state, &news, &delta, why);
	if (!fault)
		fault = load_keys(stack, actor, state, why);
	mailbox_delta_done(&delta);
	if (fault) {
		mailbox_state_free(state);
		return fault;
	}
	*ret_look = news.log;
	*ret = state;
	return FAULT_NONE;
}

enum fault walk_mailbox(struct stack *stack, const struct id *mailbox, struct mailbox_state **ret,
                        struct why *why)
{
	struct arena *arena = arena_new();
	struct mailbox_log look;
	enum fault fault = walk_mailbox_as(stack, &actor_system, mailbox, arena, &look, ret, why);

	arena_free(arena);
	return fault;
}
