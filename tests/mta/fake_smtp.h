#ifndef TESTS_MTA_FAKE_SMTP_H
#define TESTS_MTA_FAKE_SMTP_H
/*
 * Another host: an SMTP server in a thread that does what a script says, one
 * script a connection. A step is a string:
 *
 *   "S:text"  sends the line            "F:text"  sends it byte by byte
 *   "C:text"  expects the line; a final * stands for anything
 *   "D"       reads a message to its dot; fake.message has it, dots as sent
 *   "B:n"     reads n bytes of a message    "W:n"  reads slowly: n bytes, then naps, to the dot
 *   "Q"       expects that nothing comes for a while (no pipelining)
 *   "Z:ms"    sleeps                    "T"       becomes TLS
 *   "E"       expects the end           "X"       closes             "R"  resets
 *   "A"       answers like any host, one command at a time, "nobody" being refused; fake.messages counts
 *
 * What went otherwise is in fake.wrong, empty at the end of a good test.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

#define FAKE_PATIENCE 8000

struct fake_smtp {
	const char *const *const *scripts; /* NULL-terminated */
	bool forever;                      /* the first script is every connection's */
	const char *cert, *key;            /* for "T" */
	/* the outcome */
	struct buf message;
	_Atomic unsigned connections, messages;
	char wrong[400];
	uint16_t port;
	/* its own */
	int listener;
	pthread_t thread;
	_Atomic bool stop;
	/* of the connection */
	int fd;
	SSL *ssl;
	SSL_CTX *ctx;
	bool off_script;
	char in[65536];
	size_t n;
};

static inline void fake_wrong(struct fake_smtp *f, const char *step, const char *what)
{
	f->off_script = true;
	if (!f->wrong[0])
		snprintf(f->wrong, sizeof(f->wrong), "connection %u, step \"%.100s\": %.200s", f->connections,
		         step, what);
}

