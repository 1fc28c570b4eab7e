/* Where mail goes: routes of our own, MX, addresses, null MX, and never to ourselves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../shared/dns/responder.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/rand.h"
#include "route.h"

static struct loop *loop;
static struct dns *dns;
static struct responder *responder;

static const struct zone_line zone[] = {
	{ "plain.example", DNS_MX, "10 mx.plain.example" },
	{ "mx.plain.example", DNS_A, "192.0.2.1" },
	{ "mx.plain.example", DNS_AAAA, "2001:db8::1" },
	{ "order.example", DNS_MX, "20 b.order.example" },
	{ "order.example", DNS_MX, "10 a.order.example" },
	{ "a.order.example", DNS_A, "192.0.2.10" },
	{ "b.order.example", DNS_A, "192.0.2.20" },
	{ "equal.example", DNS_MX, "10 a.order.example" },
	{ "equal.example", DNS_MX, "10 b.order.example" },
	{ "address.example", DNS_A, "192.0.2.30" },
	{ "null.example", DNS_MX, "0 " },
	{ "null.example", DNS_A, "192.0.2.31" },
	{ "ours.example", DNS_MX, "10 mx.home.example" },
	{ "backup.example", DNS_MX, "10 a.order.example" },
	{ "backup.example", DNS_MX, "20 MX.Home.Example" },
	{ "backup.example", DNS_MX, "20 b.order.example" },
	{ "byaddress.example", DNS_MX, "10 a.order.example" },
	{ "byaddress.example", DNS_MX, "20 alias.home.example" },
	{ "byaddress.example", DNS_MX, "30 b.order.example" },
	{ "alias.home.example", DNS_A, "192.0.2.99" },
	{ "mx.home.example", DNS_A, "192.0.2.99" },
	{ "loopback.example", DNS_MX, "10 lo.example" },
	{ "lo.example", DNS_A, "127.0.0.1" },
	{ "lo.example", DNS_AAAA, "::1" },
	{ "selfaddress.example", DNS_A, "192.0.2.99" },
	{ "nohost.example", DNS_MX, "10 gone.nohost.example" },
	{ "servfail.example", ZONE_SERVFAIL, "" },
	{ "halffail.example", DNS_MX, "10 mx.servfail.example" },
	{ "mx.servfail.example", ZONE_SERVFAIL, "" },
	{ "onefails.example", DNS_MX, "10 mx.servfail.example" },
	{ "onefails.example", DNS_MX, "20 a.order.example" },
	{ "text.example", DNS_TXT, "nothing else" },
	{ "xn--bcher-kva.example", DNS_MX, "10 a.order.example" },
	{ "relay.example", DNS_A, "192.0.2.50" },
	{ "relay.example", DNS_AAAA, "2001:db8::50" },
	{ NULL, 0, NULL },
};

/* ---- asking ---- */

struct asked {
	bool told;
	struct route route;
	char text[1000]; /* "host address port, ..." */
};

static void print_target(char *out, size_t size, const struct target *target)
{
	const union route_address *address = &target->address;
	const bool v4 = address->any.sa_family == AF_INET;
	char ip[64] = "";

	inet_ntop(address->any.sa_family,
	          v4 ? (const void *)&address->v4.sin_addr : (const void *)&address->v6.sin6_addr, ip,
	          sizeof(ip));
	snprintf(out, size, "%s %s %u", target->host, ip,
	         ntohs(v4 ? address->v4.sin_port : address->v6.sin6_port));
}

static void on_route(void *arg, const struct route *route)
{
	struct asked *asked = arg;

	assert_false(asked->told);
	asked->told = true;
	asked->route = *route;
	for (size_t i = 0; i < route->n; i++) {
		size_t len = strlen(asked->text);

		if (i)
			len += (size_t)snprintf(asked->text + len, sizeof(asked->text) - len, ", ");
		print_target(asked->text + len, sizeof(asked->text) - len, &route->targets[i]);
	}
}

static struct route_conf conf_with(const struct routes *routes)
{
	static union route_address own[1];

	own[0].v4.sin_family = AF_INET;
	inet_pton(AF_INET, "192.0.2.99", &own[0].v4.sin_addr);
	return (struct route_conf){
		.dns = dns,
		.routes = routes,
		.port = 25,
		.ipv6 = true,
		.hostname = "mx.home.example",
		.helo = "out.home.example",
		.own = own,
		.n_own = 1,
	};
}

static void ask(const struct route_conf *conf, const char *domain, struct arena *arena, struct asked *asked)
{
	int64_t end = clock_mono_ms() + 10000;
	struct routing *routing;

	memset(asked, 0, sizeof(*asked));
	routing = route_find(conf, domain, arena, on_route, asked);
	assert_true(asked->told == (routing == NULL));
	while (!asked->told && clock_mono_ms() < end)
		loop_step(loop, 50);
	if (!asked->told)
		fail_msg("%s: no answer", domain);
}

