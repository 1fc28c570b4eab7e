/* Slices: comparing, finding, cutting, numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/slice.h"

static void comparing(void **state)
{
	(void)state;
	assert_true(slice_eq(slice_of(NULL, 0), SLICE("")));
	assert_true(slice_eq(SLICE("a\0b"), SLICE("a\0b")));
	assert_false(slice_eq(SLICE("a\0b"), SLICE("a\0c")));
	assert_false(slice_eq(SLICE("ab"), SLICE("abc")));
	assert_true(slice_ieq(SLICE("InBox"), SLICE("INBOX")));
	assert_true(slice_is(SLICE("quit"), "QUIT"));
	assert_false(slice_is(SLICE("quit\0"), "QUIT"));
	assert_true(slice_starts(SLICE("abc"), "ab"));
	assert_false(slice_starts(SLICE("a"), "ab"));
	assert_false(slice_starts(SLICE("ABC"), "ab"));
	assert_true(slice_istarts(SLICE("ABC"), "ab"));
	assert_true(slice_ends(SLICE("x.txt"), ".txt"));
	assert_false(slice_ends(SLICE("txt"), ".txt"));
}

static void order_is_bytes_then_length(void **state)
{
	static const struct slice ascending[] = { SLICE(""), SLICE("a"), SLICE("aa"), SLICE("b"),
		                                  SLICE("\xff") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ascending); i++)
		for (size_t j = 0; j < ARRAY_LEN(ascending); j++) {
			int order = slice_cmp(ascending[i], ascending[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void finding(void **state)
{
	(void)state;
	assert_int_equal(slice_find(SLICE("a\r\n.\r\n"), SLICE("\r\n.\r\n")), 1);
	assert_int_equal(slice_find(SLICE("abc"), SLICE("d")), -1);
	assert_int_equal(slice_find(SLICE("ab"), SLICE("abc")), -1);
	assert_int_equal(slice_find(slice_of(NULL, 0), SLICE("a")), -1);
	assert_int_equal(slice_chr(SLICE("abc"), 'c'), 2);
	assert_int_equal(slice_chr(slice_of(NULL, 0), 'c'), -1);
}

static void trimming(void **state)
{
	(void)state;
	assert_true(slice_eq(slice_trim(SLICE(" \t a b\r\n")), SLICE("a b")));
	assert_int_equal(slice_trim(SLICE(" \t ")).len, 0);
}

static void cutting(void **state)
{
	struct slice rest = SLICE("a,,b"), item;

	(void)state;
	assert_true(slice_cut(&rest, ',', &item) && slice_eq(item, SLICE("a")));
	assert_true(slice_cut(&rest, ',', &item) && slice_eq(item, SLICE("")));
	assert_true(slice_cut(&rest, ',', &item) && slice_eq(item, SLICE("b")));
	assert_false(slice_cut(&rest, ',', &item));
	rest = SLICE("a,");
	assert_true(slice_cut(&rest, ',', &item));
	assert_true(slice_cut(&rest, ',', &item) &&
	            item.len == 0); /* what follows the last comma, though empty */
	assert_false(slice_cut(&rest, ',', &item));
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool good;
		uint64_t value;
	} cases[] = {
		{ "0", 10, true, 0 },
		{ "10", 10, true, 10 },
		{ "11", 10, false, 0 },
		{ "9", 5, false, 0 },
		{ "", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ "-1", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1x", 10, false, 0 },
		{ "007", 10, true, 7 },
		{ "4294967295", UINT32_MAX, true, UINT32_MAX },
		{ "4294967296", UINT32_MAX, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999999", UINT64_MAX, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t value = 0;

		if (slice_u64(slice_str(cases[i].text), cases[i].max, &value) != cases[i].good ||
		    value != cases[i].value)
			fail_msg("\"%s\"", cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing), cmocka_unit_test(order_is_bytes_then_length),
		cmocka_unit_test(finding),   cmocka_unit_test(trimming),
		cmocka_unit_test(cutting),   cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
