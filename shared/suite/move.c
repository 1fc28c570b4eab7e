/* Finishing moves that were cut short (move.h). In the owners' names: the mover had the right to expunge when it began. */
#include "suite/move.h"

#include "base/map.h"
#include "suite/copy.h"
#include "suite/walk.h"

void move_done(struct stack *stack, const struct actor *actor, const struct id *target, const struct id *tag)
{
	const enum fault fault = mailbox_move_done(stack->store, actor, target, tag, NULL);

	(void)fault;
}

static bool shows_any(const struct mailbox_state *state, const struct uid_set *uids)
{
	for (uint32_t r = 0; r < uids->n; r++) {
		const uint32_t at = mailbox_state_from(state, uids->ranges[r].first);

		if (at < state->n && state->uid[at] <= uids->ranges[r].last)
			return true;
	}
	return false;
}

/* Of what the source still shows, that whose content the target shows: but for what is to go, should they be one. */
static void choose(const struct mailbox_move *move, const struct mailbox_state *source,
                   const struct mailbox_state *target, struct uid_set *ret)
{
	const bool same = id_eq(&source->mailbox, &target->mailbox);
	struct map *there = map_new();

	for (uint32_t i = 0; i < target->n; i++)
		if (!same || !uid_set_has(&move->uids, target->uid[i]))
			map_put(there, id_slice(&target->content[i]), there);
	for (uint32_t i = 0; i < source->n; i++)
		if (uid_set_has(&move->uids, source->uid[i]) && map_get(there, id_slice(&source->content[i])))
			uid_set_add(ret, source->uid[i]);
	map_free(there);
}

static enum fault expunge(struct stack *stack, const struct mailbox_moving *moving,
                          const struct mailbox_state *source, uint64_t *messages, struct why *why)
{
	const struct actor owner = { ACTOR_OWNER, moving->move.account };
	struct mailbox_state *target;
	struct uid_set uids;
	enum fault fault = walk_mailbox(stack, &moving->target, &target, why);

	if (fault)
		return fault;
	uid_set_init(&uids);
	choose(&moving->move, source, target, &uids);
	mailbox_state_free(target);
	if (!uid_set_is_empty(&uids))
		fault = copy_expunge(stack, &owner, &moving->move.source, &uids, why);
	if (!fault)
		*messages += uid_set_count(&uids);
	uid_set_done(&uids);
	return fault;
}

static enum fault finish(struct stack *stack, const struct mailbox_moving *moving, uint64_t *messages,
                         struct why *why)
{
	const struct actor owner = { ACTOR_OWNER, moving->account };
	struct mailbox_state *source;
	enum fault fault = walk_mailbox(stack, &moving->move.source, &source, why);

	if (!fault) {
		if (shows_any(source, &moving->move.uids))
			fault = expunge(stack, moving, source, messages, why);
		mailbox_state_free(source);
	}
	if (!fault || fault == FAULT_NOT_FOUND) /* one of the two is gone: there is nothing to finish */
		fault = mailbox_move_done(stack->store, &owner, &moving->target, &moving->move.tag, why);
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

enum fault moves_finish(struct stack *stack, int64_t before, struct moves_result *ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct moves_result result = { 0 };
	struct mailbox_moving *moving;
	size_t n = 0;
	enum fault first = mailbox_moves(stack->store, &actor_system, arena, &moving, &n, why);

	for (size_t i = 0; i < n; i++) {
		struct why later;
		enum fault fault;

		if (moving[i].unknown) {
			result.unknown++;
			continue;
		}
		if (moving[i].move.begun >= before) {
			result.young++;
			continue;
		}
		fault = finish(stack, &moving[i], &result.messages, first ? &later : why);
		result.finished += !fault;
		first = first ? first : fault;
	}
	arena_free(arena);
	*ret = result;
	return first;
}
