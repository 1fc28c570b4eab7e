/* Log entries: what is encoded decodes, what is not is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/log.h"
#include "store/schema.h"

static struct arena *arena;
static struct buf out;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	buf_init(&out, BUF_NO_LIMIT);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	buf_done(&out);
	return 0;
}

static enum fault decode(uint32_t uids, struct entry *ret)
{
	struct why why = { "" };
	enum fault fault = entry_decode(buf_slice(&out), uids, arena, ret, &why);

	assert_true((fault == FAULT_NONE) == (why.text[0] == '\0'));
	return fault;
}

static struct mailbox_append sample(uint8_t kind)
{
	struct mailbox_append append = {
		.content = { { 1, 2, 3 } },
		.key = { .kind = kind, .generation = 9 },
		.size = 70000,
		.internal_date = 1700000000123,
		.save_date = 1700000000456,
		.flags = FLAG_SEEN | FLAG_DRAFT,
		.keywords = UINT64_C(1) << 63,
	};

	memset(append.key.raw, 0xa5, wrapped_size(&append.key));
	return append;
}

static void test_append(void **state)
{
	struct mailbox_append all[5] = { sample(WRAPPED_BOX), sample(WRAPPED_SYMMETRIC), sample(WRAPPED_NONE),
		                         sample(WRAPPED_BOX), sample(WRAPPED_BOX) };
	struct entry entry;

	(void)state;
	all[1].internal_date = INT64_MIN;
	all[2].internal_date = INT64_MAX;
	all[3].save_date = -1;
	all[4].size = UINT32_MAX;
	entry_encode_append(&out, all, ARRAY_LEN(all));
	assert_int_equal(decode(5, &entry), FAULT_NONE);
	assert_int_equal(entry.kind, ENTRY_APPEND);
	assert_int_equal(entry.n_appends, 5);
	assert_int_equal(entry.uids.n, 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_memory_equal(&entry.appends[i], &all[i], sizeof(all[i]));
	assert_int_equal(decode(4, &entry), FAULT_CORRUPT); /* the change said another number of UIDs */
}

/* Stored logs outlive this build: these bytes are the format. */
static void test_bytes(void **state)
{
	static const uint8_t flags[] = { 1, 2, 0, 1, 0x80, 1, 2, 0, 0, 1, 2 };
	static const uint8_t expunge[] = { 1, 3, 1, 6, 3 };
	struct mailbox_append append = { .size = 300, .flags = 2, .internal_date = 5, .save_date = -1 };
	static const uint8_t start[] = { 1, 1, 1 }, end[] = { 0, 0, 0xac, 2, 2, 0, 10, 1 };
	struct uid_set uids;
	struct mailbox_edit edit = { .op = FLAGS_ADD, .flags = FLAG_SEEN, .keywords = 128, .uids = &uids };

	(void)state;
	uid_set_init(&uids);
	uid_set_add(&uids, 1);
	uid_set_add_range(&uids, 4, 6);
	entry_encode_edit(&out, &edit);
	assert_int_equal(out.len, sizeof(flags));
	assert_memory_equal(out.data, flags, sizeof(flags));
	buf_clear(&out);
	uid_set_del_range(&uids, 1, 6);
	uid_set_add_range(&uids, 7, 10);
	edit.expunge = true;
	entry_encode_edit(&out, &edit);
	assert_int_equal(out.len, sizeof(expunge));
	assert_memory_equal(out.data, expunge, sizeof(expunge));
	buf_clear(&out);
	entry_encode_append(&out, &append, 1);
	assert_int_equal(out.len, sizeof(start) + 16 + sizeof(end));
	assert_memory_equal(out.data, start, sizeof(start));
	assert_memory_equal(out.data + sizeof(start) + 16, end, sizeof(end));
	uid_set_done(&uids);
}

static void test_edits(void **state)
{
	struct uid_set uids;
	struct mailbox_edit edit = {
		.op = FLAGS_SET, .flags = FLAG_ALL, .keywords = UINT64_MAX, .uids = &uids
	};
	struct entry entry;

	(void)state;
	uid_set_init(&uids);
	for (uint32_t uid = 3; uid < 4000; uid += 1 + uid % 7)
		uid_set_add(&uids, uid);
	uid_set_add(&uids, UID_MAX);
	entry_encode_edit(&out, &edit);
	assert_int_equal(decode(0, &entry), FAULT_NONE);
	assert_true(entry.kind == ENTRY_FLAGS && entry.op == FLAGS_SET);
	assert_true(entry.flags == FLAG_ALL && entry.keywords == UINT64_MAX);
	assert_true(uid_set_eq(&entry.uids, &uids));
	assert_int_equal(decode(1, &entry), FAULT_CORRUPT); /* takes no UID */
	buf_clear(&out);
	edit.expunge = true;
	entry_encode_edit(&out, &edit);
	assert_int_equal(decode(0, &entry), FAULT_NONE);
	assert_true(entry.kind == ENTRY_EXPUNGE && uid_set_eq(&entry.uids, &uids));
	uid_set_done(&uids);
}

