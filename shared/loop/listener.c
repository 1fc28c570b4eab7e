/*
 * Listening sockets, watched by uv_poll: pausing is not watching, and every
 * family goes the same way, through conn_from_fd().
 */
#include "loop/listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "loop/loop_internal.h"
#include "loop/timer.h"

#define BACKLOG           1024
#define BATCH             16  /* accepted before other connections get their turn */
#define NO_DESCRIPTORS_MS 200 /* between looks for free ones */

struct listener {
	uv_poll_t poll;
	struct loop *loop;
	int fd;
	void (*on_accept)(void *arg, struct conn *);
	void *arg;
	struct timer *retry;
	bool paused, starved;
	char *path; /* a Unix socket's, removed when we stop listening */
	struct stat made;
};

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un un;
	};
	socklen_t len;
	bool both; /* "*" */
};

/* -- addresses -- */

static bool parse_unix(const char *path, struct address *ret)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(ret->un.sun_path))
		return false;
	ret->un.sun_family = AF_UNIX;
	memcpy(ret->un.sun_path, path, len + 1);
	ret->len = sizeof(ret->un);
	return true;
}

static bool parse_v6(struct slice host, uint16_t port, struct address *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.data, host.len);
	text[host.len] = '\0';
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons(port);
	ret->len = sizeof(ret->v6);
	return inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1;
}

static bool parse_v4(struct slice host, uint16_t port, struct address *ret)
{
	char text[INET_ADDRSTRLEN];

	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.data, host.len);
	text[host.len] = '\0';
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port);
	ret->len = sizeof(ret->v4);
	return inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1;
}

static bool parse_address(const char *text, struct address *ret)
{
	struct slice all = slice_str(text), host;
	const char *colon = strrchr(text, ':');
	uint64_t port;

	memset(ret, 0, sizeof(*ret));
	if (slice_starts(all, "unix:"))
		return parse_unix(text + 5, ret);
	if (!colon || !slice_u64(slice_str(colon + 1), UINT16_MAX, &port))
		return false;
	host = slice_first(all, (size_t)(colon - text));
	if (slice_is(host, "*")) {
		ret->both = true;
		return parse_v6(SLICE("::"), (uint16_t)port, ret);
	}
	if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		return parse_v6(slice_of(host.data + 1, host.len - 2), (uint16_t)port, ret);
	return parse_v4(host, (uint16_t)port, ret);
}

/* -- sockets: these give a descriptor, or -1 with errno -- */

