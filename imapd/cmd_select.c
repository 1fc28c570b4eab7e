/*
 * SELECT and EXAMINE (RFC 9051 6.3.2, 6.3.3; CONDSTORE and QRESYNC: RFC 7162 3.1.8, 3.2.5).
 *
 * The name is looked up on a worker, unless the account's mailboxes are known; the view is loaded or made fresh by view_get(),
 * without its rows where what is told does not need them, and takes \Recent with that. HIGHESTMODSEQ is told always: clients
 * that know CONDSTORE look for it even when they did not ask.
 */
#include <inttypes.h>

#include "account_ctx.h"
#include "commands.h"
#include "imapd.h"
#include "list_line.h"
#include "object_id.h"
#include "resync.h"
#include "target.h"
#include "url_mechanisms.h"

struct select {
	struct target target;
	const char *written; /* args.h */
	bool examine;
	struct id mailbox;
	struct view_guest *guest; /* in a mailbox that another account shares */
	struct view *view;        /* held until it is known what the guest has seen */
	bool telling;             /* it is open; what has changed is told */
	struct resync resync;
	struct view_wait *wait;
};

/* QRESYNC has to be enabled first (RFC 7162 3.2.5). */
static bool parameter(struct imap_cmd *cmd, struct imap_args *args)
{
	struct select *select = cmd->state;

	if (imap_args_word(args, "CONDSTORE"))
		return true;
	return (cmd->session->enabled & ENABLED_QRESYNC) && imap_args_word(args, "QRESYNC") &&
	       imap_args_space(args) && resync_parse(args, &select->resync);
}

/* "(" select-param *(SP select-param) ")" */
static bool parameters(struct imap_cmd *cmd, struct imap_args *args)
{
	if (!imap_args_open(args))
		return false;
	do {
		if (!parameter(cmd, args))
			return false;
	} while (imap_args_more(args));
	if (!imap_args_close(args))
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
	if (imap_tells(s, "QRESYNC"))
		imap_untagged(s, "OK [CLOSED] Previous mailbox closed");
}

static enum fault select_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct select *select = cmd->state;
	enum fault fault;

	fault = target_find(cmd, stack, &select->target, &select->mailbox, why);
	return fault == FAULT_NO_TARGET ? FAULT_NOT_FOUND : fault; /* there is nothing to create for it */
}

/* IMAP4rev2 has no \Recent, and a guest has none. */
static bool takes_recent(const struct imap_cmd *cmd)
{
	const struct select *select = cmd->state;

	return !select->examine && !select->target.share && !(cmd->session->enabled & ENABLED_REV2);
}

static void note_recent(struct session *s, bool takes)
{
	struct selected *selected = &s->selected;

	selected->takes_recent = takes;
	if (takes)
		selected_take_recent(selected, 0);
	else if (!selected->guest && !(s->enabled & ENABLED_REV2))
		selected_show_recent(selected);
	selected->known_recent = (uint32_t)uid_set_count(&selected->recent);
}

static uint32_t first_unseen(const struct selected *selected)
{
	const struct mailbox_state *state = selected->view->state;

	if (view_is_bare(selected->view))
		return view_first_unseen(selected->view);
	for (uint32_t i = 0; i < state->n; i++)
		if (!(selected_flags(selected, i) & FLAG_SEEN))
			return i + 1;
	return 0;
}

/* Which IMAP4rev2 no longer has. */
static void tell_recent_and_unseen(struct session *s)
{
	const uint32_t unseen = first_unseen(&s->selected);

	imap_untagged(s, "%u RECENT", s->selected.known_recent);
	if (unseen && !(s->enabled & ENABLED_UIDONLY))
		imap_untagged(s, "OK [UNSEEN %u] First unseen message", unseen);
}

/* QRESYNC is CONDSTORE too; and whoever has used it wants it. */
static bool knows_modseq(const struct session *s)
{
	return (s->enabled & ENABLED_CONDSTORE) || imap_capability_on(s, SLICE("CONDSTORE")) ||
	       imap_capability_on(s, SLICE("QRESYNC"));
}

static void tell_mailbox(struct session *s)
{
	const struct mailbox_state *state = s->selected.view->state;

	session_tell_flag_names(s);
	imap_untagged(s, "%u EXISTS", s->selected.known_n);
	if (!(s->enabled & ENABLED_REV2))
		tell_recent_and_unseen(s);
	imap_untagged(s, "OK [UIDVALIDITY %u] UIDs are valid", state->head.uid_validity);
	imap_untagged(s, "OK [UIDNEXT %u] Next UID", state->head.uid_next);
	if (knows_modseq(s))
		imap_untagged(s, "OK [HIGHESTMODSEQ %" PRIu64 "] Highest mod-sequence", state->head.modseq);
	if (imap_capability_on(s, SLICE("OBJECTID")))
		imap_untagged(s, "OK [MAILBOXID (%s)] It stays the same through RENAME",
		              object_id_of_mailbox(&s->selected.view->mailbox).text);
	url_mechanisms_tell(s);
}

