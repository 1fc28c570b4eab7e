/* A guest's own \Seen (guest_sees.h). */
#include "guest_sees.h"

void guest_sees_begin(struct guest_sees *sees, const struct selected *selected)
{
	guest_sees_done(sees);
	*sees = (struct guest_sees){ .uid_validity = selected->view->state->head.uid_validity };
	uid_set_init(&sees->uids);
	uid_set_init(&sees->unseen);
}

void guest_sees_store(struct guest_sees *sees, const struct selected *selected, uint32_t at, enum flag_op op,
                      uint32_t flags)
{
	const uint32_t uid = selected->view->state->uid[at];
	const bool is_seen = selected_flags(selected, at) & FLAG_SEEN, named = flags & FLAG_SEEN;
	const bool will_be = op == FLAGS_SET ? named : named ? op == FLAGS_ADD : is_seen;

	if (will_be != is_seen)
		uid_set_add(will_be ? &sees->uids : &sees->unseen, uid);
}

bool guest_sees_any(const struct guest_sees *sees)
{
	return !uid_set_is_empty(&sees->uids) || !uid_set_is_empty(&sees->unseen);
}

enum fault guest_sees_run(struct guest_sees *sees, const struct imap_cmd *cmd, struct stack *stack,
                          struct why *why)
{
	enum fault fault;

	if (!guest_sees_any(sees) || sees->done)
		return FAULT_NONE;
	fault = guest_see(stack, &cmd->acting, sees->uid_validity, &sees->uids, &sees->unseen, &sees->mark,
	                  &sees->head, why);
	sees->done = !fault;
	return fault;
}

void guest_sees_take(struct guest_sees *sees, const struct imap_cmd *cmd, bool silent)
{
	struct selected *selected = &cmd->session->selected;

	if (!sees->done)
		return;
	uid_set_union(&sees->uids, &sees->unseen);
	view_guest_saw(selected->view, &cmd->acting, &sees->mark, &sees->uids, &sees->head, selected, silent);
	guest_sees_begin(sees, selected);
}

void guest_sees_done(struct guest_sees *sees)
{
	if (sees->done)
		guest_mark_done(&sees->mark);
	uid_set_done(&sees->uids);
	uid_set_done(&sees->unseen);
}
