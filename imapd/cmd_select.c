/*
 * SELECT and EXAMINE (RFC 9051 6.3.2, 6.3.3; CONDSTORE: RFC 7162 3.1.8).
 *
 * The name is looked up on a worker, where \Recent is taken too; the view is
 * loaded or made fresh by view_get(). HIGHESTMODSEQ is told always: clients that know CONDSTORE look for it even when
 * they did not ask.
 */
#include <inttypes.h>

#include "commands.h"
#include "imapd.h"

struct select {
	const char *path;
	bool examine;
	struct id mailbox;
	uint32_t recent_first, recent_next;
	struct view_wait *wait;
};

/* "(" select-param *(SP select-param) ")": CONDSTORE is the one we know */
static bool parameters(struct imap_cmd *cmd, struct imap_args *args)
{
	if (!imap_args_open(args) || !imap_args_word(args, "CONDSTORE") || !imap_args_close(args))
		return false;
	cmd->session->enabled |= ENABLED_CONDSTORE;
	return true;
}

static void leave_old(struct session *s)
{
	if (!s->selected.view)
		return;
	selected_close(&s->selected);
	session_enter(s, ST_AUTH);
	imap_untagged(s, "OK [CLOSED] Previous mailbox closed");
}

static enum imap_next select_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct select *select = cmd->state;

	select->examine = cmd->verb->flags & VERB_EXAMINES;
	if (!imap_args_space(args) || !imap_args_mailbox(args, &select->path))
		return imap_bad(cmd, args->error);
	if (!imap_args_is_end(args) && (!imap_args_space(args) || !parameters(cmd, args)))
		return imap_bad(cmd, "Unknown parameter");
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	leave_old(cmd->session); /* also when what follows fails */
	return IMAP_RUN;
}

static enum fault select_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct select *select = cmd->state;
	const struct mailbox_head *head;
	const struct folder *folder;
	struct folders folders;
	enum fault fault = folders_load(stack, &cmd->actor, cmd->account->key, cmd->arena, &folders, why);

	if (fault)
		return fault;
	folder = folders_find(&folders, select->path);
	if (!folder || folder->row.meta.no_select)
		return fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	head = &folder->row.head;
	select->mailbox = folder->row.meta.id;
	select->recent_first = head->recent_uid;
	select->recent_next = head->uid_next;
	if (select->examine || head->recent_uid >= head->uid_next)
		return FAULT_NONE;
	return mailbox_take_recent(stack->store, &cmd->actor, &select->mailbox, &select->recent_first,
	                           &select->recent_next, why);
}

static void note_recent(struct selected *selected, const struct select *select)
{
	struct mailbox_state *state = selected->view->state;

	for (uint32_t at = mailbox_state_from(state, select->recent_first);
	     at < state->n && state->uid[at] < select->recent_next; at++)
		uid_set_add(&selected->recent, state->uid[at]);
	selected->known_recent = (uint32_t)uid_set_count(&selected->recent);
	if (!select->examine)
		state->head.recent_uid = MAX_OF(state->head.recent_uid, select->recent_next);
}

static uint32_t first_unseen(const struct mailbox_state *state)
{
	for (uint32_t i = 0; i < state->n; i++)
		if (!(state->flags[i] & FLAG_SEEN))
			return i + 1;
	return 0;
}

static void tell_mailbox(struct session *s)
{
	const struct mailbox_state *state = s->selected.view->state;
	uint32_t unseen = first_unseen(state);

	session_tell_flag_names(s);
	imap_untagged(s, "%u EXISTS", s->selected.known_n);
	imap_untagged(s, "%u RECENT", s->selected.known_recent);
	if (unseen)
		imap_untagged(s, "OK [UNSEEN %u] First unseen message", unseen);
	imap_untagged(s, "OK [UIDVALIDITY %u] UIDs are valid", state->head.uid_validity);
	imap_untagged(s, "OK [UIDNEXT %u] Next UID", state->head.uid_next);
	imap_untagged(s, "OK [HIGHESTMODSEQ %" PRIu64 "] Highest mod-sequence", state->head.modseq);
}

static void on_view(void *arg, enum fault fault, const struct why *why, struct view *view)
{
	struct imap_cmd *cmd = arg;
	struct select *select = cmd->state;
	struct session *s = cmd->session;

	select->wait = NULL;
	if (fault) {
		imap_resume(cmd, imap_no(cmd, fault, why));
		return;
	}
	selected_open(&s->selected, view, select->examine);
	session_enter(s, ST_SELECTED);
	note_recent(&s->selected, select);
	tell_mailbox(s);
	imap_resume(cmd, imap_ok_code(cmd, select->examine ? "[READ-ONLY]" : "[READ-WRITE]", "Selected"));
}

static enum imap_next select_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct select *select = cmd->state;

	if (fault)
		return imap_no(cmd, fault, why);
	select->wait = view_get(cmd->session->imapd->views, cmd->account, &select->mailbox, on_view, cmd);
	return IMAP_WAIT;
}

static void select_done(struct imap_cmd *cmd)
{
	struct select *select = cmd->state;

	if (select->wait)
		view_cancel(select->wait);
}

const struct imap_command imap_select = {
	.state_size = sizeof(struct select),
	.parse = select_parse,
	.run = select_run,
	.reply = select_reply,
	.done = select_done,
};
