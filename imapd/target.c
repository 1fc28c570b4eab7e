/* Where messages go (target.h). An account's usage is the sum of its mailboxes', which the same look has told. */
#include "target.h"

#include "account_ctx.h"

static enum fault check_room(const struct folders *folders, const struct target *target, struct why *why)
{
	uint64_t used = 0;

	for (size_t i = 0; i < folders->n; i++)
		used += folders->list[i]->row.head.bytes;
	if (!target->quota || used + target->bytes <= target->quota)
		return FAULT_NONE;
	return fault_set(why, FAULT_OVER_QUOTA, "%llu bytes and %llu more, %llu are allowed",
	                 (unsigned long long)used, (unsigned long long)target->bytes,
	                 (unsigned long long)target->quota);
}

enum fault target_find(const struct imap_cmd *cmd, struct stack *stack, const struct target *target,
                       struct id *ret, struct why *why)
{
	struct arena *arena = arena_new();
	const struct folder *folder;
	struct folders folders;
	enum fault fault = folders_load(stack, &cmd->actor, cmd->account->key, arena, &folders, why);

	folder = fault ? NULL : folders_find(&folders, target->path);
	if (!fault && (!folder || folder->row.meta.no_select))
		fault = fault_set(why, FAULT_NO_TARGET, "no such mailbox");
	if (!fault)
		fault = check_room(&folders, target, why);
	if (!fault)
		*ret = folder->row.meta.id;
	arena_free(arena);
	return fault;
}
