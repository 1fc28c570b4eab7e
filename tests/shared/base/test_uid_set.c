/* UID sets against a bitmap, at random, and the edges by name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/rand.h"
#include "base/uid_set.h"

#define SPACE 200 /* the model's numbers are 1..SPACE-1 */

static int start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

static void check_invariant(const struct uid_set *set)
{
	for (uint32_t i = 0; i < set->n; i++) {
		assert_true(set->ranges[i].first >= 1 && set->ranges[i].first <= set->ranges[i].last);
		if (i)
			assert_true((uint64_t)set->ranges[i - 1].last + 1 < set->ranges[i].first);
	}
}

/* Says the same as the model in every way that a set can be asked. */
static void check_same(const struct uid_set *set, const bool model[SPACE])
{
	struct uid_iter iter = uid_iter_of(set);
	uint32_t count = 0, min = 0, max = 0, uid;

	check_invariant(set);
	for (uint32_t i = 1; i < SPACE; i++) {
		assert_int_equal(uid_set_has(set, i), model[i]);
		if (!model[i])
			continue;
		assert_true(uid_next(&iter, &uid));
		assert_int_equal(uid, i);
		count++;
		min = min ? min : i;
		max = i;
	}
	assert_false(uid_next(&iter, &uid));
	assert_false(uid_next(&iter, &uid));
	assert_int_equal(uid_set_count(set), count);
	assert_int_equal(uid_set_is_empty(set), count == 0);
	assert_int_equal(uid_set_min(set), min);
	assert_int_equal(uid_set_max(set), max);
}

static void random_set(struct uid_set *set, bool model[SPACE], uint32_t ranges)
{
	for (uint32_t i = 0; i < SPACE; i++)
		model[i] = false;
	uid_set_done(set);
	for (; ranges; ranges--) {
		uint32_t first = 1 + rand_below(SPACE - 1), last = first + rand_below(12);

		last = MIN_OF(last, SPACE - 1u);
		uid_set_add_range(set, first, last);
		for (uint32_t i = first; i <= last; i++)
			model[i] = true;
	}
}

static void check_coding(const struct uid_set *set)
{
	struct uid_set back;
	struct reader reader;
	struct buf buf;

	uid_set_init(&back);
	buf_init(&buf, 10000);
	assert_true(uid_set_pack(set, &buf));
	reader = reader_of(buf_slice(&buf));
	assert_true(uid_set_unpack(&reader, set->n, &back));
	assert_true(read_finished(&reader) && uid_set_eq(set, &back));
	if (set->n) {
		reader = reader_of(buf_slice(&buf));
		assert_false(uid_set_unpack(&reader, set->n - 1, &back));
		assert_true(uid_set_eq(set, &back)); /* untouched */
		reader = reader_of(slice_of(buf.data, buf.len - 1));
		assert_false(uid_set_unpack(&reader, UINT32_MAX, &back));
	}
	buf_done(&buf);
	uid_set_done(&back);
}

static void single_changes_follow_the_model(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		bool model[SPACE] = { false };
		struct uid_set set;

		uid_set_init(&set);
		for (int step = 0; step < 60; step++) {
			uint32_t first = 1 + rand_below(SPACE - 1), last = first + rand_below(20);
			bool add = rand_below(2);

			last = MIN_OF(last, SPACE - 1u);
			if (add)
				uid_set_add_range(&set, first, last);
			else
				uid_set_del_range(&set, first, last);
			for (uint32_t i = first; i <= last; i++)
				model[i] = add;
			check_same(&set, model);
		}
		check_coding(&set);
		uid_set_done(&set);
	}
}

static void whole_sets_follow_the_model(void **state)
{
	static void (*const verbs[])(struct uid_set *, const struct uid_set *) = {
		uid_set_union,
		uid_set_subtract,
		uid_set_intersect,
	};
	bool a_model[SPACE], b_model[SPACE];
	struct uid_set a, b, was;

	(void)state;
	uid_set_init(&a);
	uid_set_init(&b);
	uid_set_init(&was);
	for (uint32_t round = 0; round < 6000; round++) {
		random_set(&a, a_model, rand_below(25));
		random_set(&b, b_model, rand_below(25));
		uid_set_copy(&was, &b);
		verbs[round % 3](&a, &b);
		for (uint32_t i = 0; i < SPACE; i++)
			a_model[i] = round % 3 == 0   ? a_model[i] || b_model[i]
			             : round % 3 == 1 ? a_model[i] && !b_model[i]
			                              : a_model[i] && b_model[i];
		check_same(&a, a_model);
		assert_true(uid_set_eq(&b, &was));
		/* with itself */
		verbs[round % 3](&b, &b);
		if (round % 3 == 1)
			assert_true(uid_set_is_empty(&b));
		else
			assert_true(uid_set_eq(&b, &was));
	}
	uid_set_done(&a);
	uid_set_done(&b);
	uid_set_done(&was);
}

