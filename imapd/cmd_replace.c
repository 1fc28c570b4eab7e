/*
 * REPLACE and UID REPLACE (RFC 8508): a message appended, and an older one expunged for it.
 *
 * Into the mailbox that is open, which is how drafts are saved, both are one commit: whoever looks, and whatever
 * breaks, there is the old one or the new one. Into another mailbox the new one is on stable storage before the old
 * one goes. The quota is asked for what is added only.
 */
#include "account_ctx.h"
#include "change.h"
#include "commands.h"
#include "new_message.h"
#include "outbox_hold.h"
#include "vanished.h"

struct replace {
	struct new_messages messages; /* one */
	struct uid_set named;         /* the one that goes */
	uint32_t uid;
	struct sealed_message sealed;
	struct record content;
	struct change change;
	enum { PREPARING, COMMITTING, ASKING } step;
	bool in_place; /* the mailbox is the one that is open */
	bool prepared, raced;
};

/* ---- the end ---- */

static enum imap_next replaced(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	(void)fault; /* it is there, whatever the look has met */
	(void)why;
	return vanished_ok(cmd, "Replaced");
}

/* Before the EXPUNGE (RFC 8508 3.4). */
static void tell_uid(struct imap_cmd *cmd)
{
	const struct replace *replace = cmd->state;
	const char *code = new_messages_code(&replace->messages, cmd);

	imap_untagged(cmd->session, "OK %s%sReplacement is there", code, code[0] ? " " : "");
}

static enum imap_next gone(struct imap_cmd *cmd)
{
	return imap_no_code(cmd, "[EXPUNGEISSUED]", "The message to replace is gone");
}

/* ---- what goes, on the loop ---- */

static enum imap_next decide(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct replace *replace = cmd->state;
	const int64_t at = mailbox_state_find(cmd->session->selected.view->state, replace->uid);

	if (fault)
		return change_fail(&replace->change, fault, why);
	change_begin(&replace->change, cmd);
	replace->step = COMMITTING;
	if (at >= 0) {
		change_expunge(&replace->change, (uint32_t)at);
		replace->change.commit.appends = replace->messages.entries;
		replace->change.commit.n_appends = replace->in_place;
		return IMAP_RUN;
	}
	if (replace->raced && replace->in_place) { /* was that us, and only the answer was lost? */
		replace->step = ASKING;
		return IMAP_RUN;
	}
	change_leave(&replace->change);
	return replace->in_place ? gone(cmd) : replaced(cmd, FAULT_NONE, NULL);
}

/* ---- on a worker ---- */

static enum fault prepare(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct replace *replace = cmd->state;
	struct new_messages *messages = &replace->messages;
	enum fault fault = new_messages_find(messages, cmd, stack, why);

	if (!fault)
		fault = new_message_seal(messages, 0, cmd, stack, cmd->arena, &replace->sealed, why);
	if (fault)
		return fault;
	replace->prepared = true;
	messages->entries[0].tag = id_new();
	messages->entries[0].record = &replace->content;
	fault = message_prepare(stack, &replace->sealed, &messages->target.actor.account, 1, cmd->arena,
	                        &replace->content, why);
	if (fault)
		return fault;
	fault = new_messages_weigh(messages, cmd, stack, why);
	if (fault)
		return fault;
	replace->in_place = id_eq(&messages->mailbox, &cmd->selected);
	fault = replace->in_place ? new_messages_name(messages, cmd, stack, why)
	                          : new_messages_file(messages, cmd, stack, why);
	return fault == FAULT_NOT_FOUND ? FAULT_NO_TARGET : fault;
}

static enum fault replace_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct replace *replace = cmd->state;
	struct mailbox_appended *made = &replace->messages.made;
	enum fault fault;

	if (replace->step == PREPARING)
		return prepare(cmd, stack, why);
	if (replace->step == ASKING)
		return mailbox_find_append(stack->store, &cmd->acting, &cmd->selected,
		                           &replace->messages.entries[0].tag, made, why);
	fault = change_commit(&replace->change, stack, why);
	if (!fault && replace->in_place) {
		made->uid_validity = replace->change.head.uid_validity;
		made->first_uid = replace->change.head.uid_next - 1;
		folder_cache_note(cmd->account->folders, &cmd->selected, &replace->change.head);
		new_messages_note_seen(&replace->messages, cmd, stack);
	}
	return fault;
}

/* ---- and back ---- */

static enum imap_next committed(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct replace *replace = cmd->state;

	if (fault == FAULT_STALE) {
		replace->raced = true;
		return change_look(&replace->change, decide);
	}
	if (fault)
		return change_fail(&replace->change, fault, why);
	if (replace->in_place)
		tell_uid(cmd);
	change_committed(&replace->change, false);
	/* what a guest has put there as \Seen is beside the commit */
	return cmd->session->selected.guest ? change_look(&replace->change, replaced)
	                                    : replaced(cmd, FAULT_NONE, NULL);
}

static enum imap_next replace_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct replace *replace = cmd->state;

	if (replace->step == COMMITTING)
		return committed(cmd, fault, why);
	if (replace->step == PREPARING) {
		if (fault)
			return new_messages_fail(&replace->messages, cmd, fault, why);
		if (!replace->in_place)
			tell_uid(cmd);
		else if (replace->messages.n_keywords)
			view_take_keywords(cmd->session->selected.view, &replace->messages.names);
		return change_turn(&replace->change, cmd, decide);
	}
	change_leave(&replace->change);
	if (fault)
		return fault == FAULT_NOT_FOUND ? gone(cmd) : imap_no(cmd, fault, why);
	tell_uid(cmd);
	return change_look(&replace->change, replaced);
}

/* ---- the arguments ---- */

/* The message that goes; the quota is asked for what is added to its size. */
static bool find_old(struct imap_cmd *cmd, struct replace *replace)
{
	const struct mailbox_state *state = cmd->session->selected.view->state;
	int64_t at;

	replace->uid = uid_set_max(&replace->named);
	at = mailbox_state_find(state, replace->uid);
	if (at >= 0)
		replace->messages.target.freed = (struct usage){ state->size[at], 1 };
	replace->messages.target.freed_of = cmd->acting.account;
	return at >= 0;
}

/* seq-number SP mailbox append-message */
static enum imap_next replace_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct replace *replace = cmd->state;

	if (!imap_args_space(args) || !imap_args_messages(args, cmd, &replace->named) ||
	    !imap_args_space(args) || !imap_args_mailbox(args, &replace->messages.target.path) ||
	    !new_messages_take(&replace->messages, args) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (uid_set_count(&replace->named) != 1)
		return imap_bad(cmd, "Expected one message to replace");
	if (cmd->session->selected.read_only)
		return imap_no_code(cmd, "[READ-ONLY]", "The mailbox is open for reading only");
	if (outbox_is_selected(cmd))
		return imap_no_code(cmd, "[CANNOT]", "What is queued can be cancelled, not replaced");
	if (!imap_may(cmd, ACL_DELETE | ACL_EXPUNGE))
		return IMAP_DONE;
	return find_old(cmd, replace) ? new_messages_check(&replace->messages, cmd) : gone(cmd);
}

static void replace_done(struct imap_cmd *cmd)
{
	struct replace *replace = cmd->state;

	if (replace->prepared)
		sealed_message_done(&replace->sealed);
	change_done(&replace->change);
	target_done(&replace->messages.target);
}

const struct imap_command imap_replace = {
	.state_size = sizeof(struct replace),
	.parse = replace_parse,
	.run = replace_run,
	.reply = replace_reply,
	.done = replace_done,
};
