/* Segments: every row answers as it does alone, whether it lies side by side with others or not; merging; files. */
#include "shared/search/search_test.h"

#include <stdlib.h>

enum { ROWS = 700 };

static const size_t lengths[] = { 0, 100, 900, 2500, 3000, 9000 };

static struct segment_row *make_rows(struct arena *arena, size_t n)
{
	struct segment_row *rows = arena_array(arena, struct segment_row, n);
	struct dice dice = { 7 };

	for (size_t i = 0; i < n; i++) {
		struct slice packed =
		    signature_of(arena, random_text(arena, &dice, lengths[roll(&dice, ARRAY_LEN(lengths))]));

		rows[i].uid = (uint32_t)(3 * i + 1);
		assert_int_equal(signature_unpack(packed, &rows[i].signature, NULL), FAULT_NONE);
		if (i % 50 == 7)
			rows[i].signature = (struct signature){ .class = SEGMENT_NONE };
		if (i % 50 == 8)
			rows[i].signature = (struct signature){ 0, { NULL, 0 } };
	}
	return rows;
}

static bool alone(const struct signature *signature, struct slice text)
{
	if (signature->class == SEGMENT_NONE || !signature->class)
		return true;
	for (size_t i = 0; i + 2 < text.len; i++) {
		const uint32_t trigram =
		    (uint32_t)text.data[i] << 16 | (uint32_t)text.data[i + 1] << 8 | text.data[i + 2];
		uint32_t places[2];

		signature_places(signature->class, trigram, places);
		if (!signature_has(signature->bits.data, places[0]) ||
		    !signature_has(signature->bits.data, places[1]))
			return false;
	}
	return true;
}

static void expect_answers(const struct segment *segment, const struct segment_row *rows, size_t n)
{
	static const char *const texts[] = { "THE", "EAT", "ONE", "SHOE", "TEN", "QZX", "RESIDENT" };

	assert_int_equal(segment_count(segment), n);
	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		struct segment_query *query = segment_query_new(slice_str(texts[t]));
		uint64_t *bits = xzalloc(segment_words(segment) * sizeof(*bits));

		segment_ask(segment, query, bits);
		for (size_t i = 0; i < n; i++) {
			ptrdiff_t at = segment_find(segment, rows[i].uid);

			assert_true(at >= 0);
			if ((bits[at / 64] >> (at % 64) & 1) !=
			    alone(&rows[i].signature, slice_str(texts[t])))
				fail_msg("%s: row %zu", texts[t], i);
		}
		free(bits);
		segment_query_free(query);
	}
}

static void asked(void **state)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 65, ROWS };
	struct arena *arena = arena_new();
	struct segment_row *rows = make_rows(arena, ROWS),
	                   *copy = arena_array(arena, struct segment_row, ROWS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct segment *segment;

		memcpy(copy, rows, sizes[i] * sizeof(*rows));
		segment = segment_new(copy, sizes[i]);
		expect_answers(segment, rows, sizes[i]);
		assert_int_equal(segment_find(segment, 2), -1);
		assert_int_equal(segment_find(segment, UINT32_MAX), -1);
		segment_unref(segment);
	}
	arena_free(arena);
}

static void merged(void **state)
{
	struct arena *arena = arena_new();
	struct segment_row *rows = make_rows(arena, ROWS),
	                   *copy = arena_array(arena, struct segment_row, ROWS);
	struct segment *parts[3], *all;
	struct buf together;

	(void)state;
	memcpy(copy, rows, ROWS * sizeof(*rows));
	parts[0] = segment_new(copy, 300);
	memcpy(copy, rows, ROWS * sizeof(*rows));
	copy[250].signature.class = SEGMENT_NONE; /* what a later one says of a message is true */
	parts[1] = segment_new(copy + 250, 1);
	memcpy(copy, rows, ROWS * sizeof(*rows));
	parts[2] = segment_new(copy + 250, ROWS - 250);
	buf_init(&together, BUF_NO_LIMIT);
	for (int i = 0; i < 3; i++)
		segment_rows(parts[i], arena, &together);
	all = segment_new((struct segment_row *)together.data, together.len / sizeof(*rows));
	expect_answers(all, rows, ROWS);
	for (int i = 0; i < 3; i++)
		segment_unref(parts[i]);
	segment_unref(all);
	buf_done(&together);
	arena_free(arena);
}