static void taking_splits_in_order(void **state)
{
	bool model[SPACE], taken_model[SPACE];
	struct uid_set set, taken;

	(void)state;
	uid_set_init(&set);
	uid_set_init(&taken);
	for (int round = 0; round < 2000; round++) {
		uint32_t left, max = rand_below(60);

		random_set(&set, model, rand_below(15));
		left = max = round % 20 ? max : UINT32_MAX;
		for (uint32_t i = 1; i < SPACE; i++) {
			taken_model[i] = model[i] && left > 0;
			left -= taken_model[i];
			model[i] = model[i] && !taken_model[i];
		}
		uid_set_take(&set, max == UINT32_MAX ? SIZE_MAX : max, &taken);
		check_same(&set, model);
		check_same(&taken, taken_model);
	}
	uid_set_done(&set);
	uid_set_done(&taken);
}

static void the_largest_number_has_no_successor(void **state)
{
	struct uid_set set, all, taken;
	struct uid_iter iter;
	uint32_t uid = 0;

	(void)state;
	uid_set_init(&set);
	uid_set_init(&all);
	uid_set_init(&taken);
	uid_set_add(&set, UINT32_MAX);
	uid_set_add(&set, 1);
	uid_set_add(&set, UINT32_MAX);
	uid_set_add(&set, UINT32_MAX - 1);
	assert_int_equal(uid_set_ranges(&set), 2);
	check_invariant(&set);
	check_coding(&set);
	uid_set_add_range(&all, 1, UINT32_MAX);
	check_coding(&all);
	assert_true(uid_set_count(&all) == UINT32_MAX);
	uid_set_subtract(&all, &set);
	assert_int_equal(uid_set_ranges(&all), 1);
	assert_int_equal(uid_set_max(&all), UINT32_MAX - 2);
	uid_set_union(&all, &set);
	assert_true(uid_set_count(&all) == UINT32_MAX);
	uid_set_take(&all, UINT32_MAX - 1u, &taken);
	assert_int_equal(uid_set_min(&all), UINT32_MAX);
	assert_int_equal(uid_set_max(&taken), UINT32_MAX - 1);
	iter = uid_iter_of(&all);
	assert_true(uid_next(&iter, &uid) && uid == UINT32_MAX);
	assert_false(uid_next(&iter, &uid));
	uid_set_del_range(&all, UINT32_MAX, UINT32_MAX);
	assert_true(uid_set_is_empty(&all));
	assert_false(uid_set_has(&all, 0));
	uid_set_done(&set);
	uid_set_done(&all);
	uid_set_done(&taken);
}

static void sets_print_as_imap_writes_them(void **state)
{
	struct uid_set set;
	struct buf buf;

	(void)state;
	uid_set_init(&set);
	buf_init(&buf, 40);
	assert_true(uid_set_print(&set, &buf));
	assert_int_equal(buf.len, 0);
	uid_set_add_range(&set, 7, 7);
	uid_set_add_range(&set, 1, 4);
	uid_set_add(&set, 5);
	uid_set_add_range(&set, 4294967290u, UINT32_MAX);
	assert_true(uid_set_print(&set, &buf));
	assert_true(slice_eq(buf_slice(&buf), SLICE("1:5,7,4294967290:4294967295")));
	assert_false(uid_set_print(&set, &buf));
	buf_done(&buf);
	uid_set_done(&set);
}

static void ascending_appends_are_fast(void **state)
{
	struct uid_set set;

	(void)state;
	uid_set_init(&set);
	/* quadratic moving would take minutes */
	for (uint32_t i = 1; i <= 2000000; i++)
		uid_set_add(&set, 2 * i);
	assert_int_equal(uid_set_ranges(&set), 2000000);
	for (uint32_t i = 4000001; i <= 6000000; i++)
		uid_set_add(&set, i);
	assert_int_equal(uid_set_ranges(&set), 2000000);
	uid_set_done(&set);
}

static void hostile_packing_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct slice in;
	} cases[] = {
		{ "nothing", { NULL, 0 } },
		{ "count without ranges", SLICE("\x01") },
		{ "huge count", SLICE("\xff\xff\xff\xff\x0f\x00\x00") },
		{ "count beyond 32 bits", SLICE("\x80\x80\x80\x80\x80\x01\x00\x00") },
		{ "half a range", SLICE("\x01\x05\x80") },
		{ "first beyond 32 bits", SLICE("\x01\xff\xff\xff\xff\x0f\x00") },
		{ "last beyond 32 bits", SLICE("\x01\x00\xff\xff\xff\xff\x0f") },
		{ "range after the largest number", SLICE("\x02\x00\xfe\xff\xff\xff\x0f\x00\x00") },
		{ "gap of nearly 2^64", SLICE("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00") },
	};
	struct uid_set set;

	(void)state;
	uid_set_init(&set);
	uid_set_add(&set, 42);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reader reader = reader_of(cases[i].in);

		if (uid_set_unpack(&reader, 1000, &set) || !reader.bad || uid_set_max(&set) != 42)
			fail_msg("%s", cases[i].name);
	}
	uid_set_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_changes_follow_the_model),
		cmocka_unit_test(whole_sets_follow_the_model),
		cmocka_unit_test(taking_splits_in_order),
		cmocka_unit_test(the_largest_number_has_no_successor),
		cmocka_unit_test(sets_print_as_imap_writes_them),
		cmocka_unit_test(ascending_appends_are_fast),
		cmocka_unit_test(hostile_packing_is_refused),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
