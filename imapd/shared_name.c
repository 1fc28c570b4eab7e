/* Names of what others share (shared_name.h). */
#include "shared_name.h"

#include "account_ctx.h"

static enum fault take(struct shared_name *name, const struct imap_cmd *cmd, struct share *share,
                       const char *path, uint32_t rights, struct why *why)
{
	if (!share || !share->owner)
		return fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	if ((share->rights & rights) != rights)
		return fault_set(why, share->rights & ACL_LOOKUP ? FAULT_DENIED : FAULT_NOT_FOUND,
		                 "The mailbox's owner does not allow it");
	name->share = share;
	name->own = path + strlen(share->owner->prefix);
	name->actor = share_actor(&cmd->account->guest, share);
	return FAULT_NONE;
}

enum fault shared_name_find(struct shared_name *name, const struct imap_cmd *cmd, struct stack *stack,
                            const char *path, uint32_t rights, struct why *why)
{
	enum fault fault = share_load(stack, &cmd->account->guest, path, cmd->arena, &name->shares, why);

	return fault ? fault : take(name, cmd, shares_find(&name->shares, path), path, rights, why);
}

enum fault shared_name_above(struct shared_name *name, const struct imap_cmd *cmd, struct stack *stack,
                             const char *path, uint32_t rights, struct why *why)
{
	struct share *share = NULL;
	const char *at = path;
	enum fault fault = share_load(stack, &cmd->account->guest, path, cmd->arena, &name->shares, why);

	if (fault)
		return fault;
	share = shares_find(&name->shares, path);
	if (share && share->owner)
		return fault_set(why, FAULT_EXISTS, "the mailbox is there already");
	for (share = NULL; !share || !share->owner;) {
		const char *slash = strrchr(at, FOLDER_SEPARATOR);

		if (!slash)
			break;
		at = arena_strz(cmd->arena, slice_of(at, (size_t)(slash - at)));
		share = shares_find(&name->shares, at);
	}
	return take(name, cmd, share, path, rights, why);
}

void shared_name_done(struct shared_name *name)
{
	shares_done(&name->shares);
}
