/*
 * FETCH and UID FETCH (RFC 3501 6.4.5, 6.4.8; RFC 7162 3.1.4 for MODSEQ and CHANGEDSINCE, 3.2.6 for VANISHED;
 * RFC 9394 3.3 for PARTIAL).
 *
 * What the view knows is told from it alone, on the loop, a piece at a time.
 * What needs the message goes in batches to a worker: the loop takes from the view what it knows of each message and writes that
 * part of the response, the worker reads, opens and adds the rest (fetch_render.h).
 *
 * What was expunged and not yet told is passed over, and OK says so (RFC 2180 4.1.2).
 *
 * Reading without PEEK sets \Seen: one conditional commit a batch, before its text is made, so that the
 * response can tell the new flags.
 */
#include "account_ctx.h"
#include "change.h"
#include "commands.h"
#include "fetch_render.h"
#include "fetch_view.h"
#include "guest_sees.h"
#include "imapd.h"
#include "limit.h"
#include "news_fetch.h"
#include "notify.h"
#include "vanished.h"

#define CHUNK       (64 * 1024)   /* of text from the view, between two looks at other sessions */
#define BATCH       500           /* messages, as many as one look at the contents takes */
#define BATCH_BYTES (1024 * 1024) /* of messages whose bodies are read, but one at least */

struct fetch {
	struct fetch_request request;
	struct uid_set uids;
	struct rows rows;
	struct fetch_view view;
	struct buf out;
	struct uid_set vanished; /* told first, from vanished_at on */
	uint32_t vanished_at;
	/* The batch. */
	uint32_t from; /* UID it begins at */
	struct arena *arena;
	struct batch batch;
	struct fetch_line *lines;
	struct fetch_render render;
	struct change seen;
	struct guest_sees sees;  /* instead, of a guest */
	struct news_fetch *news; /* they were not asked for; NULL: they were */
	bool begun, seen_set, loaded, pausing;
};

/* ---- the end ---- */

static bool some_expunged(const struct imap_cmd *cmd, const struct fetch *fetch)
{
	struct uid_set gone;
	bool some;

	if (cmd->uid_form)
		return false;
	uid_set_init(&gone);
	uid_set_copy(&gone, &cmd->session->selected.ghosts);
	uid_set_intersect(&gone, &fetch->uids);
	some = fetch->render.gone || !uid_set_is_empty(&gone);
	uid_set_done(&gone);
	return some;
}

static enum imap_next finish(struct imap_cmd *cmd)
{
	struct fetch *fetch = cmd->state;

	if (fetch->render.broken)
		return imap_no(cmd, FAULT_CORRUPT, &fetch->render.why);
	if (fetch->render.undecodable)
		return imap_no_code(cmd, "[UNKNOWN-CTE]", "The encoding of some parts is unknown");
	if (some_expunged(cmd, fetch))
		return imap_ok_code(cmd, "[EXPUNGEISSUED]", "Some of the messages are gone");
	return imap_ok(cmd, "Fetched");
}

/* ---- from the view alone ---- */

static bool is_wanted(const struct fetch *fetch)
{
	const struct rows *rows = &fetch->rows;

	return rows->seq && (!fetch->request.only_changed ||
	                     rows->selected->view->state->modseq[rows->at] > fetch->request.changed_since);
}

static void send_text(struct imap_cmd *cmd, struct buf *text)
{
	if (text->len)
		conn_write(cmd->session->conn, text->data, text->len);
	buf_clear(text);
}

static enum imap_next next_chunk(struct imap_cmd *cmd)
{
	struct fetch *fetch = cmd->state;
	struct selected *selected = &cmd->session->selected;
	const struct mailbox_state *state = selected->view->state;
	bool more;

	rows_resume(&fetch->rows);
	while ((more = rows_next(&fetch->rows))) {
		const struct rows *rows = &fetch->rows;

		if (!is_wanted(fetch))
			continue;
		fetch_view_add(&fetch->view, &fetch->out, rows, fetch->request.view,
		               selected_flags(selected, rows->at), state->modseq[rows->at]);
		buf_adds(&fetch->out, ")\r\n");
		if (fetch->request.view & FETCH_FLAGS)
			selected_told(selected, rows->uid);
		if (fetch->out.len >= CHUNK)
			break;
	}
	send_text(cmd, &fetch->out);
	return more ? IMAP_AGAIN : finish(cmd);
}

/* ---- batches ---- */

