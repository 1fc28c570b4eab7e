/* An account's queue entries (outbox_entry.h). */
#include "suite/outbox_entry.h"

#include <stdlib.h>

#include "base/buf.h"
#include "suite/outgoing.h"

#define PAGE 256

static struct outbox_entry entry_of(const struct queue_entry *queued)
{
	struct outbox_entry entry = {
		.id = queued->id,
		.content = queued->content,
		.status = queued->status,
		.created = queued->created,
		.due = queued->due,
		.lease_until = queued->lease_until,
		.attempts = queued->attempts,
		.size = queued->size,
		.fence = queued->fence,
	};

	if (envelope_sender_key(queued->state, &entry.key, NULL))
		entry.key.kind = WRAPPED_NONE;
	return entry;
}

static int by_content(const void *a, const void *b)
{
	const struct outbox_entry *x = a, *y = b;
	int order = memcmp(&x->content, &y->content, sizeof(x->content));

	return order ? order : memcmp(&x->id, &y->id, sizeof(x->id));
}

static enum fault add_page(struct stack *stack, const struct actor *actor, struct queue_query *query,
                           struct buf *found, size_t *ret_n, struct why *why)
{
	struct arena *arena = arena_new();
	struct queue_entry *page;
	enum fault fault = queue_list(stack->store, actor, query, arena, &page, ret_n, why);

	for (size_t i = 0; i < *ret_n && !fault; i++) {
		const struct outbox_entry entry = entry_of(&page[i]);

		buf_add(found, &entry, sizeof(entry));
		query->after = page[i].id;
	}
	arena_free(arena);
	return fault;
}

enum fault outbox_entries(struct stack *stack, const struct actor *actor, struct arena *arena,
                          struct outbox_entries *ret, struct why *why)
{
	struct queue_query query = { .account = &actor->account, .limit = PAGE };
	struct buf found;
	size_t n = PAGE;
	enum fault fault = FAULT_NONE;

	buf_init(&found, BUF_NO_LIMIT);
	while (n == PAGE && !fault) {
		n = 0;
		fault = add_page(stack, actor, &query, &found, &n, why);
	}
	if (!fault) {
		ret->n = found.len / sizeof(*ret->list);
		ret->list = arena_array(arena, struct outbox_entry, ret->n + 1);
		if (ret->n)
			memcpy(ret->list, found.data, found.len);
		qsort(ret->list, ret->n, sizeof(*ret->list), by_content);
	}
	buf_done(&found);
	return fault;
}

struct outbox_entry *outbox_entries_of(const struct outbox_entries *entries, const struct id *content,
                                       size_t *ret_n)
{
	size_t from = 0, end = entries->n;

	while (from < end) {
		size_t middle = from + (end - from) / 2;

		if (memcmp(&entries->list[middle].content, content, sizeof(*content)) < 0)
			from = middle + 1;
		else
			end = middle;
	}
	for (end = from; end < entries->n && id_eq(&entries->list[end].content, content); end++)
		;
	*ret_n = end - from;
	return end > from ? &entries->list[from] : NULL;
}
