/* Authentication-Results: what is written, folded and escaped; which fields are not ours. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth_results.h"
#include "base/arena.h"

static void values(void **state)
{
	static const struct {
		const char *what;
		struct slice text;
		const char *want;
	} cases[] = {
		{ "token", SLICE("example.org"), "example.org" },
		{ "address", SLICE("user+tag@example.org"), "user+tag@example.org" },
		{ "two @", SLICE("a@b@c"), "\"a@b@c\"" },
		{ "@ at the end", SLICE("a@"), "\"a@\"" },
		{ "empty", SLICE(""), "\"\"" },
		{ "blank", SLICE("a b"), "\"a b\"" },
		{ "quote and backslash", SLICE("a\"b\\c"), "\"a\\\"b\\\\c\"" },
		{ "semicolon", SLICE("a; spf=pass"), "\"a; spf=pass\"" },
		{ "line break", SLICE("a\r\nX: y"), "\"a??X: y\"" },
		{ "NUL", SLICE("a\0b"), "\"a?b\"" },
		{ "8-bit", SLICE("\xc3\xa9"), "\"??\"" },
		{ "base64", SLICE("ab/d+e=="), "\"ab/d+e==\"" },
		{ "IPv6", SLICE("2001:db8::1"), "\"2001:db8::1\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct slice got = field_value(arena, cases[i].text);

		if (!slice_eq(got, slice_str(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].what, SLICE_FMT(got));
		arena_free(arena);
	}
}

static void long_values_are_cut(void **state)
{
	struct arena *arena = arena_new();
	char text[2000];

	(void)state;
	memset(text, '"', sizeof(text));
	assert_int_equal(field_value(arena, slice_of(text, sizeof(text))).len, 2 + 2 * 300);
	memset(text, 'x', sizeof(text));
	assert_int_equal(field_comment(arena, slice_of(text, sizeof(text))).len, 2 + 300);
	arena_free(arena);
}

static void field(void **state)
{
	static const struct auth_prop spf[] = { { "smtp.mailfrom", SLICE("user@example.org") } };
	static const struct auth_prop dkim[] = { { "header.d", SLICE("example.org") },
		                                 { "header.s", { NULL, 0 } },
		                                 { "header.b", SLICE("a/b+c==") } };
	struct arena *arena = arena_new();
	struct field_writer writer;
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	field_start(&writer, &out, "Authentication-Results");
	auth_results_id(&writer, arena, "mx.example.net");
	auth_results_method(&writer, arena, "spf", AUTHRES_PASS, "", spf, ARRAY_LEN(spf));
	auth_results_method(&writer, arena, "dkim", AUTHRES_FAIL,
	                    "the \"body\" was altered; very much so, and more than that", dkim,
	                    ARRAY_LEN(dkim));
	auth_results_end(&writer, 2);
	buf_addc(&out, 0);
	assert_string_equal((char *)out.data,
	                    "Authentication-Results: mx.example.net;\r\n"
	                    "\tspf=pass smtp.mailfrom=user@example.org;\r\n"
	                    "\tdkim=fail\r\n"
	                    "\treason=\"the \\\"body\\\" was altered; very much so, and more than that\"\r\n"
	                    "\theader.d=example.org header.b=\"a/b+c==\"\r\n");
	buf_clear(&out);
	field_start(&writer, &out, "Authentication-Results");
	auth_results_id(&writer, arena, "mx.example.net");
	auth_results_end(&writer, 0);
	buf_addc(&out, 0);
	assert_string_equal((char *)out.data, "Authentication-Results: mx.example.net; none\r\n");
	buf_done(&out);
	arena_free(arena);
}

#define OURS "Authentication-Results: mx.example.net; spf=pass\r\n"

static void forged(void **state)
{
	static const struct {
		const char *what, *header;
		bool drop;
	} cases[] = {
		{ "ours", OURS, true },
		{ "ours, case", "authentication-RESULTS: MX.Example.NET; spf=pass\r\n", true },
		{ "ours, with a version", "Authentication-Results: mx.example.net 1; none\r\n", true },
		{ "ours, folded", "Authentication-Results:\r\n\tmx.example.net;\r\n\tspf=pass\r\n", true },
		{ "ours, a comment before", "Authentication-Results: (a (b)) mx.example.net; spf=pass\r\n",
		  true },
		{ "ours, quoted", "Authentication-Results: \"mx.example\\.net\"; spf=pass\r\n", true },
		{ "ours, a blank before the colon", "Authentication-Results : mx.example.net; spf=pass\r\n",
		  true },
		{ "ours, without methods", "Authentication-Results: mx.example.net\r\n", true },
		{ "none that can be read", "Authentication-Results: ; spf=pass\r\n", true },
		{ "a quote not closed", "Authentication-Results: \"other.net; spf=pass\r\n", true },
		{ "empty", "Authentication-Results:\r\n", true },
		{ "another's", "Authentication-Results: other.net; spf=pass\r\n", false },
		{ "a longer name", "Authentication-Results: mx.example.net.evil.com; spf=pass\r\n", false },
		{ "ours in a comment", "Authentication-Results: other.net (mx.example.net); spf=pass\r\n",
		  false },
		{ "another field", "X-Authentication-Results: mx.example.net; spf=pass\r\n", false },
		{ "ARC", "ARC-Authentication-Results: i=1; mx.example.net; spf=pass\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		const char *before = "From: a@b.test\r\n";
		struct slice message =
		    slice_str(arena_printf(arena, "%s%sTo: c@d.test\r\n\r\n" OURS, before, cases[i].header));
		struct byte_range *ranges;
		size_t n = auth_results_forged(message, "mx.example.net", arena, &ranges);

		if (n != cases[i].drop)
			fail_msg("%s: %zu ranges", cases[i].what, n);
		if (n) {
			assert_int_equal(ranges[0].start, strlen(before));
			assert_int_equal(ranges[0].end, strlen(before) + strlen(cases[i].header));
		}
		arena_free(arena);
	}
}

static void forged_side_by_side(void **state)
{
	struct arena *arena = arena_new();
	struct byte_range *ranges;

	(void)state;
	assert_int_equal(auth_results_forged(SLICE(OURS OURS "X: y\r\n" OURS "\r\nbody"), "mx.example.net",
	                                     arena, &ranges),
	                 2);
	assert_int_equal(ranges[0].start, 0);
	assert_int_equal(ranges[0].end, 2 * (sizeof(OURS) - 1));
	assert_int_equal(ranges[1].start, 2 * (sizeof(OURS) - 1) + 6);
	assert_int_equal(ranges[1].end, 3 * (sizeof(OURS) - 1) + 6);
	assert_int_equal(auth_results_forged(slice_of(NULL, 0), "mx.example.net", arena, &ranges), 0);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(long_values_are_cut), cmocka_unit_test(field),
		cmocka_unit_test(forged), cmocka_unit_test(forged_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
