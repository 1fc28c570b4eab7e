/* Base64, base64url and hex: RFC 4648 10, strictness, limits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/rand.h"

typedef bool coder(struct buf *, struct slice);

static int start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

static void check(const char *name, coder *code, struct slice in, bool good, struct slice out)
{
	struct buf buf;

	buf_init(&buf, 1000);
	buf_adds(&buf, "kept:");
	if (code(&buf, in) != good || !slice_eq(slice_from(buf_slice(&buf), 5), out) || buf.overflow)
		fail_msg("%s of \"%.*s\"", name, SLICE_FMT(in));
	buf_done(&buf);
}

static void vectors_go_both_ways(void **state)
{
	static const struct {
		struct slice plain, base64, url, hex;
	} cases[] = {
		{ SLICE(""), SLICE(""), SLICE(""), SLICE("") },
		{ SLICE("f"), SLICE("Zg=="), SLICE("Zg"), SLICE("66") },
		{ SLICE("fo"), SLICE("Zm8="), SLICE("Zm8"), SLICE("666f") },
		{ SLICE("foo"), SLICE("Zm9v"), SLICE("Zm9v"), SLICE("666f6f") },
		{ SLICE("foob"), SLICE("Zm9vYg=="), SLICE("Zm9vYg"), SLICE("666f6f62") },
		{ SLICE("fooba"), SLICE("Zm9vYmE="), SLICE("Zm9vYmE"), SLICE("666f6f6261") },
		{ SLICE("foobar"), SLICE("Zm9vYmFy"), SLICE("Zm9vYmFy"), SLICE("666f6f626172") },
		{ SLICE("\xfb\xff\xfe"), SLICE("+//+"), SLICE("-__-"), SLICE("fbfffe") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check("base64_encode", base64_encode, cases[i].plain, true, cases[i].base64);
		check("base64_decode", base64_decode, cases[i].base64, true, cases[i].plain);
		check("base64url_encode", base64url_encode, cases[i].plain, true, cases[i].url);
		check("base64url_decode", base64url_decode, cases[i].url, true, cases[i].plain);
		check("hex_encode", hex_encode, cases[i].plain, true, cases[i].hex);
		check("hex_decode", hex_decode, cases[i].hex, true, cases[i].plain);
	}
	check("hex_decode", hex_decode, SLICE("FBfffE"), true, SLICE("\xfb\xff\xfe"));
}

static void malformed_input_adds_nothing(void **state)
{
	static const struct {
		coder *code;
		const char *name;
		struct slice in;
	} cases[] = {
		{ base64_decode, "no padding", SLICE("Zg") },
		{ base64_decode, "half the padding", SLICE("Zg=") },
		{ base64_decode, "only padding", SLICE("====") },
		{ base64_decode, "padding in front", SLICE("=Zg=") },
		{ base64_decode, "one padding byte", SLICE("=") },
		{ base64_decode, "padding in the middle", SLICE("Zg==Zg==") },
		{ base64_decode, "bits that mean nothing", SLICE("Zh==") },
		{ base64_decode, "too much padding", SLICE("Zm9v====") },
		{ base64_decode, "newline", SLICE("Zm9v\r\nZ") },
		{ base64_decode, "space", SLICE("Zm9 ") },
		{ base64_decode, "the other alphabet", SLICE("-__-") },
		{ base64_decode, "NUL", SLICE("Zm9\0") },
		{ base64url_decode, "padding", SLICE("Zg==") },
		{ base64url_decode, "the other alphabet", SLICE("+//+") },
		{ base64url_decode, "one digit over", SLICE("Zm9vY") },
		{ base64url_decode, "bits that mean nothing", SLICE("Zh") },
		{ hex_decode, "odd", SLICE("abc") },
		{ hex_decode, "not a digit", SLICE("ag") },
		{ hex_decode, "colon", SLICE("ab:c") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(cases[i].name, cases[i].code, cases[i].in, false, slice_of(NULL, 0));
}

static void the_limit_may_be_filled_exactly(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 8);
	assert_true(base64_encode(&buf, SLICE("foobar")));
	assert_int_equal(buf.limit, 8);
	buf_clear(&buf);
	assert_false(base64_encode(&buf, SLICE("foobarx")));
	assert_true(buf.overflow);
	buf_done(&buf);
	assert_true(base64_decode(&buf, SLICE("Zm9vYmFyZm8=")));
	assert_int_equal(buf.len, 8);
	buf_clear(&buf);
	assert_true(hex_encode(&buf, SLICE("abcd")));
	assert_false(hex_decode(&buf, SLICE("ab")));
	assert_true(buf.overflow);
	buf_done(&buf);
}

static void random_bytes_come_back(void **state)
{
	static coder *const pairs[][2] = {
		{ base64_encode, base64_decode },
		{ base64url_encode, base64url_decode },
		{ hex_encode, hex_decode },
	};
	struct buf text, back;
	uint8_t raw[100];

	(void)state;
	buf_init(&text, 1000);
	buf_init(&back, 1000);
	for (size_t i = 0; i < 3000; i++) {
		coder *const *pair = pairs[i % 3];
		size_t len = rand_below(sizeof(raw));

		rand_bytes(raw, len);
		buf_clear(&text);
		buf_clear(&back);
		assert_true(pair[0](&text, slice_of(raw, len)));
		assert_true(pair[1](&back, buf_slice(&text)));
		assert_true(slice_eq(buf_slice(&back), slice_of(raw, len)));
	}
	buf_done(&text);
	buf_done(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_go_both_ways),
		cmocka_unit_test(malformed_input_adds_nothing),
		cmocka_unit_test(the_limit_may_be_filled_exactly),
		cmocka_unit_test(random_bytes_come_back),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
