/* A connection's life: made, owned, told, closed. conn_internal.h has the invariants and the states. */
#include "loop/conn_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/arena.h"

#define DEFAULT_SIZE (64 * 1024)
#define SEND_MS      10000 /* for a peer that does not read what we said last */
#define LINGER_MS    1000

/* -- telling the owner -- */

static bool enter(struct conn *conn)
{
	if (!conn_live(conn) || !conn->handler)
		return false;
	assert(!conn->in_callback);
	conn->in_callback = true;
	return true;
}

static void leave(struct conn *conn)
{
	conn->in_callback = false;
	conn_settle(conn);
}

void conn_tell(struct conn *conn, enum conn_event event)
{
	void (*callback)(void *owner);

	if (!enter(conn))
		return;
	callback = event == EVENT_READABLE  ? conn->handler->on_readable
	           : event == EVENT_DRAINED ? conn->handler->on_drained
	                                    : conn->handler->on_timeout;
	if (callback)
		callback(conn->owner);
	leave(conn);
}

void conn_tell_tls(struct conn *conn, enum fault fault, const struct why *why)
{
	if (!enter(conn))
		return;
	if (conn->handler->on_tls)
		conn->handler->on_tls(conn->owner, fault, why);
	leave(conn);
}

static void tell_connected(struct conn *conn, enum fault fault, const struct why *why)
{
	if (!enter(conn))
		return;
	if (conn->handler->on_connected)
		conn->handler->on_connected(conn->owner, fault, why);
	leave(conn);
}

void conn_settle(struct conn *conn)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn_send(conn);
	if (conn->state == CONN_CLOSED)
		return;
	conn_input_trim(conn);
	conn_regulate(conn);
}

void conn_touch(struct conn *conn)
{
	if (!conn->in_callback && conn->state != CONN_CLOSED)
		later_ask(conn->loop, &conn->later);
}

void conn_ask(struct conn *conn, unsigned what)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn->asked |= what;
	later_ask(conn->loop, &conn->later);
}

static void connect_ended(struct conn *conn, int status)
{
	struct why why = { "" };

	if (conn->state != CONN_CONNECTING)
		return;
	conn->state = CONN_OPEN;
	if (!status) {
		tell_connected(conn, FAULT_NONE, &why);
		return;
	}
	conn->ended = conn->broken = true;
	conn_output_drop(conn);
	tell_connected(conn,
	               fault_set(&why, FAULT_TEMP, "connecting to %s port %u: %s", conn->peer_ip,
	                         conn->peer_port, uv_strerror(status)),
	               &why);
}

static void on_later(struct later *later)
{
	struct conn *conn = container_of(later, struct conn, later);
	unsigned asked = conn->asked;

	conn->asked = 0;
	if (asked & ASK_CONNECTED)
		connect_ended(conn, conn->connect_error);
	if (asked & ASK_TLS && conn_live(conn))
		conn_tls_begin(conn);
	if (asked & ASK_PULL && conn_live(conn) && conn_pull(conn))
		asked |= ASK_READABLE;
	if (asked & ASK_READABLE)
		conn_tell(conn, EVENT_READABLE);
	if (asked & ASK_DRAINED)
		conn_tell(conn, EVENT_DRAINED);
	conn_settle(conn);
}

/* -- deadlines: the timer is left to fire early and looks again, since most deadlines are pushed back -- */

static void on_timer(uv_timer_t *timer);

static void arm(struct conn *conn)
{
	int64_t left = conn->deadline - loop_now(conn->loop);

	uv_timer_start(&conn->timer, on_timer, (uint64_t)MAX_OF(left, 0), 0);
}

static void set_deadline(struct conn *conn, int64_t ms)
{
	bool running = uv_is_active((uv_handle_t *)&conn->timer);

	conn->deadline = ms ? loop_now(conn->loop) + ms : 0;
	if (ms && (!running || (int64_t)uv_timer_get_due_in(&conn->timer) > ms))
		arm(conn);
}

static void on_timer(uv_timer_t *timer)
{
	struct conn *conn = timer->data;

	if (!conn->deadline)
		return;
	if (loop_now(conn->loop) < conn->deadline) {
		arm(conn);
		return;
	}
	conn->deadline = 0;
	if (conn_live(conn))
		conn_tell(conn, EVENT_TIMEOUT);
	else
		conn_finish(conn);
}

void conn_deadline(struct conn *conn, int64_t ms)
{
	if (conn_live(conn))
		set_deadline(conn, ms);
}

