/*
 * EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1; QRESYNC: RFC 7162 3.2.7): everything that is
 * \Deleted, or that and named, goes in one conditional commit. The client hears of it in the news behind the command.
 */
#include "change.h"
#include "commands.h"
#include "limit.h"
#include "rows.h"
#include "vanished.h"

struct expunge {
	struct uid_set uids;
	struct change change;
};

static enum imap_next decide(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct expunge *expunge = cmd->state;
	const struct mailbox_state *state = cmd->session->selected.view->state;
	struct uid_set going;
	struct rows rows;

	if (fault)
		return change_fail(&expunge->change, fault, why);
	uid_set_init(&going);
	for (uint32_t at = 0; at < state->n; at++)
		if ((state->flags[at] & FLAG_DELETED) &&
		    (!cmd->uid_form || uid_set_has(&expunge->uids, state->uid[at])))
			uid_set_add(&going, state->uid[at]);
	limit_messages(cmd, &going);
	change_begin(&expunge->change, cmd);
	rows_start(&rows, &cmd->session->selected, &going);
	while (rows_next(&rows))
		change_expunge(&expunge->change, rows.at);
	uid_set_done(&going);
	if (!change_is_empty(&expunge->change))
		return IMAP_RUN;
	change_leave(&expunge->change);
	return imap_ok(cmd, "Expunged");
}

static enum imap_next expunge_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct expunge *expunge = cmd->state;

	if (cmd->uid_form && (!imap_args_space(args) || !imap_args_messages(args, cmd, &expunge->uids)))
		return imap_bad(cmd, args->error);
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (cmd->session->selected.read_only)
		return imap_no_code(cmd, "[READ-ONLY]", "The mailbox is open for reading only");
	return change_turn(&expunge->change, cmd, decide);
}

static enum fault expunge_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct expunge *expunge = cmd->state;

	return change_commit(&expunge->change, stack, why);
}

static enum imap_next expunge_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct expunge *expunge = cmd->state;

	if (fault == FAULT_STALE)
		return change_look(&expunge->change, decide);
	if (fault)
		return change_fail(&expunge->change, fault, why);
	change_committed(&expunge->change, false);
	return vanished_ok(cmd, "Expunged");
}

static void expunge_done(struct imap_cmd *cmd)
{
	struct expunge *expunge = cmd->state;

	change_done(&expunge->change);
}

const struct imap_command imap_expunge = {
	.state_size = sizeof(struct expunge),
	.parse = expunge_parse,
	.run = expunge_run,
	.reply = expunge_reply,
	.done = expunge_done,
};
