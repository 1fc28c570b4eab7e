#ifndef TESTS_SHARED_DNS_RESPONDER_H
#define TESTS_SHARED_DNS_RESPONDER_H
/*
 * A DNS server in a thread of the test program: UDP on 127.0.0.1, answers from a
 * table, and counts what it was asked. System tests use lib/fakedns.py instead.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dns/dns.h"

enum { ZONE_SERVFAIL = 0x10000, ZONE_SILENT, ZONE_DELAY }; /* as `type`; DELAY: value is ms */

struct zone_line {
	const char *name;
	int type;          /* enum dns_type, or one of the above */
	const char *value; /* as in a zone file: "192.0.2.1", "10 mx.test", "text" without quotes */
	uint32_t ttl;      /* 0: 300 */
};

struct responder {
	const struct zone_line *zone; /* ended by name NULL */
	int fd;
	uint16_t port;
	char servers[32]; /* for dns_conf */
	pthread_t thread;
	_Atomic bool stop;
	_Atomic unsigned asked;
	pthread_mutex_t lock;
	char log[400][280]; /* "TYPE name" */
};

static size_t responder_put_name(uint8_t *out, const char *name)
{
	size_t len = 0;

	while (*name) {
		size_t label = strcspn(name, ".");

		out[len++] = (uint8_t)label;
		memcpy(out + len, name, label);
		len += label;
		name += label + (name[label] == '.');
	}
	out[len++] = 0;
	return len;
}

static size_t responder_put_rdata(uint8_t *out, const struct zone_line *line)
{
	size_t len = 0, left;
	char *end;
	unsigned long preference;

	switch (line->type) {
	case DNS_A:
		assert(inet_pton(AF_INET, line->value, out) == 1);
		return 4;
	case DNS_AAAA:
		assert(inet_pton(AF_INET6, line->value, out) == 1);
		return 16;
	case DNS_MX:
		preference = strtoul(line->value, &end, 10);
		out[0] = (uint8_t)(preference >> 8);
		out[1] = (uint8_t)preference;
		return 2 + responder_put_name(out + 2, end + 1);
	case DNS_TXT:
		for (const char *at = line->value; (left = strlen(at)) > 0 || len == 0;
		     at += MIN_OF(left, 255)) {
			size_t part = MIN_OF(left, 255);

			out[len++] = (uint8_t)part;
			memcpy(out + len, at, part);
			len += part;
			if (part == 0)
				break;
		}
		return len;
	case DNS_TLSA: /* hex */
		for (const char *at = line->value; at[0] && at[1]; at += 2)
			sscanf(at, "%2hhx", &out[len++]);
		return len;
	default:
		return responder_put_name(out, line->value);
	}
}

static bool responder_is_under(const char *name, const char *parent)
{
	size_t n = strlen(name), p = strlen(parent);

	return n >= p && strcasecmp(name + n - p, parent) == 0 && (n == p || name[n - p - 1] == '.');
}

static size_t responder_put_record(uint8_t *out, const struct zone_line *line)
{
	uint32_t ttl = line->ttl ? line->ttl : 300;
	size_t len = responder_put_name(out, line->name), rdata;

	out[len++] = (uint8_t)(line->type >> 8);
	out[len++] = (uint8_t)line->type;
	out[len++] = 0;
	out[len++] = 1;
	for (int shift = 24; shift >= 0; shift -= 8)
		out[len++] = (uint8_t)(ttl >> shift);
	rdata = responder_put_rdata(out + len + 2, line);
	out[len] = (uint8_t)(rdata >> 8);
	out[len + 1] = (uint8_t)rdata;
	return len + 2 + rdata;
}

/* The reply in place of the question; 0: none. */
static size_t responder_answer(struct responder *r, uint8_t *packet, size_t len)
{
	char name[256] = "";
	size_t at = 12, n = 0;
	int type, rcode = 3, answers = 0;
	bool exists = false;
	const char *want = name;

	while (at < len && packet[at] && n < 250) {
		memcpy(name + n, packet + at + 1, packet[at]);
		n += packet[at];
		at += 1 + (size_t)packet[at];
		name[n++] = '.';
	}
	name[n ? n - 1 : 0] = '\0';
	type = packet[at + 1] << 8 | packet[at + 2];
	at += 5;
	pthread_mutex_lock(&r->lock);
	if (r->asked < 400)
		snprintf(r->log[r->asked], sizeof(r->log[0]), "%d %s", type, name);
	r->asked++;
	pthread_mutex_unlock(&r->lock);
	for (int hops = 0; hops < 4; hops++) {
		const char *next = NULL;

		for (const struct zone_line *line = r->zone; line->name; line++) {
			if (responder_is_under(line->name, want))
				exists = true;
			if (strcasecmp(line->name, want) != 0)
				continue;
			if (line->type == ZONE_SILENT)
				return 0;
			if (line->type == ZONE_SERVFAIL)
				rcode = 2;
			if (line->type == ZONE_DELAY) {
				long ms = strtol(line->value, NULL, 10);

				nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
			}
			if (line->type != type && line->type != DNS_CNAME)
				continue;
			at += responder_put_record(packet + at, line);
			answers++;
			if (line->type == DNS_CNAME && type != DNS_CNAME)
				next = line->value;
		}
		if (!next)
			break;
		want = next;
	}
	packet[2] = 0x84;
	packet[3] = (uint8_t)(0x80 | (rcode == 2 ? 2 : exists ? 0 : 3));
	packet[6] = 0;
	packet[7] = (uint8_t)answers;
	memset(packet + 8, 0, 4);
	return at;
}

static void *responder_main(void *arg)
{
	struct responder *r = arg;
	static _Thread_local uint8_t packet[65536];

	while (!r->stop) {
		struct pollfd poll_fd = { .fd = r->fd, .events = POLLIN };
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		ssize_t len;

		if (poll(&poll_fd, 1, 20) <= 0)
			continue;
		len = recvfrom(r->fd, packet, 4096, 0, (struct sockaddr *)&from, &from_len);
		if (len < 17)
			continue;
		len = (ssize_t)responder_answer(r, packet, (size_t)len);
		if (len > 0)
			sendto(r->fd, packet, (size_t)len, 0, (struct sockaddr *)&from, from_len);
	}
	return NULL;
}

static inline struct responder *responder_start(const struct zone_line *zone)
{
	struct responder *r = calloc(1, sizeof(*r));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	assert(r);
	r->zone = zone;
	pthread_mutex_init(&r->lock, NULL);
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert(r->fd >= 0 && bind(r->fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	assert(getsockname(r->fd, (struct sockaddr *)&at, &len) == 0);
	r->port = ntohs(at.sin_port);
	snprintf(r->servers, sizeof(r->servers), "127.0.0.1@%u", r->port);
	assert(pthread_create(&r->thread, NULL, responder_main, r) == 0);
	return r;
}

static inline void responder_stop(struct responder *r)
{
	r->stop = true;
	pthread_join(r->thread, NULL);
	close(r->fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* How often this was asked; name NULL: any. */
static inline unsigned responder_count(struct responder *r, int type, const char *name)
{
	char line[280];
	unsigned n = 0;

	snprintf(line, sizeof(line), "%d %s", type, name ? name : "");
	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < r->asked && i < 400; i++)
		n += name ? strcasecmp(r->log[i], line) == 0 : strncmp(r->log[i], line, strlen(line)) == 0;
	pthread_mutex_unlock(&r->lock);
	return n;
}

#endif
