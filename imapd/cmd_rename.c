/* RENAME (RFC 9051 6.3.6): what is below moves along; of the INBOX only the messages do. */
#include "commands.h"
#include "folder_args.h"
#include "account_ctx.h"
#include "imapd.h"
#include "list_line.h"
#include "notify_own.h"
#include "shared_name.h"

struct rename {
	const char *from, *to;
	const char *written; /* args.h, of `to` */
	bool forbidden;      /* by the owner of one of them */
	struct id owner;     /* whose mailboxes these are */
};

static enum imap_next rename_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct rename *rename = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &rename->from) || !imap_args_space(args) ||
	    !imap_args_mailbox(args, &rename->to) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	rename->written = args->written;
	rename->from = folder_without_end(cmd->arena, rename->from);
	rename->to = folder_without_end(cmd->arena, rename->to);
	return folder_name_is_good(cmd, &rename->to) ? IMAP_RUN : IMAP_DONE;
}

/* Within one account: a mailbox does not change its owner. */
static enum fault rename_shared(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct rename *rename = cmd->state;
	struct shared_name from = { .share = NULL }, to = { .share = NULL };
	enum fault fault = shared_name_find(&from, cmd, stack, rename->from, ACL_DELETE_BOX, why);

	if (!fault)
		fault = shared_name_above(&to, cmd, stack, rename->to, ACL_CREATE, why);
	rename->forbidden = fault == FAULT_DENIED;
	if (!fault && !id_eq(&from.actor.account, &to.actor.account))
		fault = fault_set(why, FAULT_DENIED, "a mailbox stays its owner's");
	if (!fault) {
		rename->owner = from.actor.account;
		fault = folder_rename(stack, &from.actor, from.share->owner->key, from.own, to.own, why);
	}
	shared_name_done(&from);
	shared_name_done(&to);
	return fault;
}

static enum fault rename_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct rename *rename = cmd->state;

	rename->owner = cmd->account->id;
	if (share_is_shared_name(rename->from) || share_is_shared_name(rename->to))
		return rename_shared(cmd, stack, why);
	return folder_rename(stack, &cmd->actor, cmd->account->key, rename->from, rename->to, why);
}

static enum imap_next rename_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct rename *rename = cmd->state;

	if (fault == FAULT_DENIED && !rename->forbidden)
		return imap_no_code(cmd, "[CANNOT]", why->text);
	if (fault)
		return imap_no(cmd, fault, why);
	notify_own_name(cmd->session, rename->from, false);
	notify_own_name(cmd->session, rename->to, true);
	views_look_account(cmd->session->imapd->views, &rename->owner); /* an INBOX may be empty now */
	if (rename->written)
		list_tell(cmd->session, "", rename->to, folder_without_end(cmd->arena, rename->written));
	return imap_ok(cmd, "Renamed");
}

const struct imap_command imap_rename = {
	.state_size = sizeof(struct rename),
	.parse = rename_parse,
	.run = rename_run,
	.reply = rename_reply,
};
