/* FETCH responses from the view (fetch_view.h). */
#include "fetch_view.h"

#include "command.h"
#include "mail/date.h"

#define LINE_MAX_WITHOUT_FLAGS 256 /* five numbers of 20 digits, a date, and the words between */

static uint8_t *put(uint8_t *at, struct slice text)
{
	memcpy(at, text.data, text.len);
	return at + text.len;
}

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
	uint8_t digits[20];
	size_t n = sizeof(digits);

	do
		digits[--n] = (uint8_t)('0' + number % 10);
	while (number /= 10);
	return put(at, slice_of(digits + n, sizeof(digits) - n));
}

static uint8_t *put_date(uint8_t *at, int64_t utc_ms)
{
	const struct date date = date_utc(utc_ms);
	char text[DATE_TEXT_MAX];

	*at++ = '"';
	at = put(at, slice_of(text, date_print_imap(&date, text)));
	*at++ = '"';
	return at;
}

/* Mailboxes that were kept before there were save dates have none: NIL (RFC 8514 4.3). */
static uint8_t *put_save_date(uint8_t *at, int64_t utc_ms)
{
	return utc_ms ? put_date(at, utc_ms) : put(at, SLICE("NIL"));
}

/* "(\Seen $Forwarded)": most messages of a mailbox have the flags of the one before. */
static struct slice flags_text(struct fetch_view *view, const struct rows *rows, uint32_t flags)
{
	const struct view *shared = rows->selected->view;
	const uint64_t keywords = shared->state->keywords[rows->at];
	const bool recent = uid_set_has(&rows->selected->recent, rows->uid);

	if (view->valid && view->flags == flags && view->keywords == keywords && view->recent == recent &&
	    view->names == shared->keywords.n)
		return buf_slice(&view->text);
	view->text.limit = BUF_NO_LIMIT;
	buf_clear(&view->text);
	imap_add_flags(&view->text, &shared->keywords, flags, keywords, recent);
	view->valid = true;
	view->flags = flags;
	view->keywords = keywords;
	view->recent = recent;
	view->names = shared->keywords.n;
	return buf_slice(&view->text);
}

void fetch_view_add(struct fetch_view *view, struct buf *out, const struct rows *rows, unsigned items,
                    uint32_t flags, uint64_t modseq)
{
	const struct mailbox_state *state = rows->selected->view->state;
	struct slice text = items & FETCH_FLAGS ? flags_text(view, rows, flags) : SLICE("");
	uint8_t *start = buf_room(out, LINE_MAX_WITHOUT_FLAGS + text.len), *at = start;

	if (!start)
		return;
	at = put(at, SLICE("* "));
	at = put_number(at, view->by_uid ? rows->uid : rows->seq);
	at = put(at, view->by_uid ? SLICE(" UIDFETCH (") : SLICE(" FETCH ("));
	if (items & FETCH_UID)
		at = put_number(put(at, SLICE("UID ")), rows->uid);
	if (items & FETCH_FLAGS)
		at = put(put(at, items & FETCH_UID ? SLICE(" FLAGS ") : SLICE("FLAGS ")), text);
	if (items & FETCH_INTERNALDATE)
		at = put_date(put(at, items & (FETCH_UID | FETCH_FLAGS) ? SLICE(" INTERNALDATE ")
		                                                        : SLICE("INTERNALDATE ")),
		              state->internal_date[rows->at]);
	if (items & FETCH_SIZE)
		at = put_number(
		    put(at, items & (FETCH_SIZE - 1) ? SLICE(" RFC822.SIZE ") : SLICE("RFC822.SIZE ")),
		    state->size[rows->at]);
	if (items & FETCH_MODSEQ) {
		at = put(at, items & (FETCH_MODSEQ - 1) ? SLICE(" MODSEQ (") : SLICE("MODSEQ ("));
		at = put_number(at, modseq);
		*at++ = ')';
	}
	if (items & FETCH_SAVEDATE)
		at = put_save_date(
		    put(at, items & (FETCH_SAVEDATE - 1) ? SLICE(" SAVEDATE ") : SLICE("SAVEDATE ")),
		    state->save_date[rows->at]);
	if (items & FETCH_THREADID)
		at = put(at, items & (FETCH_THREADID - 1) ? SLICE(" THREADID NIL") : SLICE("THREADID NIL"));
	out->len += (size_t)(at - start);
}

void fetch_view_done(struct fetch_view *view)
{
	buf_done(&view->text);
}
