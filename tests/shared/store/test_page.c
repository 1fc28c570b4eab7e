/* Pages: packing and back, and what entries make of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/page.h"
#include "store/schema.h"

static struct arena *arena;
static struct buf columns, keys;
static struct page *page, *back;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	buf_init(&columns, BUF_NO_LIMIT);
	buf_init(&keys, BUF_NO_LIMIT);
	page = page_new(arena);
	back = page_new(arena);
	page_clear(page, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	buf_done(&columns);
	buf_done(&keys);
	return 0;
}

static struct page_row row_of(bool with_keys)
{
	struct page_row row = { .number = page->number, .modseq = page->modseq };

	buf_clear(&columns);
	buf_clear(&keys);
	page_pack_columns(page, &columns);
	row.columns = buf_slice(&columns);
	if (with_keys) {
		page_pack_keys(page, &keys);
		row.keys = buf_slice(&keys);
	}
	return row;
}

static struct mailbox_append message(uint32_t n)
{
	struct mailbox_append append = {
		.content = { { (uint8_t)n, (uint8_t)(n >> 8), 7 } },
		.key = { .kind = (uint8_t)(n % 3), .generation = 1 },
		.size = n * 17,
		.internal_date = n % 5 ? 1700000000000 + n : INT64_MIN,
		.save_date = -(int64_t)n,
		.flags = n % 32,
		.keywords = n % 4 ? 0 : UINT64_MAX - n,
	};

	memset(append.key.raw, (int)n, wrapped_size(&append.key));
	return append;
}

/* n messages from `first`, all in one entry. */
static bool append(uint32_t first, uint32_t n, uint64_t modseq)
{
	struct mailbox_append *all = arena_array(arena, struct mailbox_append, n);
	struct entry entry = { .kind = ENTRY_APPEND, .appends = all, .n_appends = n };
	struct id tag = { { 0xee, (uint8_t)modseq } };

	for (uint32_t i = 0; i < n; i++)
		all[i] = message(first + i);
	return page_apply(page, &entry, modseq, first, &tag);
}

static bool change(enum entry_kind kind, uint32_t first, uint32_t last, uint64_t modseq)
{
	struct uid_range range = { first, last };
	struct entry entry = { .kind = kind, .op = FLAGS_SET, .flags = FLAG_DELETED, .keywords = 5 };

	entry.uids = (struct uid_set){ .ranges = &range, .n = 1, .cap = 1 };
	return page_apply(page, &entry, modseq, 0, NULL);
}

static void assert_same_page(void)
{
	assert_int_equal(back->n, page->n);
	assert_int_equal(back->modseq, page->modseq);
	for (uint32_t i = 0; i < page->n; i++) {
		assert_int_equal(back->uid[i], page->uid[i]);
		assert_int_equal(back->message_modseq[i], page->message_modseq[i]);
		assert_int_equal(back->flags[i], page->flags[i]);
		assert_true(back->keywords[i] == page->keywords[i]);
		assert_int_equal(back->size[i], page->size[i]);
		assert_true(back->internal_date[i] == page->internal_date[i]);
		assert_true(back->save_date[i] == page->save_date[i]);
	}
	assert_int_equal(back->n_vanished, page->n_vanished);
	for (uint32_t i = 0; i < page->n_vanished; i++)
		assert_memory_equal(&back->vanished[i], &page->vanished[i], sizeof(page->vanished[0]));
}

static void assert_same_keys(void)
{
	assert_true(back->with_keys);
	for (uint32_t i = 0; i < page->n; i++) {
		assert_memory_equal(&back->content[i], &page->content[i], sizeof(page->content[0]));
		assert_memory_equal(&back->key[i], &page->key[i], sizeof(page->key[0]));
		assert_memory_equal(&back->tag[i], &page->tag[i], sizeof(page->tag[0]));
	}
}

