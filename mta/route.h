#ifndef MTA_ROUTE_H
#define MTA_ROUTE_H
/*
 * Where a domain's mail goes (RFC 5321 5.1, RFC 7505): a route of our own, the
 * smart host, or its MX hosts in order of preference, equals shuffled; without
 * MX the domain's own addresses.
 *
 * We are never a target: when an MX host has our name or one of our addresses,
 * it and all that are less preferred are left out, and when nobody is left the
 * mail would loop (5.4.6). Routes of our own are taken as they are.
 *
 * Threads: the loop's only.
 */
#include <netinet/in.h>

#include "base/conf.h"
#include "dns/dns.h"

union route_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* ---- routes of our own ---- */

struct route_own {
	const char *domain; /* A-label; ".example.org": all below it; "": every domain, the smart host */
	const char *host;   /* name or address, without brackets */
	uint16_t port;
};

struct routes {
	struct route_own *list; /* the smart host last */
	size_t n;
};

/* From the settings, in the arena. CONFIG. */
MUST_CHECK enum fault routes_parse(const struct conf_list *, const char *smart_host, struct arena *,
                                   struct routes *ret, struct why *);
/* The route for an A-label domain; NULL: the DNS says. An exact one goes before ".suffix" ones, the longest suffix
 * before others. */
const struct route_own *routes_find(const struct routes *, const char *domain);

/* ---- finding ---- */

#define ROUTE_TARGETS_MAX 40 /* addresses */
#define ROUTE_HOSTS_MAX   15 /* MX hosts that are looked at */

struct route_conf {
	struct dns *dns;
	const struct routes *routes;
	uint16_t port; /* of hosts from the DNS; others than 25 are never taken for ourselves by address */
	bool ipv6;
	const char *hostname, *helo;    /* our names */
	const union route_address *own; /* our addresses; loopback needs no entry */
	size_t n_own;
};

struct target {
	const char *host;
	union route_address address;
};

struct route {
	const struct target *targets;
	size_t n;
	/* without targets: what to tell */
	bool permanent;
	const char *status, *why;
};

struct routing;

/* `on_route` on the loop, from inside the call when nothing has to be asked for: then NULL is given. `domain` as in an address: UTF-8,
 * or a literal in brackets. What is told lives in the arena. `conf` must outlive the routing. */
struct routing *route_find(const struct route_conf *, const char *domain, struct arena *,
                           void (*on_route)(void *arg, const struct route *), void *arg);
void route_cancel(struct routing *); /* NULL accepted; no callback follows */

/* The addresses of this machine's interfaces, in the arena. */
size_t route_own_addresses(struct arena *, const union route_address **ret);

#endif