static void test_cut(void **state)
{
	struct mailbox_append all[3] = { sample(WRAPPED_BOX), sample(WRAPPED_SYMMETRIC),
		                         sample(WRAPPED_NONE) };
	struct why why;
	struct entry entry;

	(void)state;
	entry_encode_append(&out, all, 3);
	for (size_t len = 0; len < out.len; len++) {
		struct slice cut = slice_of(out.data, len);

		assert_int_equal(entry_decode(cut, 3, arena, &entry, &why), FAULT_CORRUPT);
	}
	buf_addc(&out, 0);
	assert_int_equal(decode(3, &entry), FAULT_CORRUPT);
}

static void test_malformed(void **state)
{
	/* clang-format off */
#define RAW(...) sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ }
	/* clang-format on */
	static const struct {
		const char *name;
		size_t len;
		uint8_t raw[16];
		uint32_t uids;
	} cases[] = {
		{ "empty", 0, { 0 }, 0 },
		{ "unknown version", RAW(2, 3, 1, 0, 0), 0 },
		{ "unknown kind", RAW(1, 9, 1, 0, 0), 0 },
		{ "no message", RAW(1, 1, 0), 0 },
		{ "more messages than bytes", RAW(1, 1, 0xff, 0xff, 0x00), 16383 },
		{ "endless count", RAW(1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), 1 },
		{ "unknown operation", RAW(1, 2, 3, 1, 0, 1, 0, 0), 0 },
		{ "unknown flag", RAW(1, 2, 0, 32, 0, 1, 0, 0), 0 },
		{ "no UID", RAW(1, 3, 0), 0 },
		{ "UID above the last", RAW(1, 3, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0), 0 },
		{ "more ranges than bytes", RAW(1, 3, 9, 0, 0), 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice raw = slice_of(cases[i].raw, cases[i].len);
		struct entry entry;

		if (entry_decode(raw, cases[i].uids, arena, &entry, NULL) != FAULT_CORRUPT)
			fail_msg("%s: was taken", cases[i].name);
	}
	assert_true(arena_used(arena) < 4096);
}

static void test_key_kind(void **state)
{
	struct mailbox_append append = sample(WRAPPED_NONE);
	struct entry entry;

	(void)state;
	entry_encode_append(&out, &append, 1);
	out.data[3 + 16] = 3;
	assert_int_equal(decode(1, &entry), FAULT_CORRUPT);
}

static void test_log(void **state)
{
	struct mailbox_append two[2] = { sample(WRAPPED_BOX), sample(WRAPPED_BOX) };
	struct mailbox_change changes[3] = { 0 };
	struct mailbox_log log = { .changes = changes, .n = 3 };
	struct entry *entries;
	uint32_t *first;
	struct why why;

	(void)state;
	entry_encode_append(&out, two, 2);
	for (int i = 0; i < 3; i++)
		changes[i] = (struct mailbox_change){ .entry = buf_slice(&out), .uids = 2 };
	log.head = (struct mailbox_head){ .log_base = 10, .modseq = 13, .log_base_uid = 5, .uid_next = 11 };
	assert_int_equal(entry_decode_log(&log, arena, &entries, &first, &why), FAULT_NONE);
	assert_true(first[0] == 5 && first[1] == 7 && first[2] == 9);
	log.head.modseq = 14;
	assert_int_equal(entry_decode_log(&log, arena, &entries, &first, &why), FAULT_CORRUPT);
	log.head.modseq = 13;
	log.head.uid_next = 12;
	assert_int_equal(entry_decode_log(&log, arena, &entries, &first, &why), FAULT_CORRUPT);
	log.head.uid_next = 11;
	changes[1].uids = 1;
	assert_int_equal(entry_decode_log(&log, arena, &entries, &first, &why), FAULT_CORRUPT);
}

/* Only its end was asked for. */
static void test_log_end(void **state)
{
	struct mailbox_append one = sample(WRAPPED_BOX);
	struct mailbox_change changes[2] = { 0 };
	struct mailbox_log log = { .changes = changes, .n = 2, .skipped = 3 };
	struct entry *entries;
	uint32_t *first;
	struct why why;

	(void)state;
	entry_encode_append(&out, &one, 1);
	for (int i = 0; i < 2; i++)
		changes[i] = (struct mailbox_change){ .entry = buf_slice(&out), .uids = 1 };
	log.head = (struct mailbox_head){ .log_base = 10, .modseq = 15, .log_base_uid = 5, .uid_next = 10 };
	assert_int_equal(entry_decode_log(&log, arena, &entries, &first, &why), FAULT_NONE);
	assert_true(mailbox_log_from(&log) == 13 && first[0] == 8 && first[1] == 9);
	log.skipped = 2;
	assert_int_equal(entry_decode_log(&log, arena, &entries, &first, &why), FAULT_CORRUPT);
	log.skipped = 3;
	log.head.log_base_uid = 9;
	assert_int_equal(entry_decode_log(&log, arena, &entries, &first, &why), FAULT_CORRUPT);
}

static void test_flag_result(void **state)
{
	(void)state;
	assert_int_equal(flag_result(FLAGS_ADD, 5, 2), 7);
	assert_int_equal(flag_result(FLAGS_REMOVE, 7, 2), 5);
	assert_int_equal(flag_result(FLAGS_SET, 7, 2), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_append), TEST(test_bytes),     TEST(test_edits),
		TEST(test_cut),    TEST(test_malformed), TEST(test_key_kind),
		TEST(test_log),    TEST(test_log_end),   TEST(test_flag_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
