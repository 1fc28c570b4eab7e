/* Taking messages out of the Outbox (outbox_hold.h). */
#include "outbox_hold.h"

#include "account_ctx.h"
#include "imapd.h"

bool outbox_is(const struct imap_cmd *cmd, const struct id *mailbox)
{
	const struct id outbox = outbox_mailbox(&cmd->actor.account);

	return cmd->account->has_outbox && id_eq(mailbox, &outbox);
}

bool outbox_is_selected(const struct imap_cmd *cmd)
{
	return outbox_is(cmd, &cmd->selected);
}

void outbox_hold_take(struct outbox_hold *hold, const struct imap_cmd *cmd, const struct uid_set *uids,
                      struct arena *arena)
{
	copy_items(cmd->session->selected.view->state, uids, arena, &hold->items, &hold->n);
	hold->messages = arena_array(arena, struct outbox_message, hold->n + 1);
	hold->due = hold->n > 0;
	hold->settled = !hold->due;
}

static enum fault settle(struct outbox_hold *hold, enum fault fault)
{
	hold->due = false;
	hold->back = true;
	if (fault)
		return fault;
	hold->settled = true;
	for (size_t i = 0; i < hold->n; i++) {
		hold->left = hold->left || hold->messages[i].fate == OUTBOX_LEFT;
		hold->busy = hold->busy || hold->messages[i].fate == OUTBOX_BUSY;
	}
	return FAULT_NONE;
}

static enum fault name_contents(struct outbox_hold *hold, struct imap_cmd *cmd, struct stack *stack,
                                struct why *why)
{
	struct copy_request request = { .from = cmd->selected, .items = hold->items, .n = hold->n };
	enum fault fault = copy_load(stack, &cmd->actor, &request, cmd->arena, why);

	for (size_t i = 0; i < hold->n && !fault; i++)
		hold->messages[i].content = hold->items[i].message.content;
	return fault;
}

enum fault outbox_hold_pause(struct outbox_hold *hold, struct imap_cmd *cmd, struct stack *stack,
                             struct why *why)
{
	enum fault fault = name_contents(hold, cmd, stack, why);

	if (!fault)
		fault = outbox_pause(stack, &cmd->actor, hold->messages, hold->n, why);
	return settle(hold, fault);
}

enum fault outbox_hold_cancel(struct outbox_hold *hold, struct imap_cmd *cmd, struct stack *stack,
                              struct why *why)
{
	enum fault fault = name_contents(hold, cmd, stack, why);

	if (!fault)
		fault = outbox_cancel(stack, &cmd->actor, hold->messages, hold->n, why);
	return settle(hold, fault);
}

bool outbox_hold_allows(const struct outbox_hold *hold, uint32_t uid)
{
	for (size_t i = 0; i < hold->n; i++) {
		if (hold->items[i].uid == uid)
			return hold->messages[i].fate != OUTBOX_BUSY;
	}
	return false;
}

void outbox_hold_note_left(struct outbox_hold *hold, const struct imap_cmd *cmd, const struct uid_set *named)
{
	struct uid_set gone;

	uid_set_init(&gone);
	uid_set_copy(&gone, &cmd->session->selected.ghosts);
	if (named)
		uid_set_intersect(&gone, named);
	for (size_t i = 0; i < hold->n; i++)
		if (hold->messages[i].fate == OUTBOX_FREE)
			uid_set_del_range(&gone, hold->items[i].uid, hold->items[i].uid);
	hold->left = hold->left || !uid_set_is_empty(&gone);
	uid_set_done(&gone);
}

const char *outbox_hold_refused(const struct outbox_hold *hold)
{
	if (hold->busy)
		return "Some messages are being sent right now";
	return hold->left ? "Some messages had left the queue before they could be cancelled" : NULL;
}
