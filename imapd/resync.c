/* SELECT with QRESYNC (resync.h). */
#include "resync.h"

#include "vanished.h"

#define CHUNK (64 * 1024) /* of text, between two looks at other sessions */

/* ---- reading ---- */

static bool known_sequences(struct imap_args *args, struct resync *resync)
{
	struct uid_set *seqs = arena_make(args->arena, struct uid_set),
	               *uids = arena_make(args->arena, struct uid_set);

	resync->known_seqs = seqs;
	resync->known_seqs_uids = uids;
	if (!imap_args_open(args) || !imap_args_set(args, seqs) || !imap_args_space(args) ||
	    !imap_args_set(args, uids) || !imap_args_close(args))
		return false;
	if (uid_set_count(seqs) == uid_set_count(uids))
		return true;
	args->error = "As many message numbers as UIDs are needed";
	return false;
}

static bool known_uids(struct imap_args *args, struct resync *resync)
{
	resync->known = arena_make(args->arena, struct uid_set);
	return imap_args_set(args, resync->known);
}

bool resync_parse(struct imap_args *args, struct resync *resync)
{
	resync->asked = true;
	if (!imap_args_open(args) || !imap_args_nz_number(args, UINT32_MAX, &resync->uid_validity) ||
	    !imap_args_space(args) || !imap_args_nz_number(args, INT64_MAX, &resync->since))
		return false;
	if (imap_args_close(args))
		return true;
	if (!imap_args_space(args))
		return false;
	if (!imap_args_peek(args, '(')) {
		if (!known_uids(args, resync))
			return false;
		if (imap_args_close(args))
			return true;
		if (!imap_args_space(args))
			return false;
	}
	resync->by_number = true;
	return known_sequences(args, resync) && imap_args_close(args);
}

/* ---- telling ---- */

/* The last UID up to which the client knows of all that has vanished; 0: none. */
static uint32_t known_up_to(const struct selected *selected, const struct resync *resync)
{
	const struct mailbox_state *state = selected->view->state;
	struct uid_iter seqs, uids;
	uint32_t seq, uid, found = 0;

	if (!resync->by_number)
		return 0;
	seqs = uid_iter_of(resync->known_seqs);
	uids = uid_iter_of(resync->known_seqs_uids);
	while (uid_next(&seqs, &seq) && seq <= state->n && uid_next(&uids, &uid))
		if (state->uid[seq - 1] == uid)
			found = uid;
	return found;
}

static void start(struct session *s, struct resync *resync)
{
	const uint32_t up_to = known_up_to(&s->selected, resync);

	resync->started = true;
	resync->view.by_uid = s->enabled & ENABLED_UIDONLY;
	uid_set_init(&resync->vanished);
	buf_init(&resync->out, BUF_NO_LIMIT); /* CHUNK and a line */
	vanished_since(&s->selected, resync->since, resync->known, &resync->vanished);
	if (up_to)
		uid_set_del_range(&resync->vanished, 1, up_to);
	rows_start(&resync->rows, &s->selected, resync->known);
}

/* False: there are more. */
static bool tell_changed(struct session *s, struct resync *resync)
{
	struct rows *rows = &resync->rows;
	const struct mailbox_state *state = s->selected.view->state;
	const unsigned uid = resync->view.by_uid ? 0 : FETCH_UID;
	bool more = true;

	rows_resume(rows);
	while (resync->out.len < CHUNK && (more = rows_next(rows))) {
		if (!rows->seq || state->modseq[rows->at] <= resync->since)
			continue;
		fetch_view_add(&resync->view, &resync->out, rows, uid | FETCH_FLAGS | FETCH_MODSEQ,
		               selected_flags(rows->selected, rows->at), state->modseq[rows->at]);
		buf_adds(&resync->out, ")\r\n");
		selected_told(&s->selected, rows->uid);
	}
	if (resync->out.len)
		conn_write(s->conn, resync->out.data, resync->out.len);
	buf_clear(&resync->out);
	return !more;
}

bool resync_tell(struct session *s, struct resync *resync)
{
	const struct selected *selected = &s->selected;

	if (!resync->asked || resync->uid_validity != selected->view->state->head.uid_validity)
		return true; /* what the client knows is of another mailbox */
	if (!resync->started)
		start(s, resync);
	while (resync->vanished_at < resync->vanished.n) {
		if (conn_congested(s->conn))
			return false;
		vanished_tell(s, true, &resync->vanished, &resync->vanished_at);
	}
	return !conn_congested(s->conn) && tell_changed(s, resync);
}

void resync_done(struct resync *resync)
{
	uid_set_done(&resync->vanished);
	fetch_view_done(&resync->view);
	buf_done(&resync->out);
}
