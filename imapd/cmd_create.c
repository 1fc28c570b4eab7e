/* CREATE (RFC 9051 6.3.4): with the parents that are missing. */
#include "commands.h"
#include "folder_args.h"

struct create {
	const char *path;
};

static enum imap_next create_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct create *create = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &create->path) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	create->path = folder_without_end(cmd->arena, create->path);
	return folder_name_is_good(cmd, &create->path) ? IMAP_RUN : IMAP_DONE;
}

static enum fault create_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct create *create = cmd->state;
	struct id made;

	return folder_create(stack, &cmd->actor, cmd->account->key, create->path, 0, false, &made, why);
}

static enum imap_next create_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	return fault ? imap_no(cmd, fault, why) : imap_ok(cmd, "Created");
}

const struct imap_command imap_create = {
	.state_size = sizeof(struct create),
	.parse = create_parse,
	.run = create_run,
	.reply = create_reply,
};
