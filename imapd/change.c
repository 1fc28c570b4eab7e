/* Conditional commits on the selected mailbox (change.h). */
#include "change.h"

#include "base/clock.h"
#include "outbox_hold.h"
#include "suite/nudge.h"

static const struct mailbox_state *state_of(const struct change *change)
{
	return change->cmd->session->selected.view->state;
}

void change_begin(struct change *change, struct imap_cmd *cmd)
{
	change->cmd = cmd;
	uid_set_done(&change->uids);
	uid_set_init(&change->uids);
	change->cancelled = false;
	memset(change->edits, 0, sizeof(change->edits));
	change->edits[0].uids = change->edits[1].uids = &change->uids;
	change->commit = (struct mailbox_commit){
		.mailbox = cmd->selected,
		.if_modseq = state_of(change)->head.modseq,
		.edits = change->edits,
		.n_edits = 1,
	};
}

static uint64_t result(enum flag_op op, uint64_t old, uint64_t flags)
{
	if (op == FLAGS_SET)
		return flags;
	return op == FLAGS_ADD ? old | flags : old & ~flags;
}

/* A guest sets those that he may change; the others stay as they are. */
static bool guest_sets_flags(struct change *change, uint32_t at, uint32_t flags, uint64_t keywords)
{
	const struct selected *selected = &change->cmd->session->selected;
	const struct mailbox_state *state = state_of(change);
	const uint32_t may = selected_settable(selected) & ~(uint32_t)FLAG_SEEN;
	const uint64_t names = selected_may_write(selected) ? UINT64_MAX : 0;

	if ((state->flags[at] & may) == (flags & may) && (state->keywords[at] & names) == (keywords & names))
		return false;
	change->commit.n_edits = 0;
	for (int op = FLAGS_ADD; op <= FLAGS_REMOVE; op++) {
		struct mailbox_edit *edit = &change->edits[change->commit.n_edits];

		edit->op = (enum flag_op)op;
		edit->flags = may & (op == FLAGS_ADD ? flags : ~flags);
		edit->keywords = names & (op == FLAGS_ADD ? keywords : ~keywords);
		change->commit.n_edits += edit->flags || edit->keywords;
	}
	uid_set_add(&change->uids, state->uid[at]);
	return true;
}

bool change_flags(struct change *change, uint32_t at, enum flag_op op, uint32_t flags, uint64_t keywords)
{
	const struct mailbox_state *state = state_of(change);
	struct mailbox_edit *edit = change->edits;
	uint32_t made;

	if (op == FLAGS_SET && change->cmd->session->selected.guest)
		return guest_sets_flags(change, at, flags, keywords);
	made = (uint32_t)result(op, state->flags[at], flags);
	if (made == state->flags[at] && result(op, state->keywords[at], keywords) == state->keywords[at])
		return false;
	edit->op = op;
	edit->flags = flags;
	edit->keywords = keywords;
	edit->unseen += !(made & FLAG_SEEN) - !(state->flags[at] & FLAG_SEEN);
	uid_set_add(&change->uids, state->uid[at]);
	return true;
}

void change_expunge(struct change *change, uint32_t at)
{
	const struct mailbox_state *state = state_of(change);

	change->edits[0].expunge = true;
	change->commit.durable = true;
	change->edits[0].messages--;
	change->edits[0].unseen -= !(state->flags[at] & FLAG_SEEN);
	change->edits[0].bytes -= state->size[at];
	uid_set_add(&change->uids, state->uid[at]);
}

bool change_is_empty(const struct change *change)
{
	return uid_set_is_empty(&change->uids);
}

enum fault change_commit(struct change *change, struct stack *stack, struct why *why)
{
	const struct imap_cmd *cmd = change->cmd;
	enum fault fault;

	if (change->edits[0].expunge && !change->cancelled && outbox_is(cmd, &cmd->selected))
		return fault_set(why, FAULT_UNSUPPORTED, "nothing leaves the Outbox but what was cancelled");
	fault = mailbox_commit(stack->store, &cmd->acting, &change->commit, &change->head, why);
	if (!fault)
		nudge_mailbox(stack, &cmd->acting, &cmd->selected, change->head.modseq);
	return fault;
}

void change_committed(struct change *change, bool silent)
{
	struct selected *selected = &change->cmd->session->selected;

	change->losing_since = 0;
	view_committed(selected->view, &change->commit, &change->head, selected, silent);
	change_leave(change);
}

static void on_looked(void *arg, enum fault fault, const struct why *why, struct view *view)
{
	struct change *change = arg;

	(void)view;
	change->look = NULL;
	imap_resume(change->cmd, change->then(change->cmd, fault, why));
}

static void look(struct change *change)
{
	struct view *view = change->view ? change->view : change->cmd->session->selected.view;

	change->look = view_look(view, VIEW_ROWS, on_looked, change);
}

enum imap_next change_look(struct change *change, change_then *then)
{
	if (!change->losing_since)
		change->losing_since = clock_mono_ms();
	if (clock_mono_ms() - change->losing_since > CHANGE_PATIENCE)
		return then(change->cmd, FAULT_STALE, NULL);
	change->then = then;
	look(change);
	return IMAP_WAIT;
}

/* ---- turns ---- */

enum imap_next change_turn(struct change *change, struct imap_cmd *cmd, change_then *then)
{
	struct view *view = cmd->session->selected.view;

	change->cmd = cmd;
	change->then = then;
	change->view = view;
	change->has_turn = list_empty(&view->changers);
	view_hold(view);
	list_add_tail(&view->changers, &change->turn);
	return change->has_turn ? then(cmd, FAULT_NONE, NULL) : IMAP_WAIT;
}

/* The next one begins with a look: what made it wait has changed the mailbox. */
void change_leave(struct change *change)
{
	struct view *view = change->view;
	struct change *next;

	if (!view)
		return;
	change->has_turn = false;
	change->view = NULL;
	list_del(&change->turn);
	next = list_empty(&view->changers) ? NULL : list_item(view->changers.next, struct change, turn);
	if (next && !next->has_turn) {
		next->has_turn = true;
		look(next);
	}
	view_put(view);
}

enum imap_next change_fail(struct change *change, enum fault fault, const struct why *why)
{
	change_leave(change);
	return imap_no(change->cmd, fault, why);
}

void change_done(struct change *change)
{
	if (change->look)
		view_cancel(change->look);
	change->look = NULL;
	change_leave(change);
	uid_set_done(&change->uids);
}
