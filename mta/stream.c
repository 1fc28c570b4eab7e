/* The message going out: dots before those that start a line, as fast as the peer takes it and no faster. */
#include <assert.h>

#include "client_internal.h"

#define CHUNK (16 * 1024)

static void on_piece(void *arg)
{
	struct client *c = arg;

	if (c->state == ST_BODY)
		stream_pump(c);
}

void stream_start(struct client *c)
{
	c->dots = (struct smtp_dots){ 0 };
	c->piece = slice_of(NULL, 0);
	c->body = body_new(c->conf.stack, c->conf.pool, c->sending->letter, on_piece, c);
	stream_pump(c);
}

static void put_chunk(struct client *c)
{
	struct slice chunk = slice_first(c->piece, CHUNK);

	buf_clear(&c->out);
	smtp_dots_add(&c->dots, chunk, &c->out);
	conn_write(c->conn, c->out.data, c->out.len);
	buf_clear(&c->out);
	c->piece = slice_from(c->piece, chunk.len);
}

static void end(struct client *c)
{
	smtp_dots_end(&c->dots, &c->out);
	conn_write(c->conn, c->out.data, c->out.len);
	buf_clear(&c->out);
	body_free(c->body);
	c->body = NULL;
	client_enter(c, ST_DOT);
}

/* The rest of the message cannot be had: the host must not see an end. Nobody else is asked, it is not its fault. */
static void lose_body(struct client *c, const struct why *why)
{
	sending_verdict(c->sending, VERDICT_DEFERRED, "4.3.0", false, why->text);
	client_fail(c, false, false, "4.3.0", why->text);
}

void stream_pump(struct client *c)
{
	struct why why;

	client_enter(c, ST_BODY); /* progress: the deadline starts again */
	while (!conn_congested(c->conn)) {
		if (c->piece.len) {
			put_chunk(c);
			continue;
		}
		switch (body_next(c->body, &c->piece, &why)) {
		case BODY_PIECE:
			break;
		case BODY_WAIT:
			conn_flush(c->conn);
			return;
		case BODY_END:
			end(c);
			return;
		case BODY_FAULT:
			lose_body(c, &why);
			return;
		}
	}
}
