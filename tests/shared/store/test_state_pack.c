/* A mailbox in memory, packed and unpacked (state.h): the same again, or refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "state_fixture.h"

#define PARTS_MAX 8

struct packed {
	struct buf part[PARTS_MAX];
	uint32_t n;
};

static void pack(struct packed *out)
{
	view->head.messages = view->n;
	out->n = mailbox_state_parts(view);
	assert_true(out->n <= PARTS_MAX);
	for (uint32_t i = 0; i < out->n; i++) {
		buf_init(&out->part[i], BUF_NO_LIMIT);
		assert_true(mailbox_state_pack(view, i, &out->part[i]));
	}
}

static void packed_done(struct packed *packed)
{
	for (uint32_t i = 0; i < packed->n; i++)
		buf_done(&packed->part[i]);
}

static enum fault read_part(void *arg, uint32_t part, struct slice *ret, struct why *why)
{
	const struct packed *packed = arg;

	if (part >= packed->n)
		return fault_set(why, FAULT_CORRUPT, "no part %u", part);
	*ret = buf_slice(&packed->part[part]);
	return FAULT_NONE;
}

static enum fault unpack(struct packed *packed, struct mailbox_state **ret)
{
	return mailbox_state_unpack(&box, read_part, packed, ret, NULL);
}

/* Packed and unpacked it is the same, keys that no page has included, and goes on from there. */
static void test_packed(void **state)
{
	struct mailbox_state *other = NULL;
	struct packed packed;

	(void)state;
	log_append(3);
	fold_page(0, 0);
	trim();
	log_append(2);
	log_edit(true, 2, 2, 0);
	apply();
	view->keywords[3] = UINT64_MAX;
	pack(&packed);
	assert_int_equal(unpack(&packed, &other), FAULT_NONE);
	mailbox_state_free(view);
	view = other;
	assert_rows("1:0@2 3:0@2 4:0@3 5:0@3");
	assert_int_equal(view->loaded[1], 0);
	assert_int_equal(view->loaded[2], 1);
	assert_int_equal(view->content[3].raw[0], 5);
	assert_int_equal(view->size[3], 5);
	assert_true(view->keywords[3] == UINT64_MAX);
	assert_int_equal(view->n_vanished, 1);
	assert_int_equal(view->head.modseq, 4);
	log_edit(false, 4, 4, FLAG_SEEN);
	log_append(1);
	apply();
	assert_rows("1:0@2 3:0@2 4:1@5 5:0@3 6:0@6");
	packed_done(&packed);

	fresh_view();
	pack(&packed);
	assert_int_equal(unpack(&packed, &other), FAULT_NONE);
	assert_int_equal(other->n, 0);
	mailbox_state_free(other);
	packed_done(&packed);
}

/* Columns of all widths, over more than one part. */
static void test_packed_columns(void **state)
{
	static const uint64_t spans[] = { 1, 0x100, 0x10000, 0x100000000, UINT64_MAX };
	const uint32_t n = STATE_PART_ROWS + 100;
	struct mailbox_state *other = NULL;
	struct packed packed;

	(void)state;
	log_append(n);
	apply();
	for (size_t k = 0; k < ARRAY_LEN(spans); k++) {
		for (uint32_t i = 0; i < n; i++) {
			view->keywords[i] = i % 2 ? spans[k] : 0;
			view->flags[i] = i % 3 ? (uint32_t)spans[k] : 7;
			view->internal_date[i] = (int64_t)(i % 5 ? -spans[k] : spans[k]);
			view->save_date[i] = INT64_MIN + (int64_t)i;
		}
		pack(&packed);
		assert_int_equal(unpack(&packed, &other), FAULT_NONE);
		assert_int_equal(other->n, n);
		assert_memory_equal(other->uid, view->uid, n * sizeof(*view->uid));
		assert_memory_equal(other->modseq, view->modseq, n * sizeof(*view->modseq));
		assert_memory_equal(other->flags, view->flags, n * sizeof(*view->flags));
		assert_memory_equal(other->keywords, view->keywords, n * sizeof(*view->keywords));
		assert_memory_equal(other->size, view->size, n * sizeof(*view->size));
		assert_memory_equal(other->internal_date, view->internal_date,
		                    n * sizeof(*view->internal_date));
		assert_memory_equal(other->save_date, view->save_date, n * sizeof(*view->save_date));
		mailbox_state_free(other);
		packed_done(&packed);
	}
}

static void test_packed_wrongly(void **state)
{
	struct mailbox_state *other = NULL;
	struct packed packed;

	(void)state;
	log_append(3);
	apply();
	pack(&packed);
	for (uint32_t i = 0; i < packed.n; i++) {
		const size_t whole = packed.part[i].len;

		for (packed.part[i].len = 0; packed.part[i].len < whole; packed.part[i].len++)
			assert_int_equal(unpack(&packed, &other), FAULT_CORRUPT);
		buf_add_u8(&packed.part[i], 0);
		assert_int_equal(unpack(&packed, &other), FAULT_CORRUPT);
		packed.part[i].len = whole;
	}
	packed.part[0].data[0] ^= 1;
	assert_int_equal(unpack(&packed, &other), FAULT_CORRUPT);
	packed_done(&packed);
	view->uid[1] = view->uid[0];
	pack(&packed);
	assert_int_equal(unpack(&packed, &other), FAULT_CORRUPT);
	packed_done(&packed);
	assert_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_packed),
		TEST(test_packed_columns),
		TEST(test_packed_wrongly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
