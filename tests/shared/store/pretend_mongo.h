#ifndef TESTS_SHARED_STORE_PRETEND_MONGO_H
#define TESTS_SHARED_STORE_PRETEND_MONGO_H
/*
 * A server that only pretends to be MongoDB: it answers the commands of a test
 * with what the test wrote down, in order, and everything else with ok. For
 * answers that a good server does not give when one asks for them. OP_MSG, and OP_QUERY for the
 * first hello, as MongoDB's wire protocol describes them.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/mongo/mongo_test.h"

struct pretend_answer {
	const char *command;
	const char *json; /* NULL: the connection is closed instead */
	const char *asks; /* what the command must hold to get it; NULL: anything */
};

struct pretend {
	const char *hello; /* JSON */
	const struct pretend_answer *answers;
	_Atomic size_t next; /* how many of them were given */
	size_t n;
	int listener;
	uint16_t port;
	pthread_t thread, conns[64];
	size_t n_conns;
};

static inline bool pretend_read(int fd, void *out, size_t len)
{
	uint8_t *at = out;

	while (len) {
		ssize_t got = recv(fd, at, len, 0);

		if (got <= 0)
			return false;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

/* The first key of the command, which names it. */
static inline const char *pretend_command(const struct buf *message, bool query)
{
	size_t at = 16 + 4; /* header, flags */

	if (query)
		at += strlen((const char *)message->data + at) + 1 + 8; /* collection, skip, limit */
	else
		at += 1;                                 /* kind of section */
	return (const char *)message->data + at + 4 + 1; /* length, type */
}

/* NULL: close the connection. */
static inline const char *pretend_find(struct pretend *p, const char *command, const struct buf *message)
{
	size_t next = p->next;

	if (strcmp(command, "isMaster") == 0 || strcmp(command, "ismaster") == 0 ||
	    strcmp(command, "hello") == 0)
		return p->hello;
	if (next < p->n && strcmp(p->answers[next].command, command) == 0) {
		const char *asks = p->answers[next].asks;

		if (asks && !memmem(message->data, message->len, asks, strlen(asks)))
			return "{\"ok\": 0, \"code\": 72, \"errmsg\": \"not asked for as it must be\"}";
		p->next = next + 1;
		return p->answers[next].json;
	}
	return "{\"ok\": 1}";
}

static inline void pretend_send(int fd, uint32_t to, bool query, const char *json)
{
	struct buf out, body;

	buf_init(&out, BUF_NO_LIMIT);
	buf_init(&body, BUF_NO_LIMIT);
	if (mongo_test_bson(slice_str(json), &body, NULL))
		abort();
	buf_add_u32(&out, (uint32_t)(16 + (query ? 20 : 5) + body.len));
	buf_add_u32(&out, 1);
	buf_add_u32(&out, to);
	buf_add_u32(&out, query ? 1 : 2013);
	buf_add_u32(&out, query ? 8 : 0);
	if (query) {
		buf_add_u64(&out, 0);
		buf_add_u32(&out, 0);
		buf_add_u32(&out, 1);
	} else {
		buf_add_u8(&out, 0);
	}
	buf_add_slice(&out, buf_slice(&body));
	if (send(fd, out.data, out.len, MSG_NOSIGNAL) < 0)
		perror("pretend_mongo");
	buf_done(&out);
	buf_done(&body);
}

struct pretend_conn {
	struct pretend *pretend;
	int fd;
};

static inline void *pretend_serve(void *arg)
{
	struct pretend_conn conn = *(struct pretend_conn *)arg;
	struct buf message;
	uint32_t header[4];

	free(arg);
	buf_init(&message, 1 << 20);
	while (pretend_read(conn.fd, header, sizeof(header)) && header[0] > 21 && header[0] < 1 << 20) {
		bool query = header[3] == 2004;
		const char *json;

		buf_clear(&message);
		buf_add(&message, header, sizeof(header));
		if (!pretend_read(conn.fd, buf_room(&message, header[0] - 16), header[0] - 16))
			break;
		message.len = header[0];
		json = pretend_find(conn.pretend, pretend_command(&message, query), &message);
		if (!json)
			break;
		pretend_send(conn.fd, header[1], query, json);
	}
	close(conn.fd);
	buf_done(&message);
	return NULL;
}

static inline void *pretend_accept(void *arg)
{
	struct pretend *p = arg;
	int fd;

	while ((fd = accept(p->listener, NULL, NULL)) >= 0) {
		struct pretend_conn *conn = xmalloc(sizeof(*conn));

		*conn = (struct pretend_conn){ p, fd };
		if (p->n_conns == ARRAY_LEN(p->conns) ||
		    pthread_create(&p->conns[p->n_conns++], NULL, pretend_serve, conn))
			abort();
	}
	return NULL;
}

static inline void pretend_start(struct pretend *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&at, len) || listen(p->listener, 16) ||
	    getsockname(p->listener, (struct sockaddr *)&at, &len))
		abort();
	p->port = ntohs(at.sin_port);
	if (pthread_create(&p->thread, NULL, pretend_accept, p))
		abort();
}

/* After the store is closed, so that all connections are. */
static inline void pretend_stop(struct pretend *p)
{
	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	for (size_t i = 0; i < p->n_conns; i++)
		pthread_join(p->conns[i], NULL);
	close(p->listener);
}

#endif
