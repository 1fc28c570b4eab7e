#ifndef SHARED_LOOP_PROXY_H
#define SHARED_LOOP_PROXY_H
/*
 * The PROXY protocol, versions 1 and 2: what a proxy in front says of the client it speaks for, before everything else.
 * Only what the standard calls TCP over IPv4 and IPv6 tells an address; TLVs are skipped.
 */
#include "base/slice.h"
#include "loop/conn.h"

#define PROXY_MAX 4096 /* a longer header is refused; TLVs of real proxies take some hundred bytes */

struct networks;

enum proxy_got { PROXY_MORE, PROXY_DONE, PROXY_BAD };

struct proxy_header {
	size_t len;  /* bytes of it */
	char ip[46]; /* "": the proxy speaks for itself (LOCAL, UNKNOWN), the socket's peer stays */
	uint16_t port;
};

/* The header at the front of `in`. MORE: it is not all there, and may still be one. */
enum proxy_got proxy_parse(struct slice in, struct proxy_header *ret);

struct proxy_handler {
	void (*on_ready)(void *arg,
	                 struct conn *); /* with the peer that was told; the conn is the callee's */
	/* it told nothing that makes sense, or nothing in time; may be NULL */
	void (*on_refused)(void *arg, const char *ip, const char *why);
};

/* For what a listener accepted. A peer of these networks has to send a header first, from all others none is read:
 * on_ready then follows at once, from inside the call. */
void proxy_accept(const struct networks *, struct conn *, const struct proxy_handler *, void *arg);

#endif
