/*
 * News for a session: what happened in its mailbox since it was last told
 * (RFC 9051 7.5): EXPUNGE or VANISHED, EXISTS, RECENT, FLAGS and FETCH; and what NOTIFY and searches that go on
 * add to that (notify.h, context.h). Each step stops when the client reads slower than we write; what was not told stays noted.
 */
#include <inttypes.h>

#include "commands.h"
#include "context.h"
#include "guest_check.h"
#include "notify.h"
#include "notify_own.h"
#include "url_mechanisms.h"
#include "vanished.h"

/* In ascending order, so that each number counts the messages below that are left: those of the state. */
static bool tell_numbers(struct session *s, struct selected *selected)
{
	struct uid_iter it = uid_iter_of(&selected->ghosts);
	uint32_t uid, told = 0;

	while (!conn_congested(s->conn) && uid_next(&it, &uid)) {
		conn_printf(s->conn, "* %u EXPUNGE\r\n", mailbox_state_from(selected->view->state, uid) + 1);
		uid_set_del_range(&selected->recent, uid, uid);
		uid_set_del_range(&selected->saved, uid, uid);
		selected->known_n--;
		told = uid;
	}
	if (told)
		uid_set_del_range(&selected->ghosts, 1, told);
	return uid_set_is_empty(&selected->ghosts);
}

/* The same by UIDs (RFC 7162 3.2.10.2, RFC 9586 3.4). */
static bool tell_vanished(struct session *s, struct selected *selected)
{
	struct uid_set *ghosts = &selected->ghosts;

	while (!conn_congested(s->conn) && ghosts->n) {
		uint32_t n = 0, last;

		vanished_tell(s, false, ghosts, &n);
		last = ghosts->ranges[n - 1].last;
		for (uint32_t i = 0; i < n; i++)
			selected->known_n -= ghosts->ranges[i].last - ghosts->ranges[i].first + 1;
		uid_set_subtract(&selected->recent, ghosts);
		uid_set_subtract(&selected->saved, ghosts);
		uid_set_del_range(ghosts, 1, last);
	}
	return uid_set_is_empty(ghosts);
}

static bool tell_expunged(struct session *s, struct selected *selected)
{
	return s->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY) ? tell_vanished(s, selected)
	                                                        : tell_numbers(s, selected);
}

static void tell_exists(struct session *s, struct selected *selected)
{
	const struct mailbox_state *state = selected->view->state;
	uint32_t was = selected->known_max, recent;

	if (!state->n || state->uid[state->n - 1] <= was)
		return;
	selected->known_max = state->head.uid_next - 1;
	selected->known_n = state->n + (uint32_t)uid_set_count(&selected->ghosts);
	imap_untagged(s, "%u EXISTS", selected->known_n);
	notify_note_new(s, was + 1, selected->known_max);
	selected_take_recent(selected, was);
	recent = (uint32_t)uid_set_count(&selected->recent);
	if (recent != selected->known_recent)
		imap_untagged(s, "%u RECENT", recent);
	selected->known_recent = recent;
}

void session_tell_flag_names(struct session *s)
{
	struct selected *selected = &s->selected;
	const struct keywords *names = &selected->view->keywords;
	const uint64_t all = names->n >= 64 ? UINT64_MAX : (UINT64_C(1) << names->n) - 1;
	struct buf list;

	buf_init(&list, BUF_NO_LIMIT);
	imap_add_flags(&list, names, FLAG_ALL, all, false);
	imap_untagged(s, "FLAGS %.*s", SLICE_FMT(buf_slice(&list)));
	buf_clear(&list);
	imap_add_flags(&list, names, selected_settable(selected), selected_may_write(selected) ? all : 0,
	               false);
	if (selected_may_write(selected) && names->n < MAILBOX_KEYWORDS_MAX) {
		list.len--; /* the ")" */
		buf_adds(&list, " \\*)");
	}
	imap_untagged(s, "OK [PERMANENTFLAGS %.*s] What can be changed", SLICE_FMT(buf_slice(&list)));
	selected->known_keywords = names->n;
	buf_done(&list);
}

static void tell_flags(struct session *s, uint32_t at, uint32_t seq)
{
	const struct selected *selected = &s->selected;
	const struct mailbox_state *state = selected->view->state;
	struct buf line;

	buf_init(&line, BUF_NO_LIMIT);
	if (s->enabled & ENABLED_UIDONLY)
		buf_printf(&line, "* %u UIDFETCH (FLAGS ", state->uid[at]);
	else
		buf_printf(&line, "* %u FETCH (UID %u FLAGS ", seq, state->uid[at]);
	imap_add_flags(&line, &selected->view->keywords, selected_flags(selected, at), state->keywords[at],
	               uid_set_has(&selected->recent, state->uid[at]));
	if (s->enabled & ENABLED_CONDSTORE)
		buf_printf(&line, " MODSEQ (%" PRIu64 ")", state->modseq[at]);
	buf_adds(&line, ")\r\n");
	conn_write(s->conn, line.data, line.len);
	buf_done(&line);
}

