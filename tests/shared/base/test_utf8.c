/* UTF-8: RFC 3629's table at its edges, every code there and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/utf8.h"

static void validity(void **state)
{
	static const struct {
		const char *name;
		struct slice in;
		bool valid, ascii;
	} cases[] = {
		{ "nothing", { NULL, 0 }, true, true },
		{ "ASCII", SLICE("hello, world, this is long"), true, true },
		{ "DEL", SLICE("\x7f"), true, true },
		{ "NUL", SLICE("a\0b"), false, false },
		{ "NUL in a word of eight", SLICE("abcdefg\0abcdefgh"), false, false },
		{ "NUL, then 1", SLICE("\0\1\1\1\1\1\1\1"), false, false },
		{ "all ones", SLICE("\1\1\1\1\1\1\1\1"), true, true },
		{ "two bytes", SLICE("\xc3\xa9"), true, false },
		{ "after eight", SLICE("12345678\xc3\xa9"), true, false },
		{ "three bytes", SLICE("\xe2\x82\xac"), true, false },
		{ "four bytes", SLICE("\xf0\x9f\x93\xa8"), true, false },
		{ "U+10FFFF", SLICE("\xf4\x8f\xbf\xbf"), true, false },
		{ "U+110000", SLICE("\xf4\x90\x80\x80"), false, false },
		{ "F5", SLICE("\xf5\x80\x80\x80"), false, false },
		{ "FF", SLICE("\xff"), false, false },
		{ "overlong NUL", SLICE("\xc0\x80"), false, false },
		{ "overlong C1", SLICE("\xc1\xbf"), false, false },
		{ "overlong of three", SLICE("\xe0\x9f\xbf"), false, false },
		{ "overlong of four", SLICE("\xf0\x8f\xbf\xbf"), false, false },
		{ "before the surrogates", SLICE("\xed\x9f\xbf"), true, false },
		{ "first surrogate", SLICE("\xed\xa0\x80"), false, false },
		{ "last surrogate", SLICE("\xed\xbf\xbf"), false, false },
		{ "after the surrogates", SLICE("\xee\x80\x80"), true, false },
		{ "continuation alone", SLICE("\x80"), false, false },
		{ "cut two", SLICE("a\xc3"), false, false },
		{ "cut three", SLICE("\xe2\x82"), false, false },
		{ "cut four", SLICE("\xf0\x9f\x93"), false, false },
		{ "broken by ASCII", SLICE("\xe2\x82z"), false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (utf8_valid(cases[i].in) != cases[i].valid || utf8_is_ascii(cases[i].in) != cases[i].ascii)
			fail_msg("%s", cases[i].name);
}

static void every_code_comes_back(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 4);
	for (uint32_t code = 0; code <= 0x110000; code++) {
		bool exists = code < 0x110000 && !(code >= 0xd800 && code < 0xe000);
		uint32_t got = 0;

		buf_clear(&buf);
		assert_true(utf8_encode(&buf, code));
		if (utf8_decode(buf_slice(&buf), &got) != buf.len || got != (exists ? code : 0xfffd))
			fail_msg("U+%04X", (unsigned)code);
		if (code && !utf8_valid(buf_slice(&buf)))
			fail_msg("U+%04X", (unsigned)code);
	}
	buf_done(&buf);
}

static void lossy_copies_are_valid(void **state)
{
	static const struct {
		struct slice in, out;
	} cases[] = {
		{ SLICE(""), SLICE("") },
		{ SLICE("caf\xc3\xa9"), SLICE("caf\xc3\xa9") },
		{ SLICE("caf\xe9!"), SLICE("caf\xef\xbf\xbd!") },
		{ SLICE("\xe2\x82"), SLICE("\xef\xbf\xbd\xef\xbf\xbd") },
		{ SLICE("a\0b"), SLICE("a\xef\xbf\xbd"
		                       "b") },
		{ SLICE("\xed\xa0\x80"), SLICE("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") },
	};
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&buf);
		assert_true(utf8_add_lossy(&buf, cases[i].in));
		assert_true(slice_eq(buf_slice(&buf), cases[i].out));
		assert_true(utf8_valid(buf_slice(&buf)));
	}
	buf_done(&buf);
	buf_init(&buf, 2);
	assert_false(utf8_add_lossy(&buf, SLICE("\xff")));
	buf_done(&buf);
}

static void a_cut_splits_no_character(void **state)
{
	static const struct {
		struct slice in;
		size_t max, len;
	} cases[] = {
		{ SLICE("abc"), 3, 3 },
		{ SLICE("abc"), 2, 2 },
		{ SLICE("abc"), 0, 0 },
		{ SLICE("a\xc3\xa9"), 2, 1 },
		{ SLICE("a\xc3\xa9"), 3, 3 },
		{ SLICE("\xe2\x82\xac"), 2, 0 },
		{ SLICE("x\xf0\x9f\x93\xa8"), 4, 1 },
		{ SLICE("x\xf0\x9f\x93\xa8y"), 5, 5 },
		{ SLICE("\x80\x80\x80\x80\x80\x80\x80\x80"), 5, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(utf8_cut(cases[i].in, cases[i].max).len, cases[i].len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validity),
		cmocka_unit_test(every_code_comes_back),
		cmocka_unit_test(lossy_copies_are_valid),
		cmocka_unit_test(a_cut_splits_no_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
