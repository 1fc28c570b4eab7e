/*
 * Writing: what callbacks collect leaves when they return. The socket is
 * tried at once; what it does not take waits in one libuv request at a time.
 */
#include "loop/conn_internal.h"

#include <stdlib.h>

#include "base/arena.h"

#define RUNS 16 /* chunks a system call */

static size_t fill(const struct conn *conn, uv_buf_t *bufs, size_t *ret_bytes)
{
	struct slice runs[RUNS];
	size_t n = chain_runs(&conn->wire, runs, RUNS, ret_bytes);

	for (size_t i = 0; i < n; i++)
		bufs[i] = uv_buf_init((char *)runs[i].data, (unsigned)runs[i].len);
	return n;
}

/*
 * Nothing will be taken any more. What the peer sent before it went may still
 * be there to read: if we are reading, the end shows itself behind it.
 */
static void broke(struct conn *conn)
{
	conn->broken = true;
	conn_output_drop(conn);
	if (conn->reading || conn->ended)
		return;
	conn->ended = true;
	conn_ask(conn, ASK_READABLE);
}

void conn_output_drop(struct conn *conn)
{
	chain_drop(&conn->plain, conn->plain.bytes);
	if (!conn->writing)
		chain_drop(&conn->wire, conn->wire.bytes);
}

static void on_written(uv_write_t *request, int status)
{
	struct conn *conn = request->data;

	free(request);
	conn->writing = NULL;
	chain_drop(&conn->wire, conn->in_flight);
	conn->in_flight = 0;
	if (conn->state == CONN_CLOSED)
		return;
	if (status < 0)
		broke(conn);
	conn_settle(conn);
}

static void write_rest(struct conn *conn)
{
	uv_buf_t bufs[RUNS];
	size_t n = fill(conn, bufs, &conn->in_flight);

	conn->writing = xmalloc(sizeof(*conn->writing));
	conn->writing->data = conn;
	if (uv_write(conn->writing, &conn->uv.stream, bufs, (unsigned)n, on_written)) {
		free(conn->writing);
		conn->writing = NULL;
		conn->in_flight = 0;
		broke(conn);
	}
}

static void write_wire(struct conn *conn)
{
	while (conn->wire.bytes && !conn->writing && !conn->broken) {
		uv_buf_t bufs[RUNS];
		size_t bytes, n = fill(conn, bufs, &bytes);
		int sent = uv_try_write(&conn->uv.stream, bufs, (unsigned)n);

		if (sent < 0 && sent != UV_EAGAIN) {
			broke(conn);
			return;
		}
		if (sent > 0)
			chain_drop(&conn->wire, (size_t)sent);
		if (sent < 0 || (size_t)sent < bytes)
			write_rest(conn);
	}
}

void conn_send(struct conn *conn)
{
	if (conn->state == CONN_CONNECTING || conn->state == CONN_CLOSED)
		return;
	if (conn->deflate)
		conn_deflate_flush(conn);
	if (conn->tls)
		conn_tls_encrypt(conn);
	write_wire(conn);
	if (conn->was_congested && conn_unsent(conn) < conn->conf.output_high / 4) {
		conn->was_congested = false;
		conn_ask(conn, ASK_DRAINED);
	}
	if (!conn->wire.bytes)
		conn_sent(conn);
}

void conn_write(struct conn *conn, const void *data, size_t len)
{
	if (!conn_live(conn) || conn->broken)
		return;
	if (conn->tap)
		conn->tap(conn->tap_arg, true, slice_of(data, len));
	if (conn->deflate)
		conn_deflate_add(conn, slice_of(data, len));
	else
		chain_add(conn->tls ? &conn->plain : &conn->wire, data, len);
	if (conn_congested(conn))
		conn->was_congested = true;
	conn_touch(conn);
}

void conn_puts(struct conn *conn, const char *text)
{
	conn_write(conn, text, strlen(text));
}

void conn_printf(struct conn *conn, const char *format, ...)
{
	struct buf text;
	va_list args;

	buf_init(&text, BUF_NO_LIMIT);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	conn_write(conn, text.data, text.len);
	buf_done(&text);
}

void conn_flush(struct conn *conn)
{
	if (conn_live(conn))
		conn_send(conn);
}

size_t conn_unsent(const struct conn *conn)
{
	return conn->plain.bytes + conn->wire.bytes;
}

bool conn_congested(const struct conn *conn)
{
	return conn_unsent(conn) > conn->conf.output_high;
}
