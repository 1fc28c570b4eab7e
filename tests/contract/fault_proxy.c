/* The relay (fault_proxy.h): one thread, one poll over all connections. */
#include "fault_proxy.h"

#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"

#define PAIRS_MAX 128
#define CHUNK     16384

/* One relayed connection: what came in on one side and is not out on the other yet. */
struct pair {
	int fd[2]; /* client, service */
	struct flow {
		uint8_t data[CHUNK];
		size_t at, len;
		bool ended, told; /* the end was read; and passed on */
	} flow[2];                /* from client, from service */
};

struct fault_proxy {
	pthread_t thread;
	uint16_t to, port;
	int listener, wake;
	struct pair *pairs[PAIRS_MAX];
	size_t n;
	_Atomic unsigned taken;
	enum proxy_mode mode;
	size_t budget; /* CUT: bytes left */
	/* asked for, under `lock` */
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool asked, quit;
	enum proxy_mode want;
	size_t want_after;
};

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert(fd >= 0);
	return fd;
}

static void start_listening(struct fault_proxy *proxy)
{
	struct sockaddr_in addr = loopback(proxy->port);
	socklen_t len = sizeof(addr);
	int on = 1;

	if (proxy->listener >= 0)
		return;
	proxy->listener = new_socket();
	setsockopt(proxy->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(proxy->listener, (struct sockaddr *)&addr, len) != 0 || listen(proxy->listener, 128) != 0)
		abort();
	getsockname(proxy->listener, (struct sockaddr *)&addr, &len);
	proxy->port = ntohs(addr.sin_port);
}

static void stop_listening(struct fault_proxy *proxy)
{
	if (proxy->listener >= 0)
		close(proxy->listener);
	proxy->listener = -1;
}