/* ---- the DNS ---- */

static void by_dns(void **state)
{
	static const struct {
		const char *domain, *targets; /* NULL: none */
		const char *status;
		bool permanent;
	} cases[] = {
		{ "plain.example", "mx.plain.example 2001:db8::1 25, mx.plain.example 192.0.2.1 25", NULL,
		  false },
		{ "PLAIN.example", "mx.plain.example 2001:db8::1 25, mx.plain.example 192.0.2.1 25", NULL,
		  false },
		{ "order.example", "a.order.example 192.0.2.10 25, b.order.example 192.0.2.20 25", NULL,
		  false },
		{ "address.example", "address.example 192.0.2.30 25", NULL, false },
		{ "b\xc3\xbc"
		  "cher.example",
		  "a.order.example 192.0.2.10 25", NULL, false },
		{ "[192.0.2.77]", "192.0.2.77 192.0.2.77 25", NULL, false },
		{ "[IPv6:2001:db8::77]", "2001:db8::77 2001:db8::77 25", NULL, false },
		{ "null.example", NULL, "5.1.10", true },
		{ "ours.example", NULL, "5.4.6", true },
		{ "backup.example", "a.order.example 192.0.2.10 25", NULL, false },
		{ "byaddress.example", "a.order.example 192.0.2.10 25", NULL, false },
		{ "loopback.example", NULL, "5.4.6", true },
		{ "selfaddress.example", NULL, "5.4.6", true },
		{ "mx.home.example", NULL, "5.4.6", true },
		{ "[192.0.2.99]", NULL, "5.4.6", true },
		{ "[127.0.0.1]", NULL, "5.4.6", true },
		{ "nohost.example", NULL, "5.4.4", true },
		{ "text.example", NULL, "5.4.4", true },
		{ "missing.example", NULL, "5.1.2", true },
		{ "servfail.example", NULL, "4.4.3", false },
		{ "halffail.example", NULL, "4.4.3", false },
		{ "onefails.example", "a.order.example 192.0.2.10 25", NULL, false },
		{ "[nonsense]", NULL, "5.1.2", true },
		{ "-.-", NULL, "5.1.2", true },
	};
	const struct routes none = { NULL, 0 };
	const struct route_conf conf = conf_with(&none);
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct asked asked;

		ask(&conf, cases[i].domain, arena, &asked);
		if (cases[i].targets ? strcmp(asked.text, cases[i].targets) != 0 : asked.route.n != 0)
			fail_msg("%s: \"%s\" %s", cases[i].domain, asked.text, asked.route.status);
		if (cases[i].status && (strcmp(asked.route.status, cases[i].status) ||
		                        asked.route.permanent != cases[i].permanent))
			fail_msg("%s: %s, permanent %d", cases[i].domain, asked.route.status,
			         asked.route.permanent);
	}
	arena_free(arena);
}

static void equals_are_shuffled(void **state)
{
	const struct routes none = { NULL, 0 };
	const struct route_conf conf = conf_with(&none);
	struct arena *arena = arena_new();
	unsigned first_is_a = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct asked asked;

		ask(&conf, "equal.example", arena, &asked);
		assert_int_equal(asked.route.n, 2);
		first_is_a += asked.text[0] == 'a';
	}
	assert_in_range(first_is_a, 20, 80);
	arena_free(arena);
}

static void settings(void **state)
{
	const struct routes none = { NULL, 0 };
	struct route_conf conf = conf_with(&none);
	struct arena *arena = arena_new();
	struct asked asked;

	(void)state;
	conf.ipv6 = false;
	ask(&conf, "plain.example", arena, &asked);
	assert_string_equal(asked.text, "mx.plain.example 192.0.2.1 25");
	conf.port = 2525; /* then an address of ours is not this host's mail */
	ask(&conf, "loopback.example", arena, &asked);
	assert_string_equal(asked.text, "lo.example 127.0.0.1 2525");
	ask(&conf, "ours.example", arena, &asked);
	assert_string_equal(asked.route.status, "5.4.6");
	arena_free(arena);
}

static void cancelled(void **state)
{
	const struct routes none = { NULL, 0 };
	const struct route_conf conf = conf_with(&none);
	struct arena *arena = arena_new();
	struct asked asked = { 0 };
	struct routing *routing;

	(void)state;
	for (int steps = 0; steps < 4; steps++) {
		routing = route_find(&conf, "fresh-name.order.example", arena, on_route, &asked);
		assert_non_null(routing);
		for (int i = 0; i < steps && !asked.told; i++)
			loop_step(loop, 1);
		if (!asked.told)
			route_cancel(routing);
		asked.told = false;
	}
	route_cancel(NULL);
	for (int i = 0; i < 20; i++)
		loop_step(loop, 5);
	assert_false(asked.told);
	arena_free(arena);
}

/* ---- routes of our own ---- */

