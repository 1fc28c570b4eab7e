/* The layout of sealed pieces (seal.h): packed and unpacked, and refused when it cannot be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "shared/crypt/seal_test.h"

static void wrong_layouts_open_nothing(void **state)
{
	struct slice plain = text(SEAL_PIECE + 5000);
	struct sealed *sealed = seal(plain);
	uint32_t sizes[3] = { sealed->layout.sealed[0], sealed->layout.sealed[1], 17 };
	struct {
		const char *name;
		struct seal_layout layout;
	} cases[] = {
		{ "one byte less in all", { plain.len - 1, 2, sizes } },
		{ "one byte more in all", { plain.len + 1, 2, sizes } },
		{ "a piece more", { 2 * SEAL_PIECE + 1, 3, sizes } },
		{ "a piece less", { SEAL_PIECE, 1, sizes } },
		{ "the first piece is short", { plain.len, 2, (uint32_t[]){ sizes[0] - 1, sizes[1] + 1 } } },
		{ "the first piece is long", { plain.len, 2, (uint32_t[]){ sizes[0] + 1, sizes[1] - 1 } } },
	};
	struct why why;
	struct buf out;

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seal_range range = seal_locate(&cases[i].layout, 0, UINT64_MAX);
		enum fault fault =
		    seal_open_range(&key, SEAL_BODY, &cases[i].layout, &range,
		                    slice_first(buf_slice(&sealed->bytes), range.sealed_len), &out, &why);

		if (fault != FAULT_CORRUPT || out.len)
			fail_msg("%s: %s", cases[i].name, fault_name(fault));
	}
	buf_done(&out);
	buf_done(&sealed->bytes);
}

static void layouts_go_both_ways_and_no_further(void **state)
{
	struct sealed *sealed = seal(text(2 * SEAL_PIECE + 1));
	struct seal_layout back = { 0 };
	struct reader reader;
	struct buf packed;
	struct why why;

	(void)state;
	buf_init(&packed, 100);
	assert_true(seal_layout_pack(&sealed->layout, &packed));
	buf_adds(&packed, "next");
	reader = reader_of(buf_slice(&packed));
	assert_int_equal(seal_layout_unpack(&reader, arena, &back, &why), FAULT_NONE);
	assert_slice(reader.rest, SLICE("next"));
	assert_int_equal(back.size, sealed->layout.size);
	assert_int_equal(back.n, 3);
	assert_memory_equal(back.sealed, sealed->layout.sealed, 3 * sizeof(uint32_t));
	for (size_t len = 0; len < packed.len - 4; len++) {
		reader = reader_of(slice_of(packed.data, len));
		assert_int_equal(seal_layout_unpack(&reader, arena, &back, &why), FAULT_CORRUPT);
	}
	buf_done(&packed);
	buf_init(&packed, 5);
	assert_false(seal_layout_pack(&sealed->layout, &packed));
	buf_done(&packed);
	buf_done(&sealed->bytes);
}

static void impossible_layouts_are_refused(void **state)
{
	static const struct {
		const char *name;
		enum fault fault;
		uint64_t numbers[4];
		size_t n;
	} cases[] = {
		{ "empty body", FAULT_NONE, { 0, 1, 17 }, 3 },
		{ "an empty body without a piece", FAULT_CORRUPT, { 0, 0 }, 2 },
		{ "a piece too many", FAULT_CORRUPT, { 10, 2, 20, 20 }, 4 },
		{ "a piece too few", FAULT_CORRUPT, { SEAL_PIECE + 1, 1, 20 }, 3 },
		{ "a piece as large as can be", FAULT_NONE, { 10, 1, 27 }, 3 },
		{ "a piece larger than can be", FAULT_CORRUPT, { 10, 1, 28 }, 3 },
		{ "a piece smaller than can be", FAULT_CORRUPT, { 10, 1, 16 }, 3 },
		{ "a piece of 2^32 and what can be", FAULT_CORRUPT, { 10, 1, (1ULL << 32) + 20 }, 3 },
		{ "more pieces than bytes", FAULT_CORRUPT, { 1ULL << 40, 1ULL << 24 }, 2 },
		{ "more pieces than a layout counts", FAULT_CORRUPT, { 1ULL << 50, 1ULL << 34 }, 2 },
		{ "the largest numbers", FAULT_CORRUPT, { UINT64_MAX, UINT64_MAX }, 2 },
		{ "the largest size", FAULT_CORRUPT, { UINT64_MAX, 1ULL << 48 }, 2 },
		{ "nothing", FAULT_CORRUPT, { 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seal_layout layout;
		struct reader reader;
		struct why why = { "" };
		size_t used = arena_used(arena);
		enum fault fault;
		struct buf buf;

		buf_init(&buf, 100);
		for (size_t k = 0; k < cases[i].n; k++)
			buf_add_varint(&buf, cases[i].numbers[k]);
		reader = reader_of(buf_slice(&buf));
		fault = seal_layout_unpack(&reader, arena, &layout, &why);
		if (fault != cases[i].fault || arena_used(arena) - used > 100)
			fail_msg("%s: %s %s", cases[i].name, fault_name(fault), why.text);
		buf_done(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_layouts_open_nothing),
		cmocka_unit_test(layouts_go_both_ways_and_no_further),
		cmocka_unit_test(impossible_layouts_are_refused),
	};

	return cmocka_run_group_tests(tests, start, end);
}