static void reset(int fd)
{
	struct linger hard = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

static void drop_pair(struct fault_proxy *proxy, size_t i)
{
	reset(proxy->pairs[i]->fd[0]);
	reset(proxy->pairs[i]->fd[1]);
	free(proxy->pairs[i]);
	proxy->pairs[i] = proxy->pairs[--proxy->n];
}

static void drop_all(struct fault_proxy *proxy)
{
	while (proxy->n)
		drop_pair(proxy, proxy->n - 1);
}

static void accept_one(struct fault_proxy *proxy)
{
	int fd = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct sockaddr_in addr = loopback(proxy->to);
	struct pair *pair;

	if (fd < 0)
		return;
	atomic_fetch_add(&proxy->taken, 1);
	if (proxy->n == PAIRS_MAX) {
		reset(fd);
		return;
	}
	pair = xzalloc(sizeof(*pair));
	pair->fd[0] = fd;
	pair->fd[1] = new_socket();
	if (connect(pair->fd[1], (struct sockaddr *)&addr, sizeof(addr)) != 0 && errno != EINPROGRESS) {
		reset(pair->fd[0]);
		reset(pair->fd[1]);
		free(pair);
		return;
	}
	proxy->pairs[proxy->n++] = pair;
}

/* Moves what can be moved one way; false when the connection broke. */
static bool move(struct fault_proxy *proxy, struct pair *pair, int from)
{
	struct flow *flow = &pair->flow[from];
	ssize_t n;

	if (flow->len == 0 && !flow->ended) {
		n = recv(pair->fd[from], flow->data, sizeof(flow->data), 0);
		if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
			return false;
		flow->ended = n == 0;
		flow->at = 0;
		flow->len = n > 0 ? (size_t)n : 0;
	}
	if (flow->len) {
		n = send(pair->fd[!from], flow->data + flow->at, flow->len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
			return false;
		if (n > 0) {
			flow->at += (size_t)n;
			flow->len -= (size_t)n;
			proxy->budget -= (size_t)n < proxy->budget ? (size_t)n : proxy->budget;
		}
	}
	if (flow->ended && !flow->len && !flow->told) {
		shutdown(pair->fd[!from], SHUT_WR);
		flow->told = true;
	}
	return true;
}

static void apply(struct fault_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	if (proxy->asked) {
		proxy->mode = proxy->want;
		proxy->budget = proxy->want_after;
		if (proxy->mode == PROXY_AWAY) {
			stop_listening(proxy);
			drop_all(proxy);
		} else {
			start_listening(proxy);
		}
		proxy->asked = false;
		pthread_cond_broadcast(&proxy->done);
	}
	pthread_mutex_unlock(&proxy->lock);
}

static short events_of(const struct pair *pair, int side)
{
	const struct flow *in = &pair->flow[side], *out = &pair->flow[!side];

	return (short)((in->len == 0 && !in->ended ? POLLIN : 0) | (out->len ? POLLOUT : 0));
}

static void wait_events(struct fault_proxy *proxy)
{
	struct pollfd fds[2 + 2 * PAIRS_MAX];
	uint64_t count;
	nfds_t n = 0;

	fds[n++] = (struct pollfd){ .fd = proxy->wake, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = proxy->listener, .events = POLLIN };
	for (size_t i = 0; i < proxy->n && proxy->mode != PROXY_HANG; i++)
		for (int side = 0; side < 2; side++) {
			short events = events_of(proxy->pairs[i], side);

			fds[n++] = (struct pollfd){ .fd = events ? proxy->pairs[i]->fd[side] : -1,
				                    .events = events };
		}
	poll(fds, n, 1000);
	if (fds[0].revents && read(proxy->wake, &count, sizeof(count)) < 0)
		abort();
	if (fds[1].revents)
		accept_one(proxy);
}

static void relay(struct fault_proxy *proxy)
{
	for (size_t i = proxy->n; i-- > 0;) {
		struct pair *pair = proxy->pairs[i];
		bool fine = move(proxy, pair, 0) && move(proxy, pair, 1);

		if (!fine || (pair->flow[0].told && pair->flow[1].told))
			drop_pair(proxy, i);
	}
	if (proxy->mode == PROXY_CUT && proxy->budget == 0) {
		drop_all(proxy);
		proxy->mode = PROXY_PASS;
	}
}

static void *run(void *arg)
{
	struct fault_proxy *proxy = arg;
	bool quit = false;

	while (!quit) {
		wait_events(proxy);
		apply(proxy);
		if (proxy->mode != PROXY_HANG)
			relay(proxy);
		pthread_mutex_lock(&proxy->lock);
		quit = proxy->quit;
		pthread_mutex_unlock(&proxy->lock);
	}
	return NULL;
}

struct fault_proxy *fault_proxy_new(uint16_t port)
{
	struct fault_proxy *proxy = xzalloc(sizeof(*proxy));

	proxy->to = port;
	proxy->listener = -1;
	proxy->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&proxy->lock, NULL);
	pthread_cond_init(&proxy->done, NULL);
	start_listening(proxy);
	if (pthread_create(&proxy->thread, NULL, run, proxy) != 0)
		abort();
	return proxy;
}

struct fault_proxy *fault_proxy_for(const char *uri)
{
	const char *at = strstr(uri, "://"), *host;
	struct slice rest, name;
	uint64_t port;
	size_t len;

	if (!at)
		return NULL;
	host = at + 3;
	len = strcspn(host, "/?");
	for (size_t i = 0; i < len; i++)
		if (host[i] == '@') {
			host += i + 1;
			len -= i + 1;
			i = 0;
		}
	rest = slice_of(host, len);
	if (!slice_cut(&rest, ':', &name) || !(slice_is(name, "127.0.0.1") || slice_is(name, "localhost")) ||
	    !slice_u64(rest, UINT16_MAX, &port))
		return NULL;
	return fault_proxy_new((uint16_t)port);
}

uint16_t fault_proxy_port(const struct fault_proxy *proxy)
{
	return proxy->port;
}

static void poke(struct fault_proxy *proxy)
{
	uint64_t one = 1;

	if (write(proxy->wake, &one, sizeof(one)) < 0)
		abort();
}

void fault_proxy_set(struct fault_proxy *proxy, enum proxy_mode mode, size_t after)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->want = mode;
	proxy->want_after = after;
	proxy->asked = true;
	poke(proxy);
	while (proxy->asked)
		pthread_cond_wait(&proxy->done, &proxy->lock);
	pthread_mutex_unlock(&proxy->lock);
}

unsigned fault_proxy_taken(struct fault_proxy *proxy)
{
	return atomic_load(&proxy->taken);
}

void fault_proxy_free(struct fault_proxy *proxy)
{
	if (!proxy)
		return;
	pthread_mutex_lock(&proxy->lock);
	proxy->quit = true;
	pthread_mutex_unlock(&proxy->lock);
	poke(proxy);
	pthread_join(proxy->thread, NULL);
	drop_all(proxy);
	stop_listening(proxy);
	close(proxy->wake);
	pthread_cond_destroy(&proxy->done);
	pthread_mutex_destroy(&proxy->lock);
	free(proxy);
}
