/* SUBSCRIBE and UNSUBSCRIBE (RFC 9051 6.3.7, 6.3.8): OK when it is so already. */
#include "commands.h"
#include "account_ctx.h"
#include "folder_args.h"
#include "notify_own.h"
#include "shared_name.h"
#include "suite/guest.h"

struct subscribe {
	const char *path;
};

static enum imap_next subscribe_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct subscribe *subscribe = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &subscribe->path) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	subscribe->path = folder_without_end(cmd->arena, subscribe->path);
	return IMAP_RUN;
}

/* The subscription is the guest's own, not the owner's. */
static enum fault subscribe_shared(struct imap_cmd *cmd, struct stack *stack, bool wanted, struct why *why)
{
	const struct subscribe *subscribe = cmd->state;
	struct shared_name name = { .share = NULL };
	enum fault fault = shared_name_find(&name, cmd, stack, subscribe->path, wanted ? ACL_LOOKUP : 0, why);

	if (!fault)
		fault = guest_mark_subscribe(stack, &cmd->account->id, &name.share->folder.row.meta.id,
		                             wanted, why);
	shared_name_done(&name);
	return fault;
}

static enum fault subscribe_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct subscribe *subscribe = cmd->state;
	bool wanted = cmd->verb->flags & VERB_SUBSCRIBES;
	enum fault fault =
	    folder_subscribe(stack, &cmd->actor, cmd->account->key, subscribe->path, wanted, why);

	if (fault == FAULT_NOT_FOUND && share_is_shared_name(subscribe->path))
		fault = subscribe_shared(cmd, stack, wanted, why);

	return fault == FAULT_NOT_FOUND && !wanted ? FAULT_NONE : fault;
}

static enum imap_next subscribe_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct subscribe *subscribe = cmd->state;

	if (fault)
		return imap_no(cmd, fault, why);
	notify_own_subscription(cmd->session, subscribe->path, cmd->verb->flags & VERB_SUBSCRIBES);
	return imap_ok(cmd, "%s completed", cmd->verb->name);
}

const struct imap_command imap_subscribe = {
	.state_size = sizeof(struct subscribe),
	.parse = subscribe_parse,
	.run = subscribe_run,
	.reply = subscribe_reply,
};
