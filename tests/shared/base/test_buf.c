/* Buffers keep their limit; what they write, a reader reads back, and no input makes a reader step outside. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"

static void the_limit_holds(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10);
	assert_true(buf_adds(&buf, "01234567"));
	assert_false(buf_adds(&buf, "abc"));
	assert_true(buf.overflow);
	assert_false(buf_addc(&buf, 'x')); /* would fit, but something before it is missing */
	assert_int_equal(buf.len, 8);
	buf_clear(&buf);
	assert_true(buf_add_slice(&buf, SLICE("0123456789")));
	assert_false(buf_addc(&buf, 'x'));
	buf_done(&buf);
	assert_null(buf_room(&buf, 11));
	buf_done(&buf);
	assert_int_equal(buf.limit, 10);
}

static void printf_may_fill_it_to_the_brim(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 5);
	assert_true(buf_printf(&buf, "%s", "12345"));
	assert_true(slice_eq(buf_slice(&buf), SLICE("12345")));
	assert_int_equal(buf.limit, 5);
	assert_false(buf_printf(&buf, "%d", 1));
	assert_true(buf.overflow);
	buf_done(&buf);
	assert_false(buf_printf(&buf, "%s", "123456"));
	buf_done(&buf);
}

static void consume_drops_from_the_front(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	buf_adds(&buf, "hello world");
	buf_consume(&buf, 6);
	assert_true(slice_eq(buf_slice(&buf), SLICE("world")));
	buf_consume(&buf, 99);
	assert_int_equal(buf.len, 0);
	buf_done(&buf);
}

static void written_numbers_read_back(void **state)
{
	static const uint64_t numbers[] = { 0,   1,     127,        128,       16383,          16384,
		                            255, 65535, UINT32_MAX, INT64_MAX, UINT64_MAX - 1, UINT64_MAX };
	struct buf buf;
	struct reader reader;

	(void)state;
	buf_init(&buf, 4096);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		buf_add_u8(&buf, (uint8_t)numbers[i]);
		buf_add_u16(&buf, (uint16_t)numbers[i]);
		buf_add_u32(&buf, (uint32_t)numbers[i]);
		buf_add_u64(&buf, numbers[i]);
		buf_add_varint(&buf, numbers[i]);
		buf_add_block(&buf, slice_of("abcdefghijkl", i));
	}
	reader = reader_of(buf_slice(&buf));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		assert_int_equal(read_u8(&reader), (uint8_t)numbers[i]);
		assert_int_equal(read_u16(&reader), (uint16_t)numbers[i]);
		assert_int_equal(read_u32(&reader), (uint32_t)numbers[i]);
		assert_true(read_u64(&reader) == numbers[i]);
		assert_true(read_varint(&reader) == numbers[i]);
		assert_true(slice_eq(read_block(&reader), slice_of("abcdefghijkl", i)));
	}
	assert_true(read_finished(&reader));
	buf_done(&buf);
}

static void integers_are_little_endian(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	buf_add_u32(&buf, 0x01020304);
	buf_add_varint(&buf, 300);
	assert_true(slice_eq(buf_slice(&buf), SLICE("\x04\x03\x02\x01\xac\x02")));
	buf_done(&buf);
}

static void a_bad_reader_stays_bad(void **state)
{
	static const struct {
		const char *name;
		struct slice in;
	} cases[] = {
		{ "nothing", { NULL, 0 } },
		{ "varint that does not end", SLICE("\x80\x80") },
		{ "varint of more than 64 bits", SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02") },
		{ "varint of eleven bytes", SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01") },
		{ "block longer than the rest", SLICE("\x05"
		                                      "abcd") },
		{ "block of nearly 2^64", SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
		                                "a") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reader reader = reader_of(cases[i].in);
		struct slice got = read_block(&reader);

		if (!reader.bad || got.len || read_finished(&reader) || read_u8(&reader) || read_u64(&reader))
			fail_msg("%s", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_holds),
		cmocka_unit_test(printf_may_fill_it_to_the_brim),
		cmocka_unit_test(consume_drops_from_the_front),
		cmocka_unit_test(written_numbers_read_back),
		cmocka_unit_test(integers_are_little_endian),
		cmocka_unit_test(a_bad_reader_stays_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
