#ifndef TESTS_LOOP_PEER_H
#define TESTS_LOOP_PEER_H
/* One end of a connection that notes what happens to it, and a way to wait for something. */
#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>
#include "base/buf.h"
#include "base/clock.h"
#include "loop/conn.h"

struct peer {
	struct conn *conn; /* NULL once closed */
	struct buf got;    /* everything read, unless `hold` */
	bool hold;         /* leave it unread */
	bool close_on_read;
	int readable, drained, timeouts, closed, connected, tls;
	enum fault connect_fault, tls_fault;
	struct why why;
	void (*on_data)(struct peer *); /* instead of reading all */
	void *arg;
};

static inline void peer_connected(void *owner, enum fault fault, const struct why *why)
{
	struct peer *peer = owner;

	peer->connected++;
	peer->connect_fault = fault;
	peer->why = *why;
}

static inline void peer_readable(void *owner)
{
	struct peer *peer = owner;
	struct slice some;

	assert(!peer->closed);
	peer->readable++;
	if (peer->on_data) {
		peer->on_data(peer);
		return;
	}
	while (!peer->hold && (some = conn_peek(peer->conn, 1000)).len) {
		buf_add_slice(&peer->got, some);
		conn_take(peer->conn, some.len);
	}
	if (peer->close_on_read)
		conn_close(peer->conn);
}

static inline void peer_drained(void *owner)
{
	struct peer *peer = owner;

	peer->drained++;
}

static inline void peer_tls(void *owner, enum fault fault, const struct why *why)
{
	struct peer *peer = owner;

	peer->tls++;
	peer->tls_fault = fault;
	peer->why = *why;
}

static inline void peer_timeout(void *owner)
{
	struct peer *peer = owner;

	peer->timeouts++;
}

static inline void peer_closed(void *owner)
{
	struct peer *peer = owner;

	peer->closed++;
	peer->conn = NULL;
}

static const struct conn_handler peer_handler = {
	peer_connected, peer_readable, peer_drained, peer_tls, peer_timeout, peer_closed,
};

static inline void peer_pair(struct loop *loop, struct peer *a, struct peer *b, const struct conn_conf *conf)
{
	int fds[2];
	int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);

	assert(!failed);
	(void)failed;
	*a = *b = (struct peer){ .got.limit = BUF_NO_LIMIT };
	a->conn = conn_from_fd(loop, fds[0], conf, &peer_handler, a);
	b->conn = conn_from_fd(loop, fds[1], conf, &peer_handler, b);
}

/* Ends both, however they stand, and waits until they are gone. */
static inline void peer_end(struct loop *loop, struct peer *a, struct peer *b)
{
	struct peer *both[] = { a, b };

	for (int i = 0; i < 2; i++)
		if (both[i]->conn)
			conn_abort(both[i]->conn);
	while (a->conn || b->conn)
		loop_step(loop, 100);
	buf_done(&a->got);
	buf_done(&b->got);
}

/* Runs the loop until `condition`, at most ten seconds; says whether it came true. */
#define WAIT_FOR(loop, condition)                                                                            \
	({                                                                                                   \
		int64_t end_ = clock_mono_ms() + 10000;                                                      \
		while (!(condition) && clock_mono_ms() < end_)                                               \
			loop_step((loop), 50);                                                               \
		(condition);                                                                                 \
	})

static inline bool peer_got(const struct peer *peer, const char *text)
{
	return slice_eq(buf_slice(&peer->got), slice_str(text));
}

#endif
