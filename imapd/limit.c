/* Limits on the messages of one command (limit.h). */
#include "limit.h"

#include "imapd.h"

/* The messages of one range, as indexes of the view's state. */
static uint32_t find_range(const struct selected *selected, const struct uid_range *range, uint32_t *ret_from)
{
	const struct mailbox_state *state = selected->view->state;
	const uint32_t last = MIN_OF(range->last, selected->known_max);
	uint32_t end;

	*ret_from = mailbox_state_from(state, range->first);
	end = last < range->first ? *ret_from : mailbox_state_from(state, last + 1);
	return end - *ret_from;
}

uint64_t limit_count(const struct imap_cmd *cmd, const struct uid_set *uids)
{
	uint64_t n = 0;
	uint32_t from;

	for (uint32_t i = 0; i < uids->n; i++)
		n += find_range(&cmd->session->selected, &uids->ranges[i], &from);
	return n;
}

void limit_messages(struct imap_cmd *cmd, struct uid_set *uids)
{
	const struct selected *selected = &cmd->session->selected;
	uint64_t left = (uint64_t)imapd_conf.message_limit;

	cmd->oldest = 0;
	for (uint32_t i = uids->n; left && i-- > 0;) {
		uint32_t from, n = find_range(selected, &uids->ranges[i], &from);

		if (n)
			cmd->oldest =
			    selected->view->state->uid[from + n - (uint32_t)MIN_OF(left, (uint64_t)n)];
		left -= MIN_OF(left, (uint64_t)n);
	}
	if (!cmd->oldest || limit_count(cmd, uids) <= (uint64_t)imapd_conf.message_limit)
		cmd->oldest = 0;
	else
		uid_set_del_range(uids, 1, cmd->oldest - 1);
}

uint64_t limit_saving(void)
{
	const uint64_t messages = (uint64_t)imapd_conf.message_limit, save = (uint64_t)imapd_conf.save_limit;

	return MIN_OF(messages ? messages : UINT64_MAX, save ? save : UINT64_MAX);
}

enum imap_next limit_refuse(struct imap_cmd *cmd, uint64_t limit)
{
	const char *code = arena_printf(cmd->arena, "[MESSAGELIMIT %llu]", (unsigned long long)limit);

	return imap_no_code(cmd, code, "These are too many messages at once");
}