static void test_round_trip(void **state)
{
	static const struct {
		const char *name;
		uint32_t first, n, expunge_from, expunge_to;
	} cases[] = {
		{ "one, the first", 2049, 1, 0, 0 },       { "one, the last", 3072, 1, 0, 0 },
		{ "some in the middle", 2500, 9, 0, 0 },   { "full", 2049, 1024, 0, 0 },
		{ "with a hole", 2049, 1024, 2100, 3000 }, { "all gone", 2049, 1024, 2049, 3072 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct page_row row;

		page_clear(page, 2);
		assert_true(append(cases[i].first, cases[i].n, 10));
		assert_int_equal(page->n, cases[i].n);
		if (cases[i].expunge_to)
			assert_true(change(ENTRY_EXPUNGE, cases[i].expunge_from, cases[i].expunge_to, 12));
		row = row_of(true);
		assert_int_equal(page_unpack(back, &row, NULL), FAULT_NONE);
		assert_same_page();
		assert_same_keys();
		row = row_of(false);
		assert_int_equal(page_unpack(back, &row, NULL), FAULT_NONE);
		assert_false(back->with_keys);
		assert_same_page();
	}
}

static void test_size(void **state)
{
	(void)state;
	/* an ordinary full page: a few bytes a message */
	for (uint32_t i = 0; i < PAGE_UIDS; i++) {
		struct mailbox_append one = message(1);
		struct entry entry = { .kind = ENTRY_APPEND, .appends = &one, .n_appends = 1 };
		struct id none = { { 0 } };

		one.size = 4000 + i * 31;
		one.internal_date = 1700000000000 + i * 60000;
		one.save_date = one.internal_date + 800;
		assert_true(page_apply(page, &entry, 100 + i, 2049 + i, &none));
	}
	assert_in_range(row_of(false).columns.len, 1024, PAGE_UIDS * 13);
}

static void test_apply(void **state)
{
	(void)state;
	/* an entry over three pages gives each its own */
	assert_true(append(2000, 2000, 5));
	assert_int_equal(page->n, PAGE_UIDS);
	assert_int_equal(page->uid[0], 2049);
	assert_int_equal(page->uid[1023], 3072);
	assert_int_equal(page->modseq, 5);
	assert_int_equal(page->size[3], 2052 * 17);
	assert_true(id_is_zero(&page->tag[0])); /* the tag is its first message's, in another page */
	/* again, and what is older, is nothing */
	assert_false(append(2000, 2000, 5));
	assert_false(change(ENTRY_EXPUNGE, 2049, 3072, 4));
	assert_int_equal(page->n, PAGE_UIDS);
	/* what is in another page is nothing, and does not move the mod-sequence */
	assert_false(change(ENTRY_FLAGS, 1, 2048, 6));
	assert_false(append(3073, 10, 6));
	assert_int_equal(page->modseq, 5);
	assert_true(change(ENTRY_FLAGS, 1, 2049, 7));
	assert_int_equal(page->flags[0], FLAG_DELETED);
	assert_int_equal(page->keywords[0], 5);
	assert_int_equal(page->message_modseq[0], 7);
	assert_int_equal(page->message_modseq[1], 5);
	assert_true(change(ENTRY_EXPUNGE, 2050, 2060, 9));
	assert_int_equal(page->n, PAGE_UIDS - 11);
	assert_int_equal(page->uid[1], 2061);
	assert_int_equal(page->n_vanished, 1);
	assert_int_equal(page->modseq, 9);
	/* expunging around a hole says only what was there */
	assert_true(change(ENTRY_EXPUNGE, 2049, 2061, 10));
	assert_int_equal(page->n_vanished, 3);
	assert_int_equal(page->vanished[1].uids.first, 2049);
	assert_int_equal(page->vanished[1].uids.last, 2049);
	assert_int_equal(page->vanished[2].uids.first, 2061);
}

static void test_tags(void **state)
{
	(void)state;
	append(2060, 1, 3);
	append(2061, 3, 4);
	assert_int_equal(page->tag[0].raw[1], 3);
	assert_int_equal(page->tag[1].raw[1], 4);
	assert_true(id_is_zero(&page->tag[2]) && id_is_zero(&page->tag[3]));
}

static void test_concerns(void **state)
{
	struct uid_range ranges[] = { { 5, 10 }, { 2000, 2048 }, { 3073, 4000 }, { 6000, 6000 } };
	struct entry set = { .kind = ENTRY_FLAGS }, many = { .kind = ENTRY_APPEND, .n_appends = 1025 };
	static const bool touched[] = { true, true, false, true, false, true, false };

	(void)state;
	set.uids = (struct uid_set){ .ranges = ranges, .n = ARRAY_LEN(ranges) };
	for (uint32_t number = 0; number < ARRAY_LEN(touched); number++)
		assert_int_equal(page_concerns(number, &set, 0), touched[number]);
	assert_false(page_concerns(0, &many, 1025));
	assert_true(page_concerns(1, &many, 1025));
	assert_true(page_concerns(2, &many, 1025));
	assert_false(page_concerns(3, &many, 1025));
	assert_true(page_concerns(0, &many, 1024));
	assert_true(page_last_uid(page_of(UID_MAX)) >= UID_MAX); /* it fits in its type */
}

static void test_drop_vanished(void **state)
{
	(void)state;
	append(2049, 100, 1);
	for (uint32_t i = 0; i < 10; i++)
		change(ENTRY_EXPUNGE, 2049 + 3 * i, 2049 + 3 * i, 10 + i);
	page_drop_vanished(page, 9);
	assert_int_equal(page->n_vanished, 10);
	page_drop_vanished(page, 14);
	assert_int_equal(page->n_vanished, 5);
	assert_int_equal(page->vanished[0].modseq, 15);
	page_drop_vanished(page, 100);
	assert_int_equal(page->n_vanished, 0);
}

/* Columns rewritten without their keys: keys of what is gone are stepped over, what has none has none. */
static void test_keys_apart(void **state)
{
	struct page_row row, old;

	(void)state;
	append(2049, 10, 1);
	row = row_of(true);
	old.keys = arena_copy(arena, row.keys);
	change(ENTRY_EXPUNGE, 2051, 2052, 2);
	append(2059, 2, 3);
	row = row_of(false);
	row.keys = old.keys;
	assert_int_equal(page_unpack(back, &row, NULL), FAULT_NONE);
	assert_same_page();
	for (uint32_t i = 0; i < 8; i++)
		assert_memory_equal(&back->content[i], &page->content[i], sizeof(page->content[0]));
	assert_true(id_is_zero(&back->content[8]) && back->key[8].kind == WRAPPED_NONE);
}

static void test_cut(void **state)
{
	struct page_row row, cut;

	(void)state;
	append(2049, 40, 1);
	change(ENTRY_EXPUNGE, 2060, 2063, 2);
	row = row_of(true);
	cut = row;
	for (cut.columns.len = 0; cut.columns.len < row.columns.len; cut.columns.len++)
		assert_int_equal(page_unpack(back, &cut, NULL), FAULT_CORRUPT);
	for (cut.keys.len = 0; cut.keys.len < row.keys.len; cut.keys.len++)
		assert_int_equal(page_unpack(back, &cut, NULL), FAULT_CORRUPT);
	buf_addc(&columns, 0);
	row.columns = buf_slice(&columns);
	assert_int_equal(page_unpack(back, &row, NULL), FAULT_CORRUPT);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *name;
		uint32_t number;
		size_t len;
		uint8_t raw[16];
	} cases[] = {
		{ "nothing", 0, 0, { 0 } },
		{ "unknown version", 0, 3, { 2, 0, 0 } },
		{ "offset past the page", 0, 12, { 1, 1, 0x80, 8, 0, 2, 0, 0, 0, 0, 0, 0 } },
		{ "unknown flag", 0, 11, { 1, 1, 0, 0, 2, 32, 0, 0, 0, 0, 0 } },
		{ "run past the page", 0, 9, { 1, 0, 1, 5, 0xff, 7, 1, 0 } },
		{ "too many runs", 0, 4, { 1, 0, 0x81, 8 } },
		{ "a number that cannot be", UINT32_MAX / PAGE_UIDS, 3, { 1, 0, 0 } },
	};
	static const uint8_t empty[] = { 1, 0, 0 };
	struct page_row good = { .columns = { empty, sizeof(empty) } };

	(void)state;
	assert_int_equal(page_unpack(back, &good, NULL), FAULT_NONE);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct page_row row = { .number = cases[i].number,
			                .columns = slice_of(cases[i].raw, cases[i].len) };

		if (page_unpack(back, &row, NULL) != FAULT_CORRUPT)
			fail_msg("%s: was taken", cases[i].name);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip), TEST(test_size),     TEST(test_apply),
		TEST(test_tags),       TEST(test_concerns), TEST(test_drop_vanished),
		TEST(test_keys_apart), TEST(test_cut),      TEST(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
