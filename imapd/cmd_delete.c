/*
 * DELETE (RFC 9051 6.3.5). A mailbox with others below it stays as a \Noselect
 * name. Sessions that have it open are told BYE; our own goes on without a mailbox.
 */
#include "commands.h"
#include "folder_args.h"
#include "imapd.h"
#include "list_line.h"
#include "notify_own.h"
#include "outbox_hold.h"
#include "shared_name.h"

struct delete
{
	const char *path;
	const char *written; /* args.h */
	struct id mailbox;
	bool is_mere_name; /* it has only others below it */
	bool forbidden;    /* by its owner */
};

static enum imap_next delete_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct delete *delete = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &delete->path) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	delete->path = folder_without_end(cmd->arena, delete->path);
	delete->written = args->written;
	return IMAP_RUN;
}

static enum fault delete_shared(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct delete *delete = cmd->state;
	struct shared_name name = { .share = NULL };
	enum fault fault = shared_name_find(&name, cmd, stack, delete->path, ACL_DELETE_BOX, why);

	if (!fault) {
		delete->mailbox = name.share->folder.row.meta.id;
		fault = folder_delete(stack, &name.actor, name.share->owner->key, name.own, why);
	} else if (fault == FAULT_DENIED) {
		delete->forbidden = true;
	}
	shared_name_done(&name);
	return fault;
}

static enum fault delete_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct delete *delete = cmd->state;
	const struct folder *folder;
	struct folders folders;
	enum fault fault = folders_load(stack, &cmd->actor, cmd->account->key, cmd->arena, &folders, why);

	if (fault)
		return fault;
	folder = folders_find(&folders, delete->path);
	if (!folder && share_is_shared_name(delete->path))
		return delete_shared(cmd, stack, why);
	if (!folder)
		return fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	delete->mailbox = folder->row.meta.id;
	delete->is_mere_name = folder->row.meta.no_select && folder->has_children;
	if (outbox_is(cmd, &delete->mailbox))
		return fault_set(why, FAULT_DENIED, "The Outbox shows what is queued, and stays");
	return folder_delete(stack, &cmd->actor, cmd->account->key, delete->path, why);
}

static enum imap_next delete_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct delete *delete = cmd->state;
	struct session *s = cmd->session;

	if (fault == FAULT_DENIED && !delete->forbidden)
		return imap_no_code(cmd, delete->is_mere_name ? "[HASCHILDREN]" : "[CANNOT]", why->text);
	if (fault)
		return imap_no(cmd, fault, why);
	notify_own_name(s, delete->path, false);
	if (s->selected.view && id_eq(&s->selected.view->mailbox, &delete->mailbox)) {
		selected_close(&s->selected);
		session_enter(s, ST_AUTH);
		imap_untagged(s, "OK %sThe selected mailbox was deleted",
		              imap_tells(s, "QRESYNC") ? "[CLOSED] " : "");
	}
	views_nudge(s->imapd->views, &delete->mailbox, UINT64_MAX);
	if (delete->written)
		list_tell(s, "\\NonExistent", delete->path, folder_without_end(cmd->arena, delete->written));
	return imap_ok(cmd, "Deleted");
}

const struct imap_command imap_delete = {
	.state_size = sizeof(struct delete),
	.parse = delete_parse,
	.run = delete_run,
	.reply = delete_reply,
};
