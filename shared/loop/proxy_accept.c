/* Between a listener and a session: a connection of a trusted proxy, until it has said for whom it speaks (proxy.h). */
#include <stdlib.h>

#include "base/arena.h"
#include "base/network.h"
#include "loop/proxy.h"

#define HEADER_MS 5000 /* a proxy sends it with its first packet */

struct gate {
	struct conn *conn;
	const struct proxy_handler *handler;
	void *arg;
};

static void refuse(struct gate *gate, const char *why)
{
	if (gate->handler->on_refused)
		gate->handler->on_refused(gate->arg, conn_peer_ip(gate->conn), why);
	conn_abort(gate->conn);
}

static void pass_on(struct gate *gate, const struct proxy_header *header)
{
	struct gate mine = *gate;

	free(gate);
	conn_deadline(mine.conn, 0);
	conn_take(mine.conn, header->len);
	if (header->ip[0])
		conn_set_peer(mine.conn, header->ip, header->port);
	mine.handler->on_ready(mine.arg, mine.conn);
}

static void on_readable(void *owner)
{
	struct gate *gate = owner;
	struct proxy_header header;

	switch (proxy_parse(conn_peek(gate->conn, PROXY_MAX), &header)) {
	case PROXY_MORE:
		if (conn_ended(gate->conn))
			refuse(gate, "it went without a PROXY header");
		break;
	case PROXY_DONE:
		pass_on(gate, &header);
		break;
	case PROXY_BAD:
		refuse(gate, "it sent no PROXY header");
		break;
	}
}

static void on_timeout(void *owner)
{
	refuse(owner, "it did not send a PROXY header in time");
}

static void on_closed(void *owner)
{
	free(owner);
}

static const struct conn_handler gate_handler = {
	.on_readable = on_readable,
	.on_timeout = on_timeout,
	.on_closed = on_closed,
};

void proxy_accept(const struct networks *networks, struct conn *conn, const struct proxy_handler *handler,
                  void *arg)
{
	const struct conn_conf conf = { .input_max = PROXY_MAX };
	struct gate *gate;

	if (!networks_have(networks, conn_peer_ip(conn))) {
		handler->on_ready(arg, conn);
		return;
	}
	gate = xzalloc(sizeof(*gate));
	*gate = (struct gate){ conn, handler, arg };
	conn_own(conn, &conf, &gate_handler, gate);
	conn_deadline(conn, HEADER_MS);
}
