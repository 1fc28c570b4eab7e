/* Ids: text and back, derivation; jitter and bounds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rand.h"

static int start(void **state)
{
	(void)state;
	rand_start();
	rand_start(); /* twice is harmless */
	return 0;
}

static void ids_print_and_parse(void **state)
{
	struct id id = id_new(), back, fixed;

	(void)state;
	assert_true(id_parse(slice_str(id_print(&id).text), &back));
	assert_true(id_eq(&id, &back));
	assert_true(id_parse(SLICE("00112233445566778899AABBccddeeff"), &fixed));
	assert_string_equal(id_print(&fixed).text, "00112233445566778899aabbccddeeff");
	assert_true(id_from(id_slice(&id), &back));
	assert_false(id_from(slice_of(id.raw, 15), &back));
}

static void malformed_ids_are_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"00112233445566778899aabbccddeef",
		"00112233445566778899aabbccddeeff0",
		"00112233445566778899aabbccddeefg",
		"00:112233445566778899aabbccddeef",
		" 0112233445566778899aabbccddeeff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct id id = { { 7 } };

		if (id_parse(slice_str(cases[i]), &id) || id.raw[0] != 7)
			fail_msg("\"%s\"", cases[i]);
	}
}

static void ids_differ(void **state)
{
	struct id a = id_new(), b = id_new(), zero = { { 0 } };

	(void)state;
	assert_false(id_eq(&a, &b));
	assert_false(id_is_zero(&a));
	assert_true(id_is_zero(&zero));
	zero.raw[15] = 1;
	assert_false(id_is_zero(&zero));
}

static void derived_ids_depend_on_both(void **state)
{
	struct id a = id_new(), b = id_new();
	struct id one = id_derive(&a, SLICE("one")), again = id_derive(&a, SLICE("one"));
	struct id two = id_derive(&a, SLICE("two")), other = id_derive(&b, SLICE("one"));
	struct id none = id_derive(&a, slice_of(NULL, 0));

	(void)state;
	assert_true(id_eq(&one, &again));
	assert_false(id_eq(&one, &two));
	assert_false(id_eq(&one, &other));
	assert_false(id_eq(&none, &a));
}

static void a_derived_id_never_changes_between_releases(void **state)
{
	struct id from;
	struct id got;

	(void)state;
	assert_true(id_parse(SLICE("000102030405060708090a0b0c0d0e0f"), &from));
	got = id_derive(&from, SLICE("posthouse"));
	assert_string_equal(id_print(&got).text, "9bd90c2b63770a7004e81f911006c23d");
}

static void bounds_hold(void **state)
{
	bool low = false, high = false;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t wait = rand_jitter(1000);

		assert_in_range(wait, 750, 1250);
		low |= wait < 800;
		high |= wait > 1200;
		assert_in_range(rand_below(3), 0, 2);
	}
	assert_true(low && high);
	assert_int_equal(rand_below(1), 0);
	assert_int_equal(rand_jitter(0), 0);
	assert_int_equal(rand_jitter(1), 1);
	assert_true(rand_jitter(INT64_MAX / 2) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_print_and_parse),
		cmocka_unit_test(malformed_ids_are_refused),
		cmocka_unit_test(ids_differ),
		cmocka_unit_test(derived_ids_depend_on_both),
		cmocka_unit_test(a_derived_id_never_changes_between_releases),
		cmocka_unit_test(bounds_hold),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
