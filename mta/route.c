/*
 * Finding a domain's hosts (route.h).
 *
 * Steps   MX  ->  A and AAAA of every host that may be a target, all at once  ->  targets in order
 *
 * A step's questions are counted in `asked`; the last answer leads on. Answers
 * never come from inside dns_resolve(), so nothing here is called twice at once.
 */
#include "route.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/rand.h"
#include "mail/idna.h"

#define ADDRESSES_MAX 8 /* of one host and family */

struct route_host {
	struct routing *routing;
	const char *name;
	uint16_t preference, port;
	union route_address v4[ADDRESSES_MAX], v6[ADDRESSES_MAX];
	size_t n_v4, n_v6;
	bool failed; /* one of its questions got no answer */
	struct dns_query *queries[2];
};

struct routing {
	const struct route_conf *conf;
	struct arena *arena;
	const char *domain; /* A-label */
	void (*on_route)(void *arg, const struct route *);
	void *arg;
	struct dns_query *mx;
	bool own;            /* a route of ours: nothing in it can be a loop */
	bool starting, told; /* still inside route_find(), which frees it then */
	struct route_host *hosts;
	size_t n;
	unsigned asked;
};

/* ---- telling ---- */

static void tell(struct routing *routing, const struct route *route)
{
	void (*on_route)(void *, const struct route *) = routing->on_route;
	void *arg = routing->arg;

	routing->told = true;
	if (!routing->starting)
		free(routing);
	on_route(arg, route);
}

static void tell_none(struct routing *routing, bool permanent, const char *status, const char *why)
{
	struct route *route = arena_make(routing->arena, struct route);

	*route = (struct route){ .permanent = permanent, .status = status, .why = why };
	tell(routing, route);
}

/* ---- targets ---- */

static bool is_loopback(const union route_address *address)
{
	if (address->any.sa_family == AF_INET) {
		uint32_t v4 = ntohl(address->v4.sin_addr.s_addr);

		return v4 >> 24 == 127 || v4 == 0;
	}
	return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr) ||
	       IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr) && address->v6.sin6_addr.s6_addr[12] == 127);
}

static bool same_address(const union route_address *a, const union route_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

static bool is_own_address(const struct route_conf *conf, const union route_address *address)
{
	if (conf->port != 25)
		return false;
	if (is_loopback(address))
		return true;
	for (size_t i = 0; i < conf->n_own; i++) {
		if (same_address(address, &conf->own[i]))
			return true;
	}
	return false;
}

static bool is_own_name(const struct route_conf *conf, const char *name)
{
	return strcasecmp(name, conf->hostname) == 0 || strcasecmp(name, conf->helo) == 0;
}

static bool is_us(const struct route_conf *conf, const struct route_host *host)
{
	for (size_t i = 0; i < host->n_v4; i++) {
		if (is_own_address(conf, &host->v4[i]))
			return true;
	}
	for (size_t i = 0; i < host->n_v6; i++) {
		if (is_own_address(conf, &host->v6[i]))
			return true;
	}
	return is_own_name(conf, host->name);
}

/* RFC 5321 5.1: where we are, and behind us, there is no way. True: that leaves nobody. */
static bool cut_at_us(struct routing *routing)
{
	uint32_t ours = UINT32_MAX;
	size_t n = 0;

	for (size_t i = 0; i < routing->n && !routing->own; i++) {
		if (is_us(routing->conf, &routing->hosts[i]))
			ours = MIN_OF(ours, routing->hosts[i].preference);
	}
	if (ours == UINT32_MAX)
		return false;
	while (n < routing->n && routing->hosts[n].preference < ours)
		n++;
	routing->n = n;
	return n == 0;
}

/* Families in turn: a host that cannot be reached by one is soon tried by the other. */
static size_t add_targets(struct target *targets, size_t n, const struct route_host *host)
{
	for (size_t i = 0; i < MAX_OF(host->n_v4, host->n_v6); i++) {
		if (i < host->n_v6 && n < ROUTE_TARGETS_MAX)
			targets[n++] = (struct target){ host->name, host->v6[i] };
		if (i < host->n_v4 && n < ROUTE_TARGETS_MAX)
			targets[n++] = (struct target){ host->name, host->v4[i] };
	}
	return n;
}

static void finish(struct routing *routing)
{
	struct target *targets = arena_array(routing->arena, struct target, ROUTE_TARGETS_MAX);
	struct route *route = arena_make(routing->arena, struct route);
	bool failed = false;
	size_t n = 0;

	if (cut_at_us(routing)) {
		tell_none(routing, true, "5.4.6", "mail for the domain leads back to this host");
		return;
	}
	for (size_t i = 0; i < routing->n; i++) {
		n = add_targets(targets, n, &routing->hosts[i]);
		failed |= routing->hosts[i].failed;
	}
	if (n == 0 && failed) {
		tell_none(routing, false, "4.4.3", "the DNS gave no address of the domain's hosts");
	} else if (n == 0) {
		tell_none(routing, !routing->own, routing->own ? "4.4.4" : "5.4.4",
		          "the domain's hosts have no address");
	} else {
		*route = (struct route){ .targets = targets, .n = n };
		tell(routing, route);
	}
}

/* ---- addresses ---- */

static void add_address(struct route_host *host, int family, const void *raw)
{
	union route_address *to;

	if (family == AF_INET ? host->n_v4 == ADDRESSES_MAX : host->n_v6 == ADDRESSES_MAX)
		return;
	to = family == AF_INET ? &host->v4[host->n_v4++] : &host->v6[host->n_v6++];
	memset(to, 0, sizeof(*to));
	to->any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		to->v4.sin_port = htons(host->port);
		memcpy(&to->v4.sin_addr, raw, sizeof(to->v4.sin_addr));
	} else {
		to->v6.sin6_port = htons(host->port);
		memcpy(&to->v6.sin6_addr, raw, sizeof(to->v6.sin6_addr));
	}
}

