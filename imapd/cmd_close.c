/*
 * CLOSE and UNSELECT (RFC 9051 6.4.1, 6.4.2): back to no mailbox. CLOSE removes
 * what is \Deleted first, without telling, unless the mailbox was opened by EXAMINE. What cannot be cancelled stays in
 * the Outbox, which is said unasked: CLOSE itself does not fail.
 */
#include "change.h"
#include "commands.h"
#include "outbox_hold.h"

struct close {
	struct change change;
	struct outbox_hold hold;
};

static enum imap_next leave(struct imap_cmd *cmd)
{
	const struct close *close = cmd->state;
	const char *refused = outbox_hold_refused(&close->hold);
	struct session *s = cmd->session;

	if (refused)
		imap_untagged(s, "NO [INUSE] %s", refused);
	if (s->selected.view->gone)
		return imap_ok(cmd, "%s completed", cmd->verb->name); /* with BYE in front of it */
	selected_close(&s->selected);
	session_enter(s, ST_AUTH);
	return imap_ok(cmd, "%s completed", cmd->verb->name);
}

/* What is to go, to be cancelled first. */
static enum imap_next hold(struct imap_cmd *cmd, const struct mailbox_state *state)
{
	struct close *close = cmd->state;
	struct uid_set wanted;

	uid_set_init(&wanted);
	for (uint32_t at = 0; at < state->n; at++)
		if (state->flags[at] & FLAG_DELETED)
			uid_set_add(&wanted, state->uid[at]);
	outbox_hold_take(&close->hold, cmd, &wanted, cmd->arena);
	uid_set_done(&wanted);
	return close->hold.due ? IMAP_RUN : leave(cmd);
}

static enum imap_next decide(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct close *close = cmd->state;
	struct change *change = &close->change;
	const struct mailbox_state *state = cmd->session->selected.view->state;
	const bool outbox = outbox_is_selected(cmd);

	if (fault)
		return change_fail(&close->change, fault, why);
	if (outbox && !close->hold.settled)
		return hold(cmd, state);
	change_begin(change, cmd);
	change->cancelled = outbox;
	for (uint32_t at = 0; at < state->n; at++)
		if ((state->flags[at] & FLAG_DELETED) &&
		    (!outbox || outbox_hold_allows(&close->hold, state->uid[at])))
			change_expunge(change, at);
	return change_is_empty(change) ? leave(cmd) : IMAP_RUN;
}

static enum imap_next close_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct close *close = cmd->state;

	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (cmd->session->selected.read_only || !selected_may(&cmd->session->selected, ACL_EXPUNGE) ||
	    (cmd->verb->flags & VERB_UNSELECTS))
		return leave(cmd);
	return change_turn(&close->change, cmd, decide);
}

static enum fault close_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct close *close = cmd->state;

	if (close->hold.due)
		return outbox_hold_cancel(&close->hold, cmd, stack, why);
	return change_commit(&close->change, stack, why);
}

static enum imap_next close_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct close *close = cmd->state;

	if (close->hold.back) {
		close->hold.back = false;
		return decide(cmd, fault, why);
	}
	if (fault == FAULT_STALE)
		return change_look(&close->change, decide);
	if (fault)
		return change_fail(&close->change, fault, why);
	change_committed(&close->change, true);
	return leave(cmd);
}

static void close_done(struct imap_cmd *cmd)
{
	struct close *close = cmd->state;

	change_done(&close->change);
}

const struct imap_command imap_close = {
	.state_size = sizeof(struct close),
	.parse = close_parse,
	.run = close_run,
	.reply = close_reply,
	.done = close_done,
};
