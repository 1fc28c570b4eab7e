/* Signatures: sizes, known answers, what is refused, and that no part of a text is ever missed. */
#include "shared/search/search_test.h"

static void classes_grow(void **state)
{
	(void)state;
	assert_int_equal(signature_bits(0), 0);
	assert_int_equal(signature_bits(1), 1024);
	assert_int_equal(signature_bits(2), 1280);
	assert_int_equal(signature_bits(5), 2048);
	assert_int_equal(signature_bits(SIGNATURE_CLASSES), SIGNATURE_BITS_MAX);
	for (unsigned class = 1; class < SIGNATURE_CLASSES; class ++) {
		assert_true(signature_bits(class) < signature_bits(class + 1));
		assert_int_equal(signature_bits(class) % 256, 0);
	}
}

/* The places are what is kept in stores: they may never change. */
static void known_places(void **state)
{
	static const struct {
		unsigned class;
		uint32_t trigram, places[2];
	} rows[] = {
		{ 1, 0x000000, { 183, 625 } },
		{ 1, 0x414243, { 364, 123 } },
		{ 2, 0x414243, { 907, 379 } },
		{ 37, 0xffffff, { 292618, 39837 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t places[2];

		signature_places(rows[i].class, rows[i].trigram, places);
		assert_int_equal(places[0], rows[i].places[0]);
		assert_int_equal(places[1], rows[i].places[1]);
	}
}

static void sizes_follow_trigrams(void **state)
{
	static const struct {
		size_t text;
		unsigned least, most;
	} rows[] = { { 0, 1, 1 }, { 2, 1, 1 }, { 200, 1, 1 }, { 3000, 8, 16 }, { 100000, 16, 30 } };
	struct arena *arena = arena_new();
	struct dice dice = { 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice packed = signature_of(arena, random_text(arena, &dice, rows[i].text));
		struct signature signature;

		assert_int_equal(signature_unpack(packed, &signature, NULL), FAULT_NONE);
		assert_in_range(signature.class, rows[i].least, rows[i].most);
	}
	arena_free(arena);
}

static void too_many_trigrams_are_a_candidate(void **state)
{
	const size_t len = 3 * (TRIGRAMS_MAX + 10);
	struct arena *arena = arena_new();
	uint8_t *text = arena_alloc(arena, len);
	struct signature signature;

	(void)state;
	for (size_t i = 0; i < len; i += 3) {
		text[i] = (uint8_t)(i / 3);
		text[i + 1] = (uint8_t)(i / 3 >> 8);
		text[i + 2] = (uint8_t)(128 | i / 3 >> 16);
	}
	assert_int_equal(signature_unpack(signature_of(arena, slice_of(text, len)), &signature, NULL),
	                 FAULT_NONE);
	assert_int_equal(signature.class, 0);
	assert_int_equal(signature.bits.len, 0);
	arena_free(arena);
}

static void refused(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		uint8_t start[2];
	} rows[] = {
		{ "nothing", 0, { 0 } },
		{ "half a head", 1, { 1 } },
		{ "another version", 2, { 3, 0 } },
		{ "no bits", 2, { 1, 1 } },
		{ "too few", 129, { 1, 1 } },
		{ "too many", 131, { 1, 1 } },
		{ "bits of none", 3, { 1, 0 } },
		{ "no such class", 200, { 1, 38 } },
	};
	uint8_t bytes[256] = { 0 };
	struct signature signature;
	struct why why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memcpy(bytes, rows[i].start, 2);
		if (signature_unpack(slice_of(bytes, rows[i].len), &signature, &why) != FAULT_CORRUPT)
			fail_msg("%s was taken", rows[i].name);
	}
}

static void versions(void **state)
{
	struct signature signature;

	(void)state;
	assert_int_equal(signature_unpack(SLICE("\2\0"), &signature, NULL), FAULT_NONE);
	assert_false(signature.old);
	assert_int_equal(signature_unpack(SLICE("\1\0"), &signature, NULL), FAULT_NONE);
	assert_true(signature.old);
}

static bool may_hold(struct slice packed, struct slice part)
{
	struct segment_row row = { .uid = 1 };
	struct segment_query *query = segment_query_new(part);
	struct segment *segment;
	uint64_t bits = 0;

	assert_int_equal(signature_unpack(packed, &row.signature, NULL), FAULT_NONE);
	segment = segment_new(&row, 1);
	assert_non_null(query);
	segment_ask(segment, query, &bits);
	segment_query_free(query);
	segment_unref(segment);
	return bits & 1;
}

static void no_part_is_missed(void **state)
{
	struct arena *arena = arena_new();
	struct dice dice = { 2 };

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct slice text = random_text(arena, &dice, 3 + roll(&dice, 4000)), packed;

		packed = signature_of(arena, text);
		for (int k = 0; k < 50; k++) {
			size_t len = 3 + roll(&dice, (uint32_t)MIN_OF(text.len - 2, (size_t)200));

			assert_true(may_hold(
			    packed, slice_of(text.data + roll(&dice, (uint32_t)(text.len - len + 1)), len)));
		}
		arena_reset(arena);
	}
	arena_free(arena);
}

/* A word that stands nowhere is a candidate rarely: five trigrams at a filter half full or less. */
static void other_words_are_rare(void **state)
{
	struct arena *arena = arena_new();
	struct dice dice = { 3 };
	unsigned taken = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct slice packed = signature_of(arena, random_text(arena, &dice, 3000));

		taken += may_hold(packed, SLICE("QXZJKVW"));
		arena_reset(arena);
	}
	assert_true(taken < 5);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_grow),
		cmocka_unit_test(known_places),
		cmocka_unit_test(sizes_follow_trigrams),
		cmocka_unit_test(too_many_trigrams_are_a_candidate),
		cmocka_unit_test(refused),
		cmocka_unit_test(versions),
		cmocka_unit_test(no_part_is_missed),
		cmocka_unit_test(other_words_are_rare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
