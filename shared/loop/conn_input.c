/*
 * Reading: from the socket into the input buffer, and lines and bytes out of
 * it. The buffer never holds more than input_max: past that the socket waits.
 */
#include "loop/conn_internal.h"

#include <stdlib.h>

/* Room behind the unread bytes, which may move. `len` is bounded by what input_max leaves. */
uint8_t *conn_input_room(struct conn *conn, size_t len)
{
	if (conn->in_at) {
		buf_consume(&conn->in, conn->in_at);
		conn->in_at = 0;
	}
	return buf_room(&conn->in, len);
}

void conn_input_drop(struct conn *conn)
{
	conn->in_at = conn->in.len;
	conn->scanned = 0;
	conn->skipping = false;
	if (conn->deflate)
		conn_deflate_drop(conn);
	conn_input_trim(conn);
}

void conn_input_trim(struct conn *conn)
{
	if (conn->in_at < conn->in.len)
		return;
	buf_done(&conn->in);
	conn->in_at = 0;
}

void conn_input_end(struct conn *conn)
{
	if (conn->ended)
		return;
	conn->ended = true;
	conn_regulate(conn);
	if (conn->state == CONN_LINGERING)
		conn_finish(conn);
	else if (conn_tls_starting(conn))
		conn_tls_cut(conn);
	else
		conn_tell(conn, EVENT_READABLE);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct conn *conn = handle->data;
	size_t size = READ_SIZE;

	(void)suggested;
	if (conn_live(conn) && !conn->tls && !conn->deflate)
		size = MIN_OF(size, conn->conf.input_max - conn_unread(conn).len);
	*ret = uv_buf_init(conn->loop->read, (unsigned)size);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct conn *conn = stream->data;

	if (len == 0)
		return;
	if (len < 0) {
		conn_input_end(conn);
		return;
	}
	if (!conn_live(conn))
		return; /* lingering: nobody is here to read it */
	if (conn->tls) {
		conn_tls_feed(conn, slice_of(buf->base, (size_t)len));
		return;
	}
	if (conn->deflate) {
		conn_deflate_feed(conn, slice_of(buf->base, (size_t)len));
	} else {
		memcpy(conn_input_room(conn, (size_t)len), buf->base, (size_t)len);
		conn->in.len += (size_t)len;
	}
	conn_tell(conn, EVENT_READABLE);
}

static bool wants_input(const struct conn *conn)
{
	if (conn->ended)
		return false;
	switch (conn->state) {
	case CONN_OPEN:
		if (conn_tls_starting(conn))
			return true; /* a handshake is ours, not the owner's to pause */
		return conn->handler && !conn->paused && conn_unread(conn).len < conn->conf.input_max &&
		       !conn_holds(conn);
	case CONN_SENDING: /* taken and thrown away, or two sides that only write would block each other */
	case CONN_LINGERING:
		return true;
	default:
		return false;
	}
}

void conn_regulate(struct conn *conn)
{
	bool wants = wants_input(conn);

	if (conn->state == CONN_OPEN && conn_holds(conn) && !conn->paused &&
	    conn_unread(conn).len < conn->conf.input_max)
		conn_ask(conn, ASK_PULL);
	if (wants == conn->reading)
		return;
	conn->reading = wants;
	if (wants)
		uv_read_start(&conn->uv.stream, on_alloc, on_read);
	else
		uv_read_stop(&conn->uv.stream);
}

static void take(struct conn *conn, size_t len)
{
	if (conn->tap)
		conn->tap(conn->tap_arg, false, slice_first(conn_unread(conn), len));
	conn->in_at += len;
	conn->scanned -= MIN_OF(conn->scanned, len);
}

/* Where the first line ends, and how long its end is. Bytes that were looked at are not looked at again. */
static bool find_end(struct conn *conn, size_t *ret_len, size_t *ret_eol)
{
	struct slice unread = conn_unread(conn);

	while (conn->scanned < unread.len) {
		const uint8_t *lf = memchr(unread.data + conn->scanned, '\n', unread.len - conn->scanned);
		size_t at = lf ? (size_t)(lf - unread.data) : unread.len;

		conn->scanned = lf ? at + 1 : at;
		if (lf && at > 0 && lf[-1] == '\r') {
			*ret_len = at - 1;
			*ret_eol = 2;
			return true;
		}
		if (lf && conn->bare_lf) {
			*ret_len = at;
			*ret_eol = 1;
			return true;
		}
	}
	return false;
}

/* All but a CR that may be the first half of the line's end. */
static void skip_unread(struct conn *conn)
{
	struct slice unread = conn_unread(conn);

	if (unread.len)
		take(conn, unread.len - (unread.data[unread.len - 1] == '\r'));
}

static enum conn_got partial_line(struct conn *conn, size_t max)
{
	struct slice unread = conn_unread(conn);

	if (!conn->skipping) {
		if (unread.len <= max || (unread.len == max + 1 && unread.data[max] == '\r'))
			return CONN_NONE;
		conn->skipping = true;
		skip_unread(conn);
		return CONN_LONG;
	}
	skip_unread(conn);
	return CONN_NONE;
}

static enum conn_got next_line(struct conn *conn, size_t max, struct slice *ret)
{
	size_t len, eol;

	while (find_end(conn, &len, &eol)) {
		struct slice line = slice_first(conn_unread(conn), len);
		bool skipped = conn->skipping;

		take(conn, len + eol);
		conn->skipping = false;
		if (skipped)
			continue; /* the rest of a line that was said to be long */
		if (len > max)
			return CONN_LONG;
		*ret = line;
		return CONN_LINE;
	}
	return partial_line(conn, max);
}

enum conn_got conn_line(struct conn *conn, size_t max, struct slice *ret)
{
	enum conn_got got;

	if (!conn_live(conn))
		return CONN_NONE;
	conn_touch(conn);
	max = MIN_OF(max, conn->conf.input_max - 2);
	do {
		got = next_line(conn, max, ret);
	} while (got == CONN_NONE && conn_pull(conn));
	return got;
}

void conn_bare_lf(struct conn *conn, bool allowed)
{
	conn->bare_lf = allowed;
	conn->scanned = 0;
}

struct slice conn_peek(struct conn *conn, size_t max)
{
	if (!conn_live(conn))
		return slice_of(NULL, 0);
	conn_touch(conn);
	if (!conn_unread(conn).len && !conn_pull(conn))
		return slice_of(NULL, 0);
	return slice_first(conn_unread(conn), max);
}

void conn_take(struct conn *conn, size_t len)
{
	take(conn, MIN_OF(len, conn_unread(conn).len));
	conn_touch(conn);
}

size_t conn_buffered(const struct conn *conn)
{
	return conn_unread(conn).len;
}

bool conn_ended(const struct conn *conn)
{
	return conn->ended;
}

void conn_pause(struct conn *conn, bool paused)
{
	conn->paused = paused;
	conn_touch(conn);
}
