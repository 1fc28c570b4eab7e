/*
 * Cancelling queued mail (outbox.h).
 *
 * A message to several domains is several entries, and there is no step that takes them all: so they are put off first,
 * which comes undone by itself, and which fails where an entry is claimed; then nobody claims them but for an
 * operator who wants them sent now. Should one have been claimed nevertheless, those removed are put back as they were.
 */
#include "base/clock.h"
#include "suite/nudge.h"
#include "suite/outbox_entry.h"

#define PAUSE_MS   30000
#define UNDO_TRIES 20
#define UNDO_MS    250

struct cancelling {
	struct stack *stack;
	const struct actor *actor;
	struct arena *arena;
	struct outbox_entries entries;
};

/* Whether an entry of it is with an mta. */
static bool is_claimed(const struct outbox_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (entries[i].lease_until)
			return true;
	}
	return false;
}

/* ---- putting off ---- */

static enum fault set_due(const struct cancelling *c, const struct outbox_entry *entry, int64_t due,
                          struct why *why)
{
	return queue_set(c->stack->store, c->actor, &entry->id, entry->fence, entry->status, due, why);
}

/* As it was; what cannot be set comes due by itself. */
static void resume(const struct cancelling *c, const struct outbox_entry *entries, size_t n)
{
	struct why why;

	for (size_t i = 0; i < n; i++) {
		if (!set_due(c, &entries[i], entries[i].due, &why))
			nudge_queue(c->stack, &entries[i].id);
	}
}

/* STALE: one was claimed meanwhile, and the others are as they were. */
static enum fault put_off(const struct cancelling *c, const struct outbox_entry *entries, size_t n,
                          struct why *why)
{
	const int64_t due = clock_now() + PAUSE_MS;
	enum fault fault = FAULT_NONE;
	size_t done = 0;

	for (; done < n; done++) {
		fault = set_due(c, &entries[done], MAX_OF(due, entries[done].due), why);
		if (fault)
			break;
	}
	if (fault)
		resume(c, entries, done);
	return fault;
}

/* ---- removing ---- */

static enum fault put_back(const struct cancelling *c, struct queue_entry *removed, size_t n, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (int i = 0; i < UNDO_TRIES; i++) {
		fault = queue_put(c->stack->store, c->actor, removed, n, why);
		if (fault != FAULT_TEMP)
			break;
		clock_sleep(UNDO_MS);
	}
	for (size_t i = 0; i < n && !fault; i++)
		nudge_queue(c->stack, &removed[i].id);
	return fault;
}

/* All of several, which are put off. STALE: one was claimed nevertheless, all are there. */
static enum fault remove_several(const struct cancelling *c, const struct outbox_entry *entries, size_t n,
                                 struct why *why)
{
	struct queue_entry *removed = arena_array(c->arena, struct queue_entry, n);
	struct why later;
	enum fault fault = FAULT_NONE;
	size_t done = 0;

	for (size_t i = 0; i < n && !fault; i++) {
		fault = queue_get(c->stack->store, c->actor, &entries[i].id, c->arena, &removed[i], why);
		removed[i].due = entries[i].due;
		removed[i].lease_until = 0;
	}
	for (; done < n && !fault; done += !fault)
		fault = queue_remove(c->stack->store, c->actor, &entries[done].id, entries[done].fence, why);
	if (!fault)
		return FAULT_NONE;
	if (done && put_back(c, removed, done, &later))
		return fault_add(why, FAULT_TEMP, "a message was cancelled for some only (%s)", later.text);
	resume(c, entries + done, n - done);
	return fault == FAULT_NOT_FOUND ? FAULT_STALE : fault;
}

static enum fault cancel_one(const struct cancelling *c, const struct outbox_entry *entries, size_t n,
                             struct why *why)
{
	enum fault fault;

	if (n == 1)
		return queue_remove(c->stack->store, c->actor, &entries->id, entries->fence, why);
	fault = put_off(c, entries, n, why);
	return fault ? fault : remove_several(c, entries, n, why);
}

/* ---- of several messages ---- */

static enum fault
for_each(struct stack *stack, const struct actor *actor, struct outbox_message *messages, size_t n,
         enum fault (*step)(const struct cancelling *, const struct outbox_entry *, size_t, struct why *),
         struct why *why)
{
	struct cancelling c = { .stack = stack, .actor = actor, .arena = arena_new() };
	enum fault fault = outbox_entries(stack, actor, c.arena, &c.entries, why);

	for (size_t i = 0; i < n && !fault; i++) {
		size_t many;
		struct outbox_entry *entries = outbox_entries_of(&c.entries, &messages[i].content, &many);

		messages[i].fate = !entries ? OUTBOX_LEFT : OUTBOX_BUSY;
		if (!entries || is_claimed(entries, many))
			continue;
		fault = step(&c, entries, many, why);
		if (!fault)
			messages[i].fate = OUTBOX_FREE;
		fault = fault == FAULT_STALE ? FAULT_NONE : fault;
	}
	arena_free(c.arena);
	return fault;
}

enum fault outbox_pause(struct stack *stack, const struct actor *actor, struct outbox_message *messages,
                        size_t n, struct why *why)
{
	return for_each(stack, actor, messages, n, put_off, why);
}

enum fault outbox_cancel(struct stack *stack, const struct actor *actor, struct outbox_message *messages,
                         size_t n, struct why *why)
{
	return for_each(stack, actor, messages, n, cancel_one, why);
}