static inline void fake_nap(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* False at the end, or when nothing comes. */
static inline bool fake_more(struct fake_smtp *f)
{
	struct pollfd poll_fd = { .fd = f->fd, .events = POLLIN };
	ssize_t got;

	for (int waited = 0; !(f->ssl && SSL_pending(f->ssl)) && poll(&poll_fd, 1, 50) == 0; waited += 50) {
		if (f->stop || waited > FAKE_PATIENCE)
			return false;
	}
	got = f->ssl ? SSL_read(f->ssl, f->in + f->n, (int)(sizeof(f->in) - f->n))
	             : read(f->fd, f->in + f->n, sizeof(f->in) - f->n);
	if (got <= 0)
		return false;
	f->n += (size_t)got;
	return true;
}

static inline void fake_take(struct fake_smtp *f, size_t n)
{
	memmove(f->in, f->in + n, f->n - n);
	f->n -= n;
}

static inline bool fake_line(struct fake_smtp *f, char *line, size_t size)
{
	char *end;

	while (!(end = memmem(f->in, f->n, "\r\n", 2))) {
		if (f->n == sizeof(f->in) || !fake_more(f))
			return false;
	}
	snprintf(line, size, "%.*s", (int)(end - f->in), f->in);
	fake_take(f, (size_t)(end - f->in) + 2);
	return true;
}

static inline void fake_send(struct fake_smtp *f, const char *text, size_t len)
{
	if (f->ssl)
		(void)!SSL_write(f->ssl, text, (int)len);
	else
		(void)!send(f->fd, text, len, MSG_NOSIGNAL);
}

static inline void fake_say(struct fake_smtp *f, const char *text, bool bytewise)
{
	char line[20000];
	int len = snprintf(line, sizeof(line), "%s\r\n", text);

	if (!bytewise) {
		fake_send(f, line, (size_t)len);
		return;
	}
	for (int i = 0; i < len; i++) {
		fake_send(f, line + i, 1);
		fake_nap(1);
	}
}

static inline void fake_expect(struct fake_smtp *f, const char *step)
{
	const char *want = step + 2;
	size_t len = strlen(want);
	char line[4096] = "";
	bool any = len && want[len - 1] == '*';

	if (!fake_line(f, line, sizeof(line)))
		fake_wrong(f, step, "nothing came");
	else if (any ? strncmp(line, want, len - 1) != 0 : strcmp(line, want) != 0)
		fake_wrong(f, step, line);
}

/* `slow`: so many bytes at a time. */
static inline void fake_message(struct fake_smtp *f, const char *step, size_t slow)
{
	size_t before = f->message.len;

	for (;;) {
		struct slice all;
		size_t take = f->n;

		if (slow && take > slow)
			take = slow;
		/* nothing behind the final dot is read while it is not answered */
		buf_add(&f->message, f->in, take);
		fake_take(f, take);
		all = slice_from(buf_slice(&f->message), before);
		if (slice_ends(all, "\r\n.\r\n") || slice_eq(all, SLICE(".\r\n")))
			return;
		if (slow)
			fake_nap(1);
		if (!f->n && !fake_more(f)) {
			fake_wrong(f, step, "the message did not end");
			return;
		}
	}
}

static inline void fake_bytes(struct fake_smtp *f, const char *step, size_t n)
{
	while (f->n < n && f->n < sizeof(f->in)) {
		if (!fake_more(f)) {
			fake_wrong(f, step, "too few bytes came");
			return;
		}
	}
	fake_take(f, n);
}

static inline void fake_quiet(struct fake_smtp *f, const char *step)
{
	struct pollfd poll_fd = { .fd = f->fd, .events = POLLIN };

	if (f->n || poll(&poll_fd, 1, 60) != 0)
		fake_wrong(f, step, "something came too early");
}

static inline void fake_tls(struct fake_smtp *f, const char *step)
{
	f->ctx = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(f->ctx, f->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(f->ctx, f->key, SSL_FILETYPE_PEM) != 1)
		abort();
	f->ssl = SSL_new(f->ctx);
	SSL_set_fd(f->ssl, f->fd);
	if (SSL_accept(f->ssl) != 1)
		fake_wrong(f, step, "no handshake");
}

static inline void fake_end(struct fake_smtp *f, const char *step)
{
	if (f->n || fake_more(f))
		fake_wrong(f, step, "more came");
}

static inline void fake_automatic(struct fake_smtp *f)
{
	char line[4096];

	while (fake_line(f, line, sizeof(line))) {
		if (strncmp(line, "DATA", 4) == 0) {
			fake_say(f, "354 go", false);
			f->off_script = false;
			fake_message(f, "A", 0);
			if (f->off_script)
				return;
			f->messages++;
		}
		if (strncmp(line, "QUIT", 4) == 0)
			return;
		fake_say(f, strstr(line, "RCPT TO:<nobody@") ? "550 5.1.1 nobody" : "250 2.0.0 ok", false);
	}
}

/* False: the connection is over. */
static inline bool fake_step(struct fake_smtp *f, const char *step)
{
	const struct linger reset = { 1, 0 };

	switch (step[0]) {
	case 'S':
	case 'F':
		fake_say(f, step + 2, step[0] == 'F');
		return true;
	case 'C':
		fake_expect(f, step);
		return true;
	case 'D':
		fake_message(f, step, 0);
		return true;
	case 'W':
		fake_message(f, step, strtoul(step + 2, NULL, 10));
		return true;
	case 'B':
		fake_bytes(f, step, strtoul(step + 2, NULL, 10));
		return true;
	case 'Q':
		fake_quiet(f, step);
		return true;
	case 'Z':
		fake_nap(strtol(step + 2, NULL, 10));
		return true;
	case 'T':
		fake_tls(f, step);
		return true;
	case 'A':
		fake_automatic(f);
		return false;
	case 'E':
		fake_end(f, step);
		return false;
	case 'R':
		setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		return false;
	default:
		return false;
	}
}

static inline void fake_serve(struct fake_smtp *f, const char *const *script)
{
	f->n = 0;
	f->off_script = false;
	for (; *script && !f->stop && !f->off_script; script++) {
		if (!fake_step(f, *script))
			break;
	}
	if (f->ssl) {
		SSL_free(f->ssl);
		SSL_CTX_free(f->ctx);
		f->ssl = NULL;
	}
	close(f->fd);
}

static inline void *fake_main(void *arg)
{
	struct fake_smtp *f = arg;
	const char *const *const *script = f->scripts;

	while (!f->stop) {
		struct pollfd poll_fd = { .fd = f->listener, .events = POLLIN };

		if (poll(&poll_fd, 1, 20) <= 0)
			continue;
		f->fd = accept(f->listener, NULL, NULL);
		if (f->fd < 0)
			continue;
		f->connections++;
		if (*script)
			fake_serve(f, f->forever ? *script : *script++);
		else {
			fake_wrong(f, "", "one connection too many");
			close(f->fd);
		}
	}
	return NULL;
}

/* For whoever runs fake_main() in a way of its own. */
static inline void fake_listen(struct fake_smtp *f)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int small = 4096;

	buf_init(&f->message, BUF_NO_LIMIT);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* small, so that a large message meets a full socket */
	setsockopt(f->listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (bind(f->listener, (struct sockaddr *)&address, len) || listen(f->listener, 50) ||
	    getsockname(f->listener, (struct sockaddr *)&address, &len))
		abort();
	f->port = ntohs(address.sin_port);
}

static inline void fake_start(struct fake_smtp *f)
{
	fake_listen(f);
	if (pthread_create(&f->thread, NULL, fake_main, f))
		abort();
}

static inline void fake_stop(struct fake_smtp *f)
{
	f->stop = true;
	pthread_join(f->thread, NULL);
	close(f->listener);
}

#endif