static void take_row(struct imap_cmd *cmd, struct fetch *fetch)
{
	const struct rows *rows = &fetch->rows;
	const struct mailbox_state *state = rows->selected->view->state;
	struct batch *batch = &fetch->batch;
	struct fetch_line *line = &fetch->lines[batch->n];
	unsigned items = fetch->request.view;
	uint32_t flags = selected_flags(rows->selected, rows->at);
	uint64_t modseq = state->modseq[rows->at];

	if (fetch->request.sets_seen && rows->selected->guest) {
		if (!(flags & FLAG_SEEN))
			uid_set_add(&fetch->sees.uids, rows->uid);
	} else if (fetch->request.sets_seen &&
	           change_flags(&fetch->seen, rows->at, FLAGS_ADD, FLAG_SEEN, 0)) {
		items |= FETCH_FLAGS;
		if (cmd->session->enabled & ENABLED_CONDSTORE) /* RFC 7162 3.2.4 */
			items |= FETCH_MODSEQ | (fetch->view.by_uid ? 0 : FETCH_UID);
		flags |= FLAG_SEEN;
		modseq = fetch->seen.commit.if_modseq + 1; /* what the commit, if it comes to be, will be */
	}
	line->start = (uint32_t)fetch->render.text.len;
	fetch_view_add(&fetch->view, &fetch->render.text, rows, items, flags, modseq);
	line->len = (uint32_t)fetch->render.text.len - line->start;
	line->tells_flags = items & FETCH_FLAGS;
	batch_take(&batch->items[batch->n++], state, rows->at);
}

/* Room for as many messages as there can be; how many. */
static size_t new_batch(struct imap_cmd *cmd, struct fetch *fetch)
{
	const uint64_t there =
	    MIN_OF(uid_set_count(&fetch->uids), (uint64_t)cmd->session->selected.view->state->n);
	const size_t room = (size_t)MIN_OF(there, (uint64_t)BATCH);

	arena_reset(fetch->arena);
	fetch->batch = (struct batch){ .mailbox = cmd->selected };
	fetch->batch.items = arena_array(fetch->arena, struct batch_item, room);
	fetch->lines = arena_array(fetch->arena, struct fetch_line, room);
	fetch_render_start(&fetch->render, &fetch->request, &fetch->batch, fetch->lines);
	change_begin(&fetch->seen, cmd);
	guest_sees_begin(&fetch->sees, &cmd->session->selected);
	fetch->seen_set = fetch->loaded = false;
	return room;
}

/* Setting \Seen takes a turn; without one, what was taken is taken again behind it. */
static enum imap_next take_batch(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct fetch *fetch = cmd->state;
	const struct mailbox_state *state = cmd->session->selected.view->state;
	struct batch *batch = &fetch->batch;
	uint64_t bytes = 0;
	size_t room;

	if (fault)
		return change_fail(&fetch->seen, fault, why);
	room = new_batch(cmd, fetch);
	fetch->rows.next = fetch->from;
	rows_resume(&fetch->rows);
	while (batch->n < room && bytes < BATCH_BYTES && rows_next(&fetch->rows)) {
		if (!is_wanted(fetch))
			continue;
		take_row(cmd, fetch);
		if (fetch->request.needs & NEEDS_BODY)
			bytes += state->size[fetch->rows.at];
	}
	if (change_is_empty(&fetch->seen))
		change_leave(&fetch->seen);
	else if (!fetch->seen.has_turn)
		return change_turn(&fetch->seen, cmd, take_batch);
	return batch->n ? IMAP_RUN : finish(cmd);
}

static enum imap_next next_batch(struct imap_cmd *cmd)
{
	struct fetch *fetch = cmd->state;

	fetch->from = fetch->rows.next;
	/* no turn is kept while the client reads */
	fetch->pausing = fetch->request.sets_seen && conn_congested(cmd->session->conn);
	return fetch->pausing ? IMAP_AGAIN : take_batch(cmd, FAULT_NONE, NULL);
}

static enum fault load(const struct imap_cmd *cmd, struct fetch *fetch, struct stack *stack, struct why *why)
{
	enum fault fault = batch_load_keys(&fetch->batch, stack, &cmd->acting, fetch->arena, why);

	if (fault || !fetch->request.needs)
		return fault;
	return batch_load_records(&fetch->batch, stack, &cmd->acting, fetch->request.needs & NEEDS_BODY,
	                          fetch->arena, why);
}