static int close_failed(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

static int open_tcp(const struct address *address, bool share)
{
	int on = 1, v6_only = !address->both;
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
	if (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
		return close_failed(fd);
	if (bind(fd, &address->any, address->len) || listen(fd, BACKLOG))
		return close_failed(fd);
	return fd;
}

/* A kernel without IPv6 still has "*". */
static int open_both(struct address *address, bool share)
{
	int fd = open_tcp(address, share);

	if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
		return fd;
	if (!parse_v4(SLICE("0.0.0.0"), ntohs(address->v6.sin6_port), address))
		return -1;
	return open_tcp(address, share);
}

/* A socket file whose server is dead refuses connections; anything else is left alone. */
static bool is_stale(const struct address *address)
{
	struct stat st;
	int fd, refused;

	if (lstat(address->un.sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, &address->any, address->len) && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int open_unix(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failed;

	if (fd < 0)
		return -1;
	failed = bind(fd, &address->any, address->len);
	if (failed && errno == EADDRINUSE) {
		if (is_stale(address) && unlink(address->un.sun_path) == 0)
			failed = bind(fd, &address->any, address->len);
		else
			errno = EADDRINUSE;
	}
	if (failed || listen(fd, BACKLOG))
		return close_failed(fd);
	return fd;
}

static enum fault open_fault(const char *address, int error, struct why *why)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return fault_set(
		    why, FAULT_DENIED,
		    "listening on %s: needs privilege: give CAP_NET_BIND_SERVICE for ports below 1024, "
		    "or write access to the socket's folder, or choose another address",
		    address);
	case EADDRINUSE:
		return fault_set(
		    why, FAULT_CONFIG,
		    "listening on %s: in use: stop the server that holds it (ss -ltnxp shows which), or "
		    "choose another address",
		    address);
	case EADDRNOTAVAIL:
		return fault_set(why, FAULT_CONFIG,
		                 "listening on %s: this machine does not have that address: add it, or use *",
		                 address);
	default:
		return fault_errno(why, error, "listening on %s", address);
	}
}

/* -- accepting -- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void regulate(struct listener *listener)
{
	if (listener->paused || listener->starved)
		uv_poll_stop(&listener->poll);
	else
		uv_poll_start(&listener->poll, UV_READABLE, on_poll);
}

static void on_retry(void *arg)
{
	struct listener *listener = arg;

	listener->starved = false;
	regulate(listener);
}

/* Without free descriptors the socket would stay readable and the loop would spin on it. */
static void starve(struct listener *listener)
{
	listener->starved = true;
	regulate(listener);
	timer_start(listener->retry, NO_DESCRIPTORS_MS);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = poll->data;

	(void)status, (void)events;
	for (int i = 0; i < BATCH && !listener->paused && !uv_is_closing((uv_handle_t *)poll); i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			listener->on_accept(listener->arg,
			                    conn_from_fd(listener->loop, fd, NULL, NULL, NULL));
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			starve(listener);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

enum fault listener_open(struct loop *loop, const char *text, bool share,
                         void (*on_accept)(void *arg, struct conn *), void *arg, struct listener **ret,
                         struct why *why)
{
	struct listener *listener;
	struct address address;
	int fd;

	if (!parse_address(text, &address))
		return fault_set(
		    why, FAULT_CONFIG,
		    "listening on %s: not an address: write 127.0.0.1:25, [::1]:25, *:25 or unix:/path",
		    text);
	fd = address.any.sa_family == AF_UNIX ? open_unix(&address)
	     : address.both                   ? open_both(&address, share)
	                                      : open_tcp(&address, share);
	if (fd < 0)
		return open_fault(text, errno, why);
	listener = xzalloc(sizeof(*listener));
	listener->loop = loop;
	listener->fd = fd;
	listener->on_accept = on_accept;
	listener->arg = arg;
	listener->retry = timer_new(loop, on_retry, listener);
	if (address.any.sa_family == AF_UNIX && !stat(address.un.sun_path, &listener->made))
		listener->path = xstrdup(address.un.sun_path);
	if (uv_poll_init(&loop->uv, &listener->poll, fd))
		abort(); /* a descriptor of ours, just made */
	uv_unref((uv_handle_t *)&listener->poll);
	listener->poll.data = listener;
	regulate(listener);
	*ret = listener;
	return FAULT_NONE;
}

uint16_t listener_port(const struct listener *listener)
{
	struct address bound;
	socklen_t len = sizeof(bound.un);

	memset(&bound, 0, sizeof(bound));
	if (getsockname(listener->fd, &bound.any, &len))
		return 0;
	switch (bound.any.sa_family) {
	case AF_INET:
		return ntohs(bound.v4.sin_port);
	case AF_INET6:
		return ntohs(bound.v6.sin6_port);
	default:
		return 0;
	}
}

void listener_pause(struct listener *listener, bool paused)
{
	listener->paused = paused;
	regulate(listener);
}

static void on_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	free(listener->path);
	free(listener);
}

/* Only the socket that we made: a successor may have put its own there. */
static void remove_path(const struct listener *listener)
{
	struct stat now;

	if (listener->path && !stat(listener->path, &now) && now.st_ino == listener->made.st_ino &&
	    now.st_dev == listener->made.st_dev)
		unlink(listener->path);
}

void listener_close(struct listener *listener)
{
	if (!listener)
		return;
	remove_path(listener);
	uv_poll_stop(&listener->poll);
	close(listener->fd);
	timer_free(listener->retry);
	uv_close((uv_handle_t *)&listener->poll, on_closed);
}