/* -- closing -- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;
	struct loop *loop = conn->loop;

	if (--conn->open_handles)
		return;
	/* libuv has given every request back: nothing points at our buffers */
	conn_tls_free(conn);
	conn_deflate_free(conn);
	chain_drop(&conn->plain, conn->plain.bytes);
	chain_drop(&conn->wire, conn->wire.bytes);
	buf_done(&conn->in);
	list_del(&conn->node);
	if (conn->handler && conn->handler->on_closed)
		conn->handler->on_closed(conn->owner);
	free(conn);
	loop_user_del(loop);
}

void conn_finish(struct conn *conn)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn->state = CONN_CLOSED;
	conn->reading = false;
	later_cancel(&conn->later);
	uv_close(&conn->uv.handle, on_handle_closed);
	uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
}

void conn_sent(struct conn *conn)
{
	uv_os_fd_t fd;

	if (conn->state != CONN_SENDING)
		return;
	if (conn->ended || conn->broken || uv_fileno(&conn->uv.handle, &fd) || shutdown(fd, SHUT_WR)) {
		conn_finish(conn);
		return;
	}
	conn->state = CONN_LINGERING;
	set_deadline(conn, LINGER_MS);
}

void conn_close(struct conn *conn)
{
	if (!conn_live(conn))
		return;
	if (conn->state == CONN_CONNECTING) {
		conn_finish(conn);
		return;
	}
	if (conn->deflate)
		conn_deflate_flush(conn);
	if (conn->tls)
		conn_tls_goodbye(conn);
	conn->state = CONN_SENDING;
	set_deadline(conn, SEND_MS);
	conn_input_drop(conn);
	conn_touch(conn);
}

void conn_abort(struct conn *conn)
{
	conn_finish(conn);
}

/* -- making -- */

/* A family other than AF_UNIX makes the socket now, so that it can be bound; AF_UNSPEC makes it when it connects. */
static struct conn *conn_make(struct loop *loop, int family)
{
	struct conn *conn = xzalloc(sizeof(*conn));

	conn->loop = loop;
	if (family == AF_UNIX)
		uv_pipe_init(&loop->uv, &conn->uv.pipe, 0);
	else
		conn->connect_error = uv_tcp_init_ex(&loop->uv, &conn->uv.tcp, (unsigned)family);
	if (conn->connect_error) /* no descriptors left; without one it can be closed in the usual way */
		uv_tcp_init(&loop->uv, &conn->uv.tcp);
	uv_timer_init(&loop->uv, &conn->timer);
	conn->uv.handle.data = conn->timer.data = conn;
	conn->open_handles = 2;
	later_init(&conn->later, on_later);
	list_add_tail(&loop->conns, &conn->node);
	conn_own(conn, NULL, NULL, NULL);
	loop_user_add(loop);
	return conn;
}

void conn_own(struct conn *conn, const struct conn_conf *conf, const struct conn_handler *handler,
              void *owner)
{
	conn->handler = handler;
	conn->owner = owner;
	conn->conf = conf ? *conf : (struct conn_conf){ 0 };
	if (!conn->conf.input_max)
		conn->conf.input_max = DEFAULT_SIZE;
	if (!conn->conf.output_high)
		conn->conf.output_high = DEFAULT_SIZE;
	assert(conn->conf.input_max > 2 && conn_unread(conn).len <= conn->conf.input_max);
	conn->in.limit = conn->conf.input_max;
	if (handler)
		conn_ask(conn, conn_unread(conn).len || conn->ended ? ASK_READABLE : 0);
}

/* The text of an address, and its port; "local" for what has none. */
static uint16_t print_address(const struct sockaddr *addr, char out[IP_TEXT])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)addr;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)addr;

	if (addr->sa_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, out, IP_TEXT);
		return ntohs(v4->sin_port);
	}
	if (addr->sa_family == AF_INET6) {
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
			inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, out, IP_TEXT);
		else
			inet_ntop(AF_INET6, &v6->sin6_addr, out, IP_TEXT);
		return ntohs(v6->sin6_port);
	}
	snprintf(out, IP_TEXT, "local");
	return 0;
}

