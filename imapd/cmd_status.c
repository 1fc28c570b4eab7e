/* STATUS (RFC 9051 6.3.11), from the mailbox's row, mostly: no view is loaded for it. status_item.h has what it tells. */
#include "account_ctx.h"
#include "base/buf.h"
#include "commands.h"
#include "outbox_hold.h"
#include "shared_name.h"
#include "status_item.h"

struct status {
	const char *path;
	unsigned items;
	struct mailbox_row row;
	struct status_deleted deleted;
};

static enum imap_next status_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct status *status = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &status->path) || !imap_args_space(args) ||
	    !status_items_parse(args, &status->items) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	status_items_settle(cmd->session, status->items);
	return IMAP_RUN;
}

static enum fault find_shared(struct imap_cmd *cmd, struct stack *stack, struct actor *ret_actor,
                              struct why *why)
{
	struct status *status = cmd->state;
	struct shared_name name = { .share = NULL };
	enum fault fault = shared_name_find(&name, cmd, stack, status->path, ACL_READ, why);

	if (!fault) {
		status->row = name.share->folder.row;
		*ret_actor = name.actor;
	}
	shared_name_done(&name);
	return fault;
}

static enum fault status_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct status *status = cmd->state;
	struct actor actor = cmd->actor;
	const struct folder *folder;
	struct folder_list *list;
	enum fault fault = folder_list_load(cmd->account, stack, &list, why);

	if (fault)
		return fault;
	folder = folders_find(&list->folders, status->path);
	if (folder && !folder->row.meta.no_select)
		status->row = folder->row;
	else if (share_is_shared_name(status->path))
		fault = find_shared(cmd, stack, &actor, why);
	else
		fault = fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	folder_list_put(cmd->account->folders, list);
	if (!fault && outbox_is(cmd, &status->row.meta.id))
		fault = outbox_sync(stack, &cmd->actor, cmd->account->key, &status->row.head, why);
	if (!fault && status_items_want_deleted(status->items, &actor))
		fault = status_count_deleted(stack, &actor, &status->row.meta.id, status->items,
		                             &status->deleted, why);
	return fault;
}

static enum imap_next status_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct status *status = cmd->state;
	struct buf line;

	if (fault)
		return imap_no(cmd, fault, why);
	buf_init(&line, BUF_NO_LIMIT);
	status_add(&line, cmd->session, status->path, &status->row, &status->deleted, status->items);
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
	return imap_ok(cmd, "Status completed");
}

const struct imap_command imap_status = {
	.state_size = sizeof(struct status),
	.parse = status_parse,
	.run = status_run,
	.reply = status_reply,
};