static void shuffle(struct dns_record *records, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t with = rand_below((uint32_t)i);
		struct dns_record swap = records[i - 1];

		records[i - 1] = records[with];
		records[with] = swap;
	}
}

static void take_addresses(struct route_host *host, int family, const struct dns_answer *answer)
{
	const size_t size = family == AF_INET ? 4 : 16;
	struct dns_record records[32];
	size_t n = MIN_OF(answer->n, ARRAY_LEN(records));

	if (answer->status == DNS_TEMPFAIL)
		host->failed = true;
	if (answer->status != DNS_OK)
		return;
	memcpy(records, answer->records, n * sizeof(*records));
	shuffle(records, n);
	for (size_t i = 0; i < n; i++) {
		if (records[i].data.len == size)
			add_address(host, family, records[i].data.data);
	}
}

static void answered(struct route_host *host, int family, const struct dns_answer *answer)
{
	struct routing *routing = host->routing;

	host->queries[family == AF_INET6] = NULL;
	take_addresses(host, family, answer);
	if (--routing->asked == 0)
		finish(routing);
}

static void on_v4(void *arg, const struct dns_answer *answer)
{
	answered(arg, AF_INET, answer);
}

static void on_v6(void *arg, const struct dns_answer *answer)
{
	answered(arg, AF_INET6, answer);
}

/* A name is asked for, an address is one. */
static void find_addresses(struct routing *routing, struct route_host *host)
{
	struct in6_addr v6;
	struct in_addr v4;

	host->routing = routing;
	if (inet_pton(AF_INET, host->name, &v4) == 1) {
		add_address(host, AF_INET, &v4);
	} else if (inet_pton(AF_INET6, host->name, &v6) == 1) {
		add_address(host, AF_INET6, &v6);
	} else {
		host->queries[0] = dns_resolve(routing->conf->dns, host->name, DNS_A, on_v4, host);
		routing->asked++;
		if (!routing->conf->ipv6)
			return;
		host->queries[1] = dns_resolve(routing->conf->dns, host->name, DNS_AAAA, on_v6, host);
		routing->asked++;
	}
}

static void find_all_addresses(struct routing *routing)
{
	for (size_t i = 0; i < routing->n; i++)
		find_addresses(routing, &routing->hosts[i]);
	if (routing->asked == 0)
		finish(routing);
}

/* ---- hosts ---- */

static void one_host(struct routing *routing, const char *name, uint16_t port)
{
	routing->hosts = arena_make(routing->arena, struct route_host);
	routing->hosts[0].name = name;
	routing->hosts[0].port = port;
	routing->n = 1;
	find_all_addresses(routing);
}

