/*
 * Compression on a connection, between the owner and TLS or the socket. What
 * was received and finds no room in the input buffer waits compressed, so that
 * input_max holds for what comes out: a small input that inflates to a large
 * one is read as slowly as the owner takes it.
 *
 * Memory: an inflater keeps the last 32 KiB of what it gave out, since the peer
 * may refer to it at any time; when nothing was said for a while, only that, as far as there was so
 * much. The deflater is larger and owes nobody anything behind a flush: it goes then.
 */
#include "loop/conn_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "loop/deflate.h"
#include "loop/timer.h"

#define REST_MS     5000
#define INFLATE_MAX (16 * 1024) /* at once */

struct conn_deflate {
	struct inflater *in;
	struct deflater *out; /* NULL: made when something is said */
	struct buf packed;    /* received, not yet inflated */
	bool unflushed;
	struct timer *rest;
};

static void on_rest(void *arg)
{
	struct conn_deflate *deflate = ((struct conn *)arg)->deflate;

	if (deflate->unflushed)
		return;
	deflater_free(deflate->out);
	deflate->out = NULL;
	inflater_rest(deflate->in);
}

void conn_start_deflate(struct conn *conn)
{
	struct conn_deflate *deflate;

	if (!conn_live(conn))
		return;
	assert(!conn->deflate);
	deflate = xzalloc(sizeof(*deflate));
	deflate->in = inflater_new();
	buf_init(&deflate->packed, READ_SIZE + conn->conf.input_max);
	deflate->rest = timer_new(conn->loop, on_rest, conn);
	/* what the peer sent behind its request is compressed already (RFC 4978 section 3) */
	buf_add_slice(&deflate->packed, conn_unread(conn));
	conn_input_drop(conn);
	conn->deflate = deflate;
	if (deflate->packed.len)
		conn_ask(conn, ASK_PULL);
}

/* More than there is room for nobody sends who waits for the reply, as he should. */
static void unpack(struct conn *conn, struct slice rest)
{
	if (rest.len > conn->conf.input_max - conn_unread(conn).len) {
		conn->ended = true;
	} else if (rest.len) {
		memcpy(conn_input_room(conn, rest.len), rest.data, rest.len);
		conn->in.len += rest.len;
	}
}

void conn_stop_deflate(struct conn *conn)
{
	struct conn_deflate *deflate = conn->deflate;

	if (!deflate || !conn_live(conn))
		return;
	conn_deflate_flush(conn);
	if (inflater_ended(deflate->in))
		conn->ended = false; /* that was the stream's end, not the connection's */
	unpack(conn, buf_slice(&deflate->packed));
	conn_deflate_free(conn);
	conn_ask(conn, ASK_READABLE);
}

bool conn_is_deflated(const struct conn *conn)
{
	return conn->deflate;
}

void conn_deflate_free(struct conn *conn)
{
	struct conn_deflate *deflate = conn->deflate;

	if (!deflate)
		return;
	inflater_free(deflate->in);
	deflater_free(deflate->out);
	buf_done(&deflate->packed);
	timer_free(deflate->rest);
	free(deflate);
	conn->deflate = NULL;
}

/* -- reading -- */

/* Inflates what there is room for out of `src`, and says whether that was anything. */
static bool inflate_from(struct conn *conn, struct slice *src)
{
	struct conn_deflate *deflate = conn->deflate;
	bool got = false;
	size_t room, len;

	while ((src->len || inflater_holds(deflate->in)) && !inflater_over(deflate->in) &&
	       (room = conn->conf.input_max - conn_unread(conn).len)) {
		room = MIN_OF(room, (size_t)INFLATE_MAX);
		len = inflater_run(deflate->in, src, conn_input_room(conn, room), room);
		conn->in.len += len;
		got |= len > 0;
	}
	if (!inflater_over(deflate->in))
		return got;
	if (!inflater_ended(deflate->in))
		*src = slice_of(NULL, 0);
	if (!conn->ended)
		conn_ask(conn, ASK_READABLE);
	conn->ended = true;
	return got;
}

static bool inflate_packed(struct conn *conn)
{
	struct buf *packed = &conn->deflate->packed;
	struct slice rest = buf_slice(packed);
	bool got = inflate_from(conn, &rest);

	buf_consume(packed, packed->len - rest.len);
	if (!packed->len)
		buf_done(packed);
	return got;
}

void conn_deflate_feed(struct conn *conn, struct slice raw)
{
	struct buf *packed = &conn->deflate->packed;

	if (packed->len) {
		buf_add_slice(packed, raw);
		inflate_packed(conn);
	} else {
		inflate_from(conn, &raw);
		buf_add_slice(packed, raw);
	}
}

struct buf *conn_deflate_packed(struct conn *conn)
{
	return &conn->deflate->packed;
}

void conn_deflate_drop(struct conn *conn)
{
	buf_done(&conn->deflate->packed);
}

bool conn_holds(const struct conn *conn)
{
	const struct conn_deflate *deflate = conn->deflate;

	return conn_tls_holds(conn) || (deflate && !inflater_over(deflate->in) &&
	                                (deflate->packed.len || inflater_holds(deflate->in)));
}

bool conn_pull(struct conn *conn)
{
	if (!conn->deflate)
		return conn_tls_pull(conn);
	while (!inflate_packed(conn)) {
		if (!conn_tls_pull(conn))
			return false;
	}
	return true;
}

/* -- writing -- */

static struct chain *next_layer(struct conn *conn)
{
	return conn->tls ? &conn->plain : &conn->wire;
}

void conn_deflate_add(struct conn *conn, struct slice data)
{
	struct conn_deflate *deflate = conn->deflate;

	if (!deflate->out)
		deflate->out = deflater_new();
	deflater_add(deflate->out, data, next_layer(conn));
	deflate->unflushed = true;
}

void conn_deflate_flush(struct conn *conn)
{
	struct conn_deflate *deflate = conn->deflate;

	if (!deflate->unflushed)
		return;
	deflate->unflushed = false;
	if (!conn->broken)
		deflater_flush(deflate->out, next_layer(conn));
	timer_start(deflate->rest, REST_MS);
}