static enum imap_next tell_changes(struct imap_cmd *cmd)
{
	struct select *select = cmd->state;

	if (!resync_tell(cmd->session, &select->resync))
		return IMAP_AGAIN;
	return imap_ok_code(cmd, cmd->session->selected.read_only ? "[READ-ONLY]" : "[READ-WRITE]",
	                    "Selected");
}

/* RFC 4314 4: READ-ONLY for who may neither insert nor change anything. */
static bool may_change(const struct target *target)
{
	return target->rights & (ACL_SEEN | ACL_WRITE | ACL_INSERT | ACL_DELETE | ACL_EXPUNGE);
}

static enum imap_next open_view(struct imap_cmd *cmd, struct view *view)
{
	struct select *select = cmd->state;
	struct session *s = cmd->session;

	selected_open(&s->selected, view, select->examine || !may_change(&select->target));
	if (select->guest)
		selected_be_guest(&s->selected, select->guest, &select->target.actor, select->target.rights);
	select->guest = NULL;
	select->view = NULL;
	session_enter(s, ST_SELECTED);
	note_recent(s, takes_recent(cmd));
	tell_mailbox(s);
	list_tell(s, select->target.attributes, select->target.path, select->written);
	select->telling = true;
	return tell_changes(cmd);
}

static void on_view(void *arg, enum fault fault, const struct why *why, struct view *view);

/* What a guest has seen comes with a look; false: with one that is yet to be made. */
static bool be_guest(struct imap_cmd *cmd, struct view *view)
{
	struct select *select = cmd->state;

	select->guest = view_guest_get(view, &cmd->account->id);
	if (select->guest->known)
		return true;
	select->view = view;
	select->wait = view_look(view, VIEW_ROWS, on_view, cmd);
	return false;
}

static void on_view(void *arg, enum fault fault, const struct why *why, struct view *view)
{
	struct imap_cmd *cmd = arg;
	struct select *select = cmd->state;

	select->wait = NULL;
	if (!fault && !select->view && select->target.share && !be_guest(cmd, view))
		return;
	if (!fault)
		imap_resume(cmd, open_view(cmd, view));
	else if (fault == FAULT_NOT_FOUND && !select->view && target_is_behind(cmd, &select->target))
		imap_resume(cmd, IMAP_RUN);
	else
		imap_resume(cmd, imap_no(cmd, fault, why));
}

static unsigned wants(const struct imap_cmd *cmd)
{
	const struct select *select = cmd->state;
	unsigned all = select->target.share || select->resync.asked ? VIEW_ROWS : 0;

	if (!(cmd->session->enabled & ENABLED_REV2))
		all |= VIEW_RECENT;
	return takes_recent(cmd) ? all | VIEW_TAKE_RECENT : all;
}

/* The view of a shared mailbox is its owner's. */
static void look_at(struct imap_cmd *cmd)
{
	struct select *select = cmd->state;
	struct imapd *imapd = cmd->session->imapd;
	const struct share *share = select->target.share;
	struct account_ctx *holder =
	    share ? account_ctx_get(imapd, &share->owner->account, account_key_ref(share->owner->key))
	          : account_ctx_ref(cmd->account);

	select->wait = view_get(imapd->views, holder, &select->mailbox, wants(cmd), on_view, cmd);
	account_ctx_unref(holder);
}

static enum imap_next select_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct select *select = cmd->state;

	select->examine = cmd->verb->flags & VERB_EXAMINES;
	select->target.wants_attributes = cmd->session->enabled & ENABLED_REV2;
	select->target.opens = true;
	if (!imap_args_space(args) || !imap_args_mailbox(args, &select->target.path))
		return imap_bad(cmd, args->error);
	select->written = args->written;
	if (!imap_args_is_end(args) && (!imap_args_space(args) || !parameters(cmd, args)))
		return imap_bad(cmd, "Unknown parameter");
	if (select->resync.by_number && (cmd->session->enabled & ENABLED_UIDONLY))
		return imap_bad(cmd, "[UIDREQUIRED] Message numbers are off since ENABLE UIDONLY");
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	select->target.needs = ACL_READ;
	leave_old(cmd->session); /* also when what follows fails */
	if (!target_find_kept(cmd, &select->target, &select->mailbox))
		return IMAP_RUN;
	look_at(cmd);
	return IMAP_WAIT;
}

static enum imap_next select_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct select *select = cmd->state;

	if (select->telling)
		return tell_changes(cmd);
	if (fault)
		return imap_no(cmd, fault, why);
	look_at(cmd);
	return IMAP_WAIT;
}

static void select_done(struct imap_cmd *cmd)
{
	struct select *select = cmd->state;

	if (select->wait)
		view_cancel(select->wait);
	view_guest_put(select->guest);
	if (select->view)
		view_put(select->view);
	target_done(&select->target);
	resync_done(&select->resync);
}

const struct imap_command imap_select = {
	.state_size = sizeof(struct select),
	.parse = select_parse,
	.run = select_run,
	.reply = select_reply,
	.done = select_done,
};