static void shuffle_equals(struct route_host *hosts, size_t n)
{
	for (size_t from = 0, end; from < n; from = end) {
		for (end = from + 1; end < n && hosts[end].preference == hosts[from].preference;)
			end++;
		for (size_t i = end - from; i > 1; i--) {
			size_t with = rand_below((uint32_t)i);
			struct route_host swap = hosts[from + i - 1];

			hosts[from + i - 1] = hosts[from + with];
			hosts[from + with] = swap;
		}
	}
}

static void take_hosts(struct routing *routing, const struct dns_answer *answer)
{
	routing->hosts = arena_array(routing->arena, struct route_host, answer->n);
	for (size_t i = 0; i < answer->n; i++) {
		const struct dns_record *record = &answer->records[i];

		if (record->data.len == 0)
			continue;
		routing->hosts[routing->n].name = arena_strz(routing->arena, record->data);
		routing->hosts[routing->n].preference = record->preference;
		routing->hosts[routing->n++].port = routing->conf->port;
	}
	shuffle_equals(routing->hosts, routing->n);
	routing->n = MIN_OF(routing->n, (size_t)ROUTE_HOSTS_MAX);
}

static void on_mx(void *arg, const struct dns_answer *answer)
{
	struct routing *routing = arg;

	routing->mx = NULL;
	if (answer->status == DNS_TEMPFAIL) {
		tell_none(routing, false, "4.4.3", "the DNS does not say who takes the domain's mail");
	} else if (answer->status == DNS_NXDOMAIN) {
		tell_none(routing, true, "5.1.2", "there is no such domain");
	} else if (answer->status == DNS_NODATA) {
		one_host(routing, routing->domain, routing->conf->port);
	} else {
		take_hosts(routing, answer);
		if (routing->n)
			find_all_addresses(routing);
		else
			tell_none(routing, true, "5.1.10", "the domain says that it takes no mail");
	}
}

/* ---- starting ---- */

static bool is_address(const char *text)
{
	struct in6_addr raw;

	return inet_pton(AF_INET, text, &raw) == 1 || inet_pton(AF_INET6, text, &raw) == 1;
}

/* [192.0.2.1], [IPv6:2001:db8::1] */
static const char *literal(struct arena *arena, const char *domain)
{
	struct slice text = slice_str(domain);
	const char *address;

	if (!slice_starts(text, "[") || !slice_ends(text, "]"))
		return NULL;
	text = slice_of(text.data + 1, text.len - 2);
	address = arena_strz(arena, slice_istarts(text, "IPv6:") ? slice_from(text, 5) : text);
	return is_address(address) ? address : NULL;
}

static void start(struct routing *routing, const char *domain)
{
	const char *address = literal(routing->arena, domain);
	const struct route_own *own;
	struct slice ascii;

	if (!address && !idna_to_ascii(routing->arena, slice_str(domain), &ascii)) {
		tell_none(routing, true, "5.1.2", "the domain is not a possible one");
		return;
	}
	routing->domain = address ? domain : (const char *)ascii.data;
	own = routes_find(routing->conf->routes, routing->domain);
	if (own) {
		routing->own = true;
		one_host(routing, own->host, own->port);
	} else if (address) {
		one_host(routing, address, routing->conf->port);
	} else {
		routing->mx = dns_resolve(routing->conf->dns, routing->domain, DNS_MX, on_mx, routing);
	}
}

struct routing *route_find(const struct route_conf *conf, const char *domain, struct arena *arena,
                           void (*on_route)(void *arg, const struct route *), void *arg)
{
	struct routing *routing = xzalloc(sizeof(*routing));

	routing->conf = conf;
	routing->arena = arena;
	routing->on_route = on_route;
	routing->arg = arg;
	routing->starting = true;
	start(routing, domain);
	routing->starting = false;
	if (!routing->told)
		return routing;
	free(routing);
	return NULL;
}

void route_cancel(struct routing *routing)
{
	if (!routing)
		return;
	if (routing->mx)
		dns_cancel(routing->mx);
	for (size_t i = 0; i < routing->n; i++) {
		for (size_t q = 0; q < 2; q++) {
			if (routing->hosts[i].queries[q])
				dns_cancel(routing->hosts[i].queries[q]);
		}
	}
	free(routing);
}