static enum fault fetch_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct fetch *fetch = cmd->state;
	enum fault fault = FAULT_NONE;

	if (!change_is_empty(&fetch->seen) && !fetch->seen_set) {
		fault = change_commit(&fetch->seen, stack, why);
		fetch->seen_set = !fault;
	}
	if (!fault)
		fault = guest_sees_run(&fetch->sees, cmd, stack, why);
	if (!fault && !fetch->loaded) {
		fault = load(cmd, fetch, stack, why);
		fetch->loaded = !fault;
	}
	return fault ? fault : fetch_render_run(&fetch->render, stack, &cmd->acting, cmd->holder->key, why);
}

/* ---- what a run has brought ---- */

static void take_news(struct imap_cmd *cmd, struct fetch *fetch)
{
	guest_sees_take(&fetch->sees, cmd, false);
	if (fetch->seen_set && !change_is_empty(&fetch->seen)) {
		change_committed(&fetch->seen, false);
		change_begin(&fetch->seen, cmd); /* empty: the batch goes on without it */
	}
	batch_give_keys(&fetch->batch, cmd->session->selected.view->state);
	fetch->batch.n_pages = 0;
}

/* Beside another command only whole responses can be sent: what has come of one waits for its end. */
static void send_whole(struct imap_cmd *cmd, struct fetch *fetch)
{
	buf_add(&fetch->out, fetch->render.out.data, fetch->render.out.len);
	buf_clear(&fetch->render.out);
	if (!fetch->render.begun)
		send_text(cmd, &fetch->out);
}

static void send_run(struct imap_cmd *cmd, struct fetch *fetch)
{
	struct selected *selected = &cmd->session->selected;

	if (cmd->aside) {
		send_whole(cmd, fetch);
	} else {
		send_text(cmd, &fetch->render.out);
		cmd->within_response = fetch->render.begun;
	}
	for (size_t i = 0; i < fetch->render.at; i++) {
		if (fetch->lines[i].told && fetch->lines[i].tells_flags)
			selected_told(selected, fetch->batch.items[i].uid);
		fetch->lines[i].told = false;
	}
}

static enum imap_next begin(struct imap_cmd *cmd)
{
	struct fetch *fetch = cmd->state;

	while (fetch->vanished_at < fetch->vanished.n) {
		if (conn_congested(cmd->session->conn))
			return IMAP_AGAIN;
		vanished_tell(cmd->session, true, &fetch->vanished, &fetch->vanished_at);
	}
	fetch->begun = true;
	return fetch->request.n ? next_batch(cmd) : next_chunk(cmd);
}

static enum imap_next fetch_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct fetch *fetch = cmd->state;

	if (!fetch->begun)
		return begin(cmd);
	if (!fetch->request.n)
		return next_chunk(cmd);
	if (fetch->pausing)
		return next_batch(cmd);
	if (fault == FAULT_STALE && !fetch->seen_set)
		return change_look(&fetch->seen, take_batch);
	take_news(cmd, fetch);
	send_run(cmd, fetch);
	if (fetch->render.cut) { /* a literal was promised that cannot be kept */
		log_fault(&cmd->log, fault, why, "a message could not be sent to its end");
		session_close(cmd->session, NULL, NULL);
		return IMAP_DONE;
	}
	if (fault)
		return change_fail(&fetch->seen, fault, why);
	return fetch->render.at < fetch->batch.n ? IMAP_RUN : next_batch(cmd);
}

/* ---- the beginning ---- */

static void settle(struct imap_cmd *cmd, struct fetch *fetch)
{
	struct session *s = cmd->session;
	struct fetch_request *request = &fetch->request;

	fetch->view.by_uid = s->enabled & ENABLED_UIDONLY;
	if (request->view & FETCH_MODSEQ)
		session_enable_condstore(s);
	if (!fetch->view.by_uid && (cmd->uid_form || (s->enabled & ENABLED_QRESYNC)))
		request->view |= FETCH_UID;
	if ((s->enabled & ENABLED_CONDSTORE) && (request->view & FETCH_FLAGS))
		request->view |= FETCH_MODSEQ;
	if (s->enabled & ENABLED_UTF8_TEXT)
		request->style |= FETCH_UTF8;
	if (s->enabled & ENABLED_REV2)
		request->style |= FETCH_REV2;
	request->sets_seen &= !s->selected.read_only && selected_may(&s->selected, ACL_SEEN);
}