static void kept(void **state)
{
	struct arena *arena = arena_new();
	struct segment_row *rows = make_rows(arena, ROWS),
	                   *copy = arena_array(arena, struct segment_row, ROWS);
	struct segment *segment, *again;
	struct buf packed;
	size_t known = 0;

	(void)state;
	memcpy(copy, rows, ROWS * sizeof(*rows));
	segment = segment_new(copy, ROWS);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].signature.class != SEGMENT_NONE)
			rows[known++] = rows[i];
	buf_init(&packed, BUF_NO_LIMIT);
	assert_true(segment_pack(segment, &packed));
	assert_int_equal(segment_unpack(buf_slice(&packed), &again, NULL), FAULT_NONE);
	expect_answers(again, rows, known);
	segment_unref(again);
	for (size_t len = packed.len - 1; len > packed.len - 300; len--)
		if (!segment_unpack(slice_first(buf_slice(&packed), len), &again, NULL)) {
			assert_true(segment_count(again) < known); /* cut between two rows */
			segment_unref(again);
		}
	assert_int_equal(segment_unpack(SLICE("\0\1"), &again, NULL), FAULT_CORRUPT);
	assert_int_equal(segment_unpack(SLICE("\1\377"), &again, NULL), FAULT_CORRUPT);
	segment_unref(segment);
	buf_done(&packed);
	arena_free(arena);
}

/* Made before texts without marks were in them: of those they say nothing, kept in a file and merged as well. */
static void old_ones(void **state)
{
	static const struct {
		bool old, bare, wanted;
	} cases[] = {
		{ false, false, false }, { true, false, false }, { false, true, false }, { true, true, true }
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct segment_query *query = cases[i].bare ? segment_query_bare(SLICE("XYLOPHONE"))
		                                            : segment_query_new(SLICE("XYLOPHONE"));
		struct segment_row row = { .uid = 5 };
		struct segment *segment, *again;
		uint64_t bits = 9;
		struct buf packed;

		assert_int_equal(
		    signature_unpack(signature_of(arena, SLICE("QUICK BROWN")), &row.signature, NULL),
		    FAULT_NONE);
		row.signature.old = cases[i].old;
		segment = segment_new(&row, 1);
		buf_init(&packed, BUF_NO_LIMIT);
		assert_true(segment_pack(segment, &packed));
		assert_int_equal(segment_unpack(buf_slice(&packed), &again, NULL), FAULT_NONE);
		assert_int_equal(segment_is_old(again, 0), cases[i].old);
		assert_int_equal(segment_has_old(again), cases[i].old);
		segment_ask(again, query, &bits);
		assert_int_equal(bits, cases[i].wanted);
		buf_clear(&packed);
		segment_rows(again, arena, &packed);
		assert_int_equal(((struct segment_row *)packed.data)->signature.old, cases[i].old);
		buf_done(&packed);
		segment_query_free(query);
		segment_unref(again);
		segment_unref(segment);
	}
	arena_free(arena);
}

static void short_texts_ask_nothing(void **state)
{
	(void)state;
	assert_null(segment_query_new(SLICE("")));
	assert_null(segment_query_new(SLICE("AB")));
	assert_null(segment_query_bare(SLICE("AB")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked),
		cmocka_unit_test(merged),
		cmocka_unit_test(kept),
		cmocka_unit_test(old_ones),
		cmocka_unit_test(short_texts_ask_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
