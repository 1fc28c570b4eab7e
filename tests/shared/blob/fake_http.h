#ifndef TESTS_SHARED_BLOB_FAKE_HTTP_H
#define TESTS_SHARED_BLOB_FAKE_HTTP_H
/*
 * An HTTP server on loopback that gives scripted answers, one a request, in
 * order; after the script's end the last one again. Keeps the requests' heads.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"

enum fake_manner {
	FAKE_WHOLE,
	FAKE_SHORT, /* says ten bytes more than it sends, and hangs up */
	FAKE_SLOW,  /* a byte every 300 ms */
	FAKE_HANG,  /* takes the request and says nothing */
	FAKE_CLOSE, /* takes the request and hangs up */
	FAKE_RAW,   /* `body` is all that is sent, then it hangs up */
};

struct fake_answer {
	int status;
	const char *body;
	enum fake_manner manner;
	const char *headers; /* more of them, each with its CRLF */
};

struct fake_http {
	pthread_t thread;
	int listener;
	uint16_t port;
	const struct fake_answer *answers;
	size_t n_answers;
	_Atomic unsigned requests;
	_Atomic bool quit;
	char heads[16][2048];
};

/* False when the connection ended first. Gives how much of the head is in `text`; the body is read and dropped. */
static bool fake_read_request(struct fake_http *fake, int fd, char *text, size_t size)
{
	size_t len = 0, body = 0;
	char *end = NULL, *field;
	char rest[65536];

	while (!end) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&wait, 1, 50) == 0 && atomic_load(&fake->quit))
			return false;
		if (!wait.revents)
			continue;
		n = recv(fd, text + len, len < size - 1 ? 1 : 0, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = '\0';
		end = strstr(text, "\r\n\r\n");
	}
	field = strcasestr(text, "content-length:");
	if (field)
		body = (size_t)strtoul(field + 15, NULL, 10);
	while (body) {
		ssize_t n = recv(fd, rest, body < sizeof(rest) ? body : sizeof(rest), 0);

		if (n <= 0)
			return false;
		body -= (size_t)n;
	}
	return true;
}

static void fake_wait(struct fake_http *fake, int fd, int ms)
{
	struct pollfd gone = { .fd = fd, .events = POLLRDHUP };

	for (; ms > 0 && !atomic_load(&fake->quit) && poll(&gone, 1, 50) == 0; ms -= 50)
		;
}

/* False when the connection is to be closed. */
static bool fake_send_answer(struct fake_http *fake, int fd, const struct fake_answer *answer, bool head_only)
{
	size_t len = strlen(answer->body);
	char head[1024];
	int n;

	if (answer->manner == FAKE_CLOSE)
		return false;
	if (answer->manner == FAKE_HANG) {
		fake_wait(fake, fd, 60000);
		return false;
	}
	if (answer->manner == FAKE_RAW) {
		send(fd, answer->body, len, MSG_NOSIGNAL);
		return false;
	}
	n = snprintf(head, sizeof(head), "HTTP/1.1 %d Said\r\n%sContent-Length: %zu\r\n\r\n", answer->status,
	             answer->headers ? answer->headers : "", len + (answer->manner == FAKE_SHORT ? 10 : 0));
	send(fd, head, (size_t)n, MSG_NOSIGNAL);
	if (head_only)
		return true;
	for (size_t i = 0; answer->manner == FAKE_SLOW && i < len; i++) {
		fake_wait(fake, fd, 300);
		send(fd, answer->body + i, 1, MSG_NOSIGNAL);
	}
	if (answer->manner != FAKE_SLOW)
		send(fd, answer->body, len, MSG_NOSIGNAL);
	return answer->manner == FAKE_WHOLE;
}

static void *fake_run(void *arg)
{
	struct fake_http *fake = arg;

	while (!atomic_load(&fake->quit)) {
		struct pollfd wait = { .fd = fake->listener, .events = POLLIN };
		bool on = true;
		int fd;

		if (poll(&wait, 1, 50) <= 0)
			continue;
		fd = accept(fake->listener, NULL, NULL);
		while (on) {
			unsigned i = atomic_load(&fake->requests);
			char *head = fake->heads[i < 16 ? i : 15];

			on = fake_read_request(fake, fd, head, sizeof(fake->heads[0]));
			if (!on)
				break;
			atomic_store(&fake->requests, i + 1);
			on = fake_send_answer(fake, fd,
			                      &fake->answers[i < fake->n_answers ? i : fake->n_answers - 1],
			                      strncmp(head, "HEAD ", 5) == 0);
		}
		close(fd);
	}
	return NULL;
}

static struct fake_http *fake_http_new(const struct fake_answer *answers, size_t n)
{
	struct fake_http *fake = calloc(1, sizeof(*fake));
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	fake->answers = answers;
	fake->n_answers = n;
	fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fake->listener, (struct sockaddr *)&addr, len) != 0 || listen(fake->listener, 16) != 0)
		abort();
	getsockname(fake->listener, (struct sockaddr *)&addr, &len);
	fake->port = ntohs(addr.sin_port);
	if (pthread_create(&fake->thread, NULL, fake_run, fake) != 0)
		abort();
	return fake;
}

static void fake_http_free(struct fake_http *fake)
{
	atomic_store(&fake->quit, true);
	pthread_join(fake->thread, NULL);
	close(fake->listener);
	free(fake);
}

#endif