/* The set is read once more, as it stands: "*" reaches beyond the last message that is left. */
static bool parse_vanished(struct imap_cmd *cmd, struct fetch *fetch)
{
	struct uid_set *asked = arena_make(cmd->arena, struct uid_set);
	struct imap_args args;
	bool saved;

	if (!cmd->uid_form || !(cmd->session->enabled & ENABLED_QRESYNC))
		return false;
	imap_args_start(&args, cmd->segments, cmd->arena);
	if (!imap_args_space(&args))
		return false;
	saved = imap_args_peek(&args, '$');
	if (!saved && !imap_args_set(&args, asked))
		return false;
	uid_set_init(&fetch->vanished);
	vanished_since(&cmd->session->selected, fetch->request.changed_since, saved ? &fetch->uids : asked,
	               &fetch->vanished);
	return true;
}

/* Of the messages named a page, as of now (RFC 9394 3.3); CHANGEDSINCE leaves out some of that (3.4). */
static void take_page(struct imap_cmd *cmd, struct fetch *fetch)
{
	struct uid_set page;
	size_t n = 0, at = 0, from, to;

	rows_start(&fetch->rows, &cmd->session->selected, &fetch->uids);
	while (rows_next(&fetch->rows))
		n += fetch->rows.seq != 0;
	partial_of(&fetch->request.page, n, &from, &to);
	uid_set_init(&page);
	rows_start(&fetch->rows, &cmd->session->selected, &fetch->uids);
	while (at < to && rows_next(&fetch->rows)) {
		if (fetch->rows.seq && at++ >= from)
			uid_set_add(&page, fetch->rows.uid);
	}
	uid_set_copy(&fetch->uids, &page);
	uid_set_done(&page);
}

static enum imap_next start(struct imap_cmd *cmd, struct fetch *fetch)
{
	settle(cmd, fetch);
	buf_init(&fetch->out, BUF_NO_LIMIT); /* CHUNK and a line; beside another command a response */
	rows_start(&fetch->rows, &cmd->session->selected, &fetch->uids);
	if (fetch->request.n)
		fetch->arena = arena_new();
	return begin(cmd);
}

static enum imap_next fetch_parse_args(struct imap_cmd *cmd, struct imap_args *args)
{
	struct fetch *fetch = cmd->state;

	if (!imap_args_space(args) || !imap_args_messages(args, cmd, &fetch->uids) ||
	    !imap_args_space(args) || !fetch_parse(args, &fetch->request))
		return imap_bad(cmd, args->error);
	if (fetch->request.vanished && !parse_vanished(cmd, fetch))
		return imap_bad(cmd, "VANISHED is for UID FETCH, behind ENABLE QRESYNC");
	if (fetch->request.paged)
		take_page(cmd, fetch);
	limit_messages(cmd, &fetch->uids);
	if (fetch->request.paged && cmd->oldest) { /* a page is given whole or not at all (RFC 9738 3.1) */
		cmd->oldest = 0;
		return limit_refuse(cmd, (uint64_t)imapd_conf.message_limit);
	}
	return start(cmd, fetch);
}

static void fetch_done(struct imap_cmd *cmd)
{
	struct fetch *fetch = cmd->state;

	uid_set_done(&fetch->vanished);
	fetch_view_done(&fetch->view);
	buf_done(&fetch->out);
	fetch_render_done(&fetch->render);
	change_done(&fetch->seen);
	guest_sees_done(&fetch->sees);
	arena_free(fetch->arena);
}

const struct imap_command imap_fetch = {
	.state_size = sizeof(struct fetch),
	.parse = fetch_parse_args,
	.run = fetch_run,
	.reply = fetch_reply,
	.done = fetch_done,
};

/* ---- new messages, unasked ---- */

static enum imap_next news_begin(struct imap_cmd *cmd, struct fetch *fetch)
{
	fetch->news = notify_take_fetch(cmd->session);
	if (!fetch->news)
		return IMAP_DONE;
	fetch->request = fetch->news->request;
	uid_set_copy(&fetch->uids, &fetch->news->todo);
	uid_set_done(&fetch->news->todo);
	uid_set_init(&fetch->news->todo);
	return start(cmd, fetch);
}

static enum imap_next news_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct fetch *fetch = cmd->state;

	return fetch->news ? fetch_reply(cmd, fault, why) : news_begin(cmd, fetch);
}

static void news_done(struct imap_cmd *cmd)
{
	struct fetch *fetch = cmd->state;

	uid_set_done(&fetch->uids);
	news_fetch_unref(fetch->news);
	fetch_done(cmd);
}

static const struct imap_command news_command = {
	.state_size = sizeof(struct fetch),
	.run = fetch_run,
	.reply = news_reply,
	.done = news_done,
};

static const struct imap_verb news_verb = { "(new messages)", &news_command, IN_SELECTED, UID_FORM };

void news_fetch_begin(struct session *s)
{
	imap_aside(s, &news_verb);
}
