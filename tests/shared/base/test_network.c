/* Addresses and networks: what is one, and what is in it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/network.h"

static void what_is_in_a_network(void **state)
{
	static const struct {
		const char *network, *ip;
		bool in;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/24", "::ffff:192.0.2.9", true },
		{ "192.0.2.130/25", "192.0.2.128", true },
		{ "192.0.2.130/25", "192.0.2.127", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "0.0.0.0/0", "203.0.113.7", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "203.0.113.7", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::1", "::1", true },
		{ "::1", "127.0.0.1", false },
		{ "::/0", "local", false },
		{ "::/0", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct network network;
		const struct networks networks = { &network, 1 };

		assert_true(network_parse(slice_str(cases[i].network), &network));
		if (networks_have(&networks, cases[i].ip) != cases[i].in)
			fail_msg("%s, %s", cases[i].network, cases[i].ip);
	}
}

static void what_is_no_network(void **state)
{
	static const char *const cases[] = {
		"",
		"/",
		"/8",
		"192.0.2",
		"192.0.2.0/33",
		"192.0.2.0/",
		"10.0.0.0/x",
		"::/129",
		"192.0.2.0/24/24",
		"host",
		"::1%lo",
		" 192.0.2.1",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct network network;

		if (network_parse(slice_str(cases[i]), &network))
			fail_msg("\"%s\" passed", cases[i]);
	}
}

static void a_list_names_what_is_wrong(void **state)
{
	const char *items[] = { "192.0.2.0/24", "nowhere" };
	struct conf_list list = { items, 2 };
	struct arena *arena = arena_new();
	struct networks networks = { NULL, 0 };
	struct why why;

	(void)state;
	assert_false(networks_have(&networks, "192.0.2.1"));
	assert_int_equal(networks_parse(&list, arena, &networks, &why), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "nowhere"));
	list.n = 1;
	assert_int_equal(networks_parse(&list, arena, &networks, &why), FAULT_NONE);
	assert_true(networks_have(&networks, "192.0.2.1"));
	arena_free(arena);
}

static void what_a_peer_stands_for(void **state)
{
	char out[NETWORK_TEXT];

	(void)state;
	assert_true(network_around("::ffff:192.0.2.7", out));
	assert_string_equal(out, "192.0.2.7");
	assert_true(network_around("2001:db8:1:2:ffff:ffff:ffff:ffff", out));
	assert_string_equal(out, "2001:db8:1:2::/64");
	assert_false(network_around("local", out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_a_network),
		cmocka_unit_test(what_is_no_network),
		cmocka_unit_test(what_a_peer_stands_for),
		cmocka_unit_test(a_list_names_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