static enum fault parse(const char *items, const char *smart_host, struct arena *arena, struct routes *ret,
                        struct why *why)
{
	struct slice rest = slice_str(items), item;
	struct conf_list list = { arena_array(arena, const char *, 16), 0 };

	while (items[0] && slice_cut(&rest, ' ', &item))
		list.items[list.n++] = arena_strz(arena, item);
	return routes_parse(&list, smart_host, arena, ret, why);
}

static void own_routes(void **state)
{
	static const char routes_text[] = "example.net=relay.example:2500 .example.net=127.0.0.1:26 "
	                                  ".deep.example.net=[::1]:27 b\xc3\xbc"
	                                  "cher.example=10.0.0.1";
	static const struct {
		const char *domain, *smart_host, *targets;
	} cases[] = {
		{ "example.net", "", "relay.example 2001:db8::50 2500, relay.example 192.0.2.50 2500" },
		{ "EXAMPLE.net", "", "relay.example 2001:db8::50 2500, relay.example 192.0.2.50 2500" },
		{ "a.example.net", "", "127.0.0.1 127.0.0.1 26" },
		{ "x.deep.example.net", "", "::1 ::1 27" },
		{ "deep.example.net", "", "127.0.0.1 127.0.0.1 26" },
		{ "xn--bcher-kva.example", "", "10.0.0.1 10.0.0.1 25" },
		{ "notexample.net", "127.0.0.1:28", "127.0.0.1 127.0.0.1 28" },
		{ "a.example.net", "127.0.0.1:28", "127.0.0.1 127.0.0.1 26" },
		{ "null.example", "127.0.0.1:28", "127.0.0.1 127.0.0.1 28" },
		{ "[192.0.2.77]", "127.0.0.1:28", "127.0.0.1 127.0.0.1 28" },
		{ "order.example", "", "a.order.example 192.0.2.10 25, b.order.example 192.0.2.20 25" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct route_conf conf;
		struct routes routes;
		struct asked asked;
		struct why why;

		assert_int_equal(parse(routes_text, cases[i].smart_host, arena, &routes, &why), FAULT_NONE);
		conf = conf_with(&routes);
		ask(&conf, cases[i].domain, arena, &asked);
		if (strcmp(asked.text, cases[i].targets))
			fail_msg("%s: \"%s\"", cases[i].domain, asked.text);
	}
	arena_free(arena);
}

/* An operator's mistake in a route must not bounce mail. */
static void route_to_nowhere(void **state)
{
	struct arena *arena = arena_new();
	struct route_conf conf;
	struct routes routes;
	struct asked asked;
	struct why why;

	(void)state;
	assert_int_equal(parse("", "no-such-host.example:25", arena, &routes, &why), FAULT_NONE);
	conf = conf_with(&routes);
	ask(&conf, "order.example", arena, &asked);
	assert_int_equal(asked.route.n, 0);
	assert_false(asked.route.permanent);
	arena_free(arena);
}

static void wrong_routes(void **state)
{
	static const struct {
		const char *routes, *smart_host;
	} cases[] = {
		{ "example.net", "" },
		{ "example.net=", "" },
		{ "=host:25", "" },
		{ "a=b:0", "" },
		{ "a=b:65536", "" },
		{ "a=b:x", "" },
		{ "a=[::1", "" },
		{ "a=[::1]25", "" },
		{ "", "host:"
		      "99999" },
		{ "", ":25" },
		{ "..=b:25", "" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct routes routes;
		struct why why;

		if (parse(cases[i].routes, cases[i].smart_host, arena, &routes, &why) != FAULT_CONFIG)
			fail_msg("\"%s\" \"%s\" was taken", cases[i].routes, cases[i].smart_host);
	}
	arena_free(arena);
}

static void own_addresses(void **state)
{
	const union route_address *own;
	struct arena *arena = arena_new();
	size_t n = route_own_addresses(arena, &own);
	bool loopback = false;

	(void)state;
	for (size_t i = 0; i < n; i++)
		loopback |=
		    own[i].any.sa_family == AF_INET && own[i].v4.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
	assert_true(loopback);
	arena_free(arena);
}

static int setup(void **state)
{
	struct dns_conf conf = { .timeout_ms = 4000 };
	struct why why;

	(void)state;
	rand_start();
	loop = loop_new();
	responder = responder_start(zone);
	conf.servers = responder->servers;
	conf.trust_anchor = "";
	return dns_new(loop, &conf, &dns, &why) ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	dns_free(dns);
	responder_stop(responder);
	for (int i = 0; i < 20; i++)
		loop_step(loop, 1);
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_dns),       cmocka_unit_test(equals_are_shuffled),
		cmocka_unit_test(settings),     cmocka_unit_test(cancelled),
		cmocka_unit_test(own_routes),   cmocka_unit_test(route_to_nowhere),
		cmocka_unit_test(wrong_routes), cmocka_unit_test(own_addresses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
