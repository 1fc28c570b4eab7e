/*
 * EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1; QRESYNC: RFC 7162 3.2.7): everything that is
 * \Deleted, or that and named, goes in one conditional commit. The client hears of it in the news behind the command.
 * From the Outbox goes only what was cancelled by then.
 */
#include "change.h"
#include "commands.h"
#include "limit.h"
#include "outbox_hold.h"
#include "rows.h"
#include "vanished.h"

struct expunge {
	struct uid_set uids;
	struct change change;
	struct outbox_hold hold;
};

/* What is to go, as the view is now. */
static void find_going(struct imap_cmd *cmd, struct uid_set *ret)
{
	const struct expunge *expunge = cmd->state;
	const struct mailbox_state *state = cmd->session->selected.view->state;

	uid_set_init(ret);
	for (uint32_t at = 0; at < state->n; at++)
		if ((state->flags[at] & FLAG_DELETED) &&
		    (!cmd->uid_form || uid_set_has(&expunge->uids, state->uid[at])))
			uid_set_add(ret, state->uid[at]);
	if (cmd->uid_form) /* EXPUNGE has no limit (RFC 9738 3.1) */
		limit_messages(cmd, ret);
}

static enum imap_next finish(struct imap_cmd *cmd, bool any)
{
	struct expunge *expunge = cmd->state;
	const char *refused;

	if (outbox_is_selected(cmd))
		outbox_hold_note_left(&expunge->hold, cmd, cmd->uid_form ? &expunge->uids : NULL);
	refused = outbox_hold_refused(&expunge->hold);
	if (refused)
		return imap_no_code(cmd, "[INUSE]", refused);
	return any ? vanished_ok(cmd, "Expunged") : imap_ok(cmd, "Expunged");
}

static void expunge_all(struct imap_cmd *cmd, const struct uid_set *going)
{
	struct expunge *expunge = cmd->state;
	struct rows rows;

	change_begin(&expunge->change, cmd);
	expunge->change.cancelled = expunge->hold.settled;
	rows_start(&rows, &cmd->session->selected, going);
	while (rows_next(&rows))
		if (!expunge->hold.settled || outbox_hold_allows(&expunge->hold, rows.uid))
			change_expunge(&expunge->change, rows.at);
}

static enum imap_next decide(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct expunge *expunge = cmd->state;
	struct uid_set going;

	if (fault)
		return change_fail(&expunge->change, fault, why);
	find_going(cmd, &going);
	if (outbox_is_selected(cmd) && !expunge->hold.settled)
		outbox_hold_take(&expunge->hold, cmd, &going, cmd->arena);
	if (!expunge->hold.due)
		expunge_all(cmd, &going);
	uid_set_done(&going);
	if (expunge->hold.due)
		return IMAP_RUN; /* what is to go is cancelled first */
	if (!change_is_empty(&expunge->change))
		return IMAP_RUN;
	change_leave(&expunge->change);
	return finish(cmd, false);
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
	if (!imap_may(cmd, ACL_EXPUNGE))
		return IMAP_DONE;
	return change_turn(&expunge->change, cmd, decide);
}

static enum fault expunge_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct expunge *expunge = cmd->state;

	if (expunge->hold.due)
		return outbox_hold_cancel(&expunge->hold, cmd, stack, why);
	return change_commit(&expunge->change, stack, why);
}

static enum imap_next expunge_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct expunge *expunge = cmd->state;

	if (expunge->hold.back) {
		expunge->hold.back = false;
		return decide(cmd, fault, why);
	}
	if (fault == FAULT_STALE)
		return change_look(&expunge->change, decide);
	if (fault)
		return change_fail(&expunge->change, fault, why);
	change_committed(&expunge->change, false);
	return finish(cmd, true);
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