static bool tell_changed(struct session *s, struct selected *selected)
{
	struct uid_iter it = uid_iter_of(&selected->changed);
	uint32_t uid, told = 0;

	while (!conn_congested(s->conn) && uid_next(&it, &uid)) {
		int64_t at = mailbox_state_find(selected->view->state, uid);

		if (at >= 0)
			tell_flags(s, (uint32_t)at, selected_seq(selected, uid));
		told = uid;
	}
	if (told)
		uid_set_del_range(&selected->changed, 1, told);
	return uid_set_is_empty(&selected->changed);
}

void session_end_visit(struct session *s)
{
	session_close(s, "[UNAVAILABLE]", "The selected mailbox is not shared with you any more");
}

/* What a command has expunged itself it tells, whatever NOTIFY says. */
static bool wants_expunged(const struct session *s)
{
	const struct imap_cmd *cmd = s->cmd;

	return (notify_selected(s) & NOTIFY_EXPUNGE) ||
	       (cmd && ((cmd->verb->flags & VERB_MOVES) || cmd->verb->command == &imap_expunge));
}

static bool tell_selected(struct session *s, bool may_expunge)
{
	struct selected *selected = &s->selected;
	const unsigned events = notify_selected(s);

	contexts_tell_gone(s);
	if (may_expunge && !s->aside && wants_expunged(s) && !tell_expunged(s, selected))
		return false;
	if (events & NOTIFY_NEW)
		tell_exists(s, selected);
	if (selected->known_keywords < selected->view->keywords.n)
		session_tell_flag_names(s);
	if ((events & NOTIFY_FLAGS) && !tell_changed(s, selected))
		return false;
	contexts_tell_changed(s);
	notify_go_on(s);
	return true;
}

/* A guest is told what the store has just said it may be told; else once it has. */
static bool may_tell(struct session *s)
{
	if (!s->selected.guest || s->selected.checked)
		return true;
	if (selected_has_news(&s->selected))
		guest_check_session(s);
	return false;
}

static bool tell_visited(struct session *s, bool may_expunge)
{
	const bool told = tell_selected(s, may_expunge);

	if (told || !s->cmd || s->cmd->reads_lines)
		s->selected.checked = false;
	return told;
}

bool session_tell_news(struct session *s, bool may_expunge)
{
	if (session_is_closing(s) || !s->account)
		return true;
	if (s->selected.view && s->selected.view->gone) {
		session_close(s, "[UNAVAILABLE]", "The selected mailbox is no longer there");
		return true;
	}
	if (s->selected.view && s->selected.url_key_changed) {
		s->selected.url_key_changed = false;
		url_mechanisms_tell(s);
	}
	if (s->selected.view && may_tell(s) && !tell_visited(s, may_expunge))
		return false;
	return notify_tell_others(s);
}

/* ---- NOTIFY, of the selected mailbox ---- */

unsigned notify_selected(const struct session *s)
{
	return s->notify ? s->notify->request.selected : NOTIFY_MESSAGES;
}

bool notify_expunges_at_once(const struct session *s)
{
	return s->notify && !s->notify->request.delayed;
}

void notify_note_new(struct session *s, uint32_t first, uint32_t last)
{
	if (s->notify && s->notify->request.fetch)
		uid_set_add_range(&s->notify->request.fetch->todo, first, last);
}

void notify_leave_mailbox(struct session *s)
{
	const struct view *view = s->selected.view;

	if (!selected_has_news(&s->selected))
		notify_own_visit(s, &view->mailbox, &view->state->head);
	if (s->notify && s->notify->request.fetch)
		uid_set_del_range(&s->notify->request.fetch->todo, 1, UINT32_MAX);
}

static struct news_fetch *next_fetch(const struct session *s)
{
	struct news_fetch *news = s->notify ? s->notify->request.fetch : NULL;

	if (news && !uid_set_is_empty(&news->todo))
		return news;
	return contexts_next_fetch(s);
}

struct news_fetch *notify_take_fetch(struct session *s)
{
	return news_fetch_ref(next_fetch(s));
}

/* What is found comes first (RFC 5465 5.2). */
void notify_go_on(struct session *s)
{
	if (!contexts_go_on(s) && next_fetch(s))
		news_fetch_begin(s);
}

void session_enable_condstore(struct session *s)
{
	if (s->enabled & ENABLED_CONDSTORE)
		return;
	s->enabled |= ENABLED_CONDSTORE;
	if (s->selected.view)
		imap_untagged(s, "OK [HIGHESTMODSEQ %" PRIu64 "] CONDSTORE is on",
		              s->selected.view->state->head.modseq);
}
