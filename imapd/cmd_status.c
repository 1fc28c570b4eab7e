/* STATUS (RFC 9051 6.3.11, RFC 7162 3.1.7), from the mailbox's row alone: no view is loaded for it. */
#include <inttypes.h>

#include "account_ctx.h"
#include "commands.h"

enum item { MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ, ITEMS };

static const char *const names[ITEMS] = {
	"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ",
};

struct status {
	const char *path;
	unsigned items;
	struct mailbox_head head;
};

static bool item(struct imap_args *args, unsigned *items)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		if (imap_args_word(args, names[i])) {
			*items |= BIT(i);
			return true;
		}
	}
	args->error = "Unknown status item";
	return false;
}

static bool items(struct imap_args *args, unsigned *ret)
{
	if (!imap_args_open(args))
		return false;
	do {
		if (!item(args, ret))
			return false;
		if (imap_args_close(args))
			return true;
	} while (imap_args_space(args));
	return false;
}

static enum imap_next status_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct status *status = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &status->path) || !imap_args_space(args) ||
	    !items(args, &status->items) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (status->items & BIT(HIGHESTMODSEQ))
		session_enable_condstore(cmd->session);
	return IMAP_RUN;
}

static enum fault status_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct status *status = cmd->state;
	const struct folder *folder;
	struct folder_list *list;
	enum fault fault = folder_list_load(cmd->account, stack, &list, why);

	if (fault)
		return fault;
	folder = folders_find(&list->folders, status->path);
	if (!folder || folder->row.meta.no_select)
		fault = fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	else
		status->head = folder->row.head;
	folder_list_put(cmd->account->folders, list);
	return fault;
}

/* Recent are those from recent_uid on, less what was expunged of them, which the row does not tell. */
static uint64_t value(const struct mailbox_head *head, enum item item)
{
	switch (item) {
	case MESSAGES:
		return head->messages;
	case RECENT:
		return MIN_OF(head->messages, head->uid_next - MIN_OF(head->recent_uid, head->uid_next));
	case UIDNEXT:
		return head->uid_next;
	case UIDVALIDITY:
		return head->uid_validity;
	case UNSEEN:
		return head->unseen;
	default:
		return head->modseq;
	}
}

static enum imap_next status_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct status *status = cmd->state;
	const char *between = "";
	struct buf line;

	if (fault)
		return imap_no(cmd, fault, why);
	buf_init(&line, BUF_NO_LIMIT);
	buf_adds(&line, "* STATUS ");
	imap_add_mailbox(&line, status->path);
	buf_adds(&line, " (");
	for (unsigned i = 0; i < ITEMS; i++) {
		if (!(status->items & BIT(i)))
			continue;
		buf_printf(&line, "%s%s %" PRIu64, between, names[i], value(&status->head, i));
		between = " ";
	}
	buf_adds(&line, ")\r\n");
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
