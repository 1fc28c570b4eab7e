#ifndef TESTS_CONTRACT_FAULT_PROXY_H
#define TESTS_CONTRACT_FAULT_PROXY_H
/*
 * A TCP relay on loopback that can fail on purpose, between a client under test
 * and a real service. One thread; a call returns when the change is in force.
 */
#include <stddef.h>
#include <stdint.h>

struct fault_proxy;

enum proxy_mode {
	PROXY_PASS,
	PROXY_AWAY, /* nobody listens, open connections are reset */
	PROXY_HANG, /* connections are taken and nothing moves */
	PROXY_CUT, /* after `after` more bytes in either direction every connection is reset, then PASS again */
};

/* To 127.0.0.1:port. */
struct fault_proxy *fault_proxy_new(uint16_t port);
/* To HOST:PORT as it stands in a URI; its host must be 127.0.0.1 or localhost. NULL when it is not. */
struct fault_proxy *fault_proxy_for(const char *uri);
uint16_t fault_proxy_port(const struct fault_proxy *);
void fault_proxy_set(struct fault_proxy *, enum proxy_mode, size_t after);
unsigned fault_proxy_taken(struct fault_proxy *); /* connections accepted so far */
void fault_proxy_free(struct fault_proxy *);

#endif