struct conn *conn_from_fd(struct loop *loop, int fd, const struct conn_conf *conf,
                          const struct conn_handler *handler, void *owner)
{
	struct sockaddr_storage addr = { .ss_family = AF_UNIX };
	struct sockaddr *peer = (struct sockaddr *)&addr;
	socklen_t len = sizeof(addr);
	struct conn *conn;
	int failed;

	/* a peer that is gone already has no name: the local end still tells the family */
	if (getpeername(fd, peer, &len)) {
		len = sizeof(addr);
		failed = getsockname(fd, peer, &len);
		assert(!failed && "not a socket");
	}
	conn = conn_make(loop, peer->sa_family == AF_UNIX ? AF_UNIX : AF_UNSPEC);
	if (peer->sa_family == AF_UNIX) {
		failed = uv_pipe_open(&conn->uv.pipe, fd);
	} else {
		failed = uv_tcp_open(&conn->uv.tcp, fd);
		uv_tcp_nodelay(&conn->uv.tcp, 1); /* we collect replies ourselves */
	}
	assert(!failed && "the descriptor belongs to another connection");
	(void)failed;
	conn->state = CONN_OPEN;
	conn->peer_port = print_address(peer, conn->peer_ip);
	conn_own(conn, conf, handler, owner);
	return conn;
}

static void on_connect(uv_connect_t *request, int status)
{
	struct conn *conn = request->data;

	free(request);
	connect_ended(conn, status);
}

/* The local port is chosen at connect(), so that one address serves more than 28,000 connections. */
static int bind_local(struct conn *conn, const struct sockaddr *addr)
{
	int on = 1;
	uv_os_fd_t fd;

	if (!uv_fileno(&conn->uv.handle, &fd))
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return uv_tcp_bind(&conn->uv.tcp, addr, 0);
}

static int connect_tcp(struct conn *conn, const struct sockaddr *addr)
{
	uv_connect_t *request = xzalloc(sizeof(*request));
	int failed;

	request->data = conn;
	uv_tcp_nodelay(&conn->uv.tcp, 1);
	failed = uv_tcp_connect(request, &conn->uv.tcp, addr, on_connect);
	if (failed)
		free(request);
	return failed;
}

static int connect_unix(struct conn *conn, const struct sockaddr *addr)
{
	const struct sockaddr_un *path = (const struct sockaddr_un *)(const void *)addr;
	uv_connect_t *request = xzalloc(sizeof(*request));

	request->data = conn;
	uv_pipe_connect(request, &conn->uv.pipe, path->sun_path, on_connect);
	return 0;
}

struct conn *conn_connect(struct loop *loop, const struct sockaddr *addr, const struct sockaddr *bind_addr,
                          const struct conn_conf *conf, const struct conn_handler *handler, void *owner)
{
	bool is_unix = addr->sa_family == AF_UNIX;
	struct conn *conn = conn_make(loop, is_unix ? AF_UNIX : bind_addr ? addr->sa_family : AF_UNSPEC);

	conn->peer_port = print_address(addr, conn->peer_ip);
	conn_own(conn, conf, handler, owner);
	if (!conn->connect_error && bind_addr && !is_unix)
		conn->connect_error = bind_local(conn, bind_addr);
	if (!conn->connect_error)
		conn->connect_error = is_unix ? connect_unix(conn, addr) : connect_tcp(conn, addr);
	if (conn->connect_error)
		conn_ask(conn, ASK_CONNECTED);
	return conn;
}

void conn_tap(struct conn *conn, void (*see)(void *arg, bool written, struct slice), void *arg)
{
	conn->tap = see;
	conn->tap_arg = arg;
}

/* -- names -- */

const char *conn_peer_ip(const struct conn *conn)
{
	return conn->peer_ip;
}

uint16_t conn_peer_port(const struct conn *conn)
{
	return conn->peer_port;
}

const char *conn_local_ip(const struct conn *conn)
{
	struct conn *mine = (struct conn *)conn; /* looked up once, when first asked for */
	struct sockaddr_storage addr = { .ss_family = AF_UNIX };
	struct sockaddr *local = (struct sockaddr *)&addr;
	socklen_t len = sizeof(addr);
	uv_os_fd_t fd;

	if (!conn->local_ip[0]) {
		if (!uv_fileno(&conn->uv.handle, &fd))
			(void)getsockname(fd, local, &len);
		print_address(local, mine->local_ip);
	}
	return conn->local_ip;
}

void conn_set_peer(struct conn *conn, const char *ip, uint16_t port)
{
	snprintf(conn->peer_ip, sizeof(conn->peer_ip), "%s", ip);
	conn->peer_port = port;
}
