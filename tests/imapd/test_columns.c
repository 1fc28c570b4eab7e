/* Columns: what was found out once is there the next time, in the right order, and memory stays within its bounds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "columns.h"

static struct column *numbers(struct column *old, uint32_t first, uint32_t n)
{
	struct column_use use = { .column = column_ref(old) };
	struct column *made;

	for (uint32_t uid = first; uid < first + n; uid++)
		column_add(&use, uid, -(int64_t)uid, SLICE(""));
	column_use_finish(&use);
	made = column_ref(use.made);
	column_use_done(&use);
	return made;
}

static void test_numbers(void **state)
{
	struct column *some = numbers(NULL, 10, 3), *more = numbers(some, 5, 5), *all = numbers(more, 13, 2);
	struct column_use use = { .column = all };

	(void)state;
	assert_int_equal(column_count(some), 3);
	assert_int_equal(column_count(all), 10);
	assert_false(column_has(&use, 4));
	for (uint32_t uid = 14; uid >= 5; uid--)
		assert_int_equal(column_value(&use, uid, 1), -(int64_t)uid);
	assert_int_equal(column_value(&use, 15, 1), 1);
	column_unref(some);
	column_unref(more);
	column_use_done(&use);
}

static void test_nothing(void **state)
{
	struct column_use use = { .of_texts = true };

	(void)state;
	assert_false(column_has(&use, 1));
	column_use_finish(&use);
	assert_null(use.made);
	assert_int_equal(column_value(&use, 1, 7), 7);
	assert_int_equal(column_count(NULL), 0);
	assert_int_equal(column_memory(NULL), 0);
	column_use_done(&use);
}

#define MANY 3000

/* Of UID n, "" for some, few that are alike for some. */
static const char *text_of(uint32_t uid, char room[20])
{
	snprintf(room, 20, "%u", uid % 7 ? uid * 2654435761u % (uid % 5 ? 1000 : 30) : 0);
	return uid % 7 ? room : "";
}

/* Ranks are as the texts are, whatever came in which of ten portions. */
static void test_texts(void **state)
{
	struct column *column = NULL;
	struct arena *arena = arena_new();
	struct column_use all = { .of_texts = true };
	char a[20], b[20];

	(void)state;
	for (uint32_t portion = 0; portion < 10; portion++) {
		struct column_use use = { .column = column, .of_texts = true };

		for (uint32_t uid = MANY; uid >= 1; uid--)
			if (uid * 40503u / 16 % 10 == portion)
				column_add(&use, uid, 0, slice_str(arena_strdup(arena, text_of(uid, a))));
		column_use_finish(&use);
		column = column_ref(use.made);
		column_use_done(&use);
	}
	assert_int_equal(column_count(column), MANY);
	all.column = column;
	for (uint32_t uid = 1; uid < MANY; uid++) {
		int order = slice_cmp(slice_str(text_of(uid, a)), slice_str(text_of(uid + 1, b)));
		int64_t left = column_value(&all, uid, -1), right = column_value(&all, uid + 1, -1);

		assert_true(order < 0 ? left < right : order > 0 ? left > right : left == right);
		assert_int_equal(left == 0, !*text_of(uid, a));
	}
	column_use_done(&all);
	arena_free(arena);
}

/* ---- what a view keeps ---- */

static void keep(struct columns *columns, enum sort_by by, uint32_t n, uint32_t messages)
{
	struct column *column = numbers(NULL, 1, n);

	columns_keep(columns, by, column, messages);
	column_unref(column);
}

static void test_keep(void **state)
{
	struct columns *columns = columns_new();

	(void)state;
	assert_null(columns_get(columns, SORT_DATE));
	keep(columns, SORT_DATE, 100, 100);
	keep(columns, SORT_DATE, 50, 100); /* knows less */
	assert_int_equal(column_count(columns_get(columns, SORT_DATE)), 100);
	keep(columns, SORT_FROM, 10, 100);
	assert_int_equal(columns_memory(columns), column_memory(columns_get(columns, SORT_DATE)) +
	                                              column_memory(columns_get(columns, SORT_FROM)));
	keep(columns, SORT_DATE, 5000, 1000); /* most of them are expunged */
	assert_null(columns_get(columns, SORT_DATE));
	columns_keep(columns, SORT_FROM, NULL, 100); /* a command that met nothing new */
	assert_int_equal(column_count(columns_get(columns, SORT_FROM)), 10);
	columns_free(columns);
	columns_free(NULL);
}

static struct thread_ids *ids_of(struct thread_ids *old, uint32_t first, uint32_t n)
{
	struct thread_ids_use use = { .made = NULL };
	struct thread_ids *made;

	thread_ids_start(&use, thread_ids_ref(old));
	for (uint32_t uid = first; uid < first + n; uid++) {
		char own[20], above[20];
		struct slice refs[] = { SLICE("root"), SLICE("") };

		snprintf(own, sizeof(own), "%u", uid);
		snprintf(above, sizeof(above), "%u", uid - 1);
		refs[1] = slice_str(above);
		thread_ids_add(&use, uid, uid % 2, slice_str(own), refs, ARRAY_LEN(refs));
	}
	thread_ids_finish(&use);
	made = thread_ids_ref(use.made);
	thread_ids_done(&use);
	return made;
}

/* A number stays an id's, in whatever portions messages come. */
static void test_ids(void **state)
{
	struct thread_ids *some = ids_of(NULL, 1001, 2000), *all = ids_of(some, 1, 1000);
	struct columns *columns = columns_new();
	struct thread_ids_use use = { .made = NULL };
	struct thread_named last = { .id = 0 };

	(void)state;
	thread_ids_start(&use, thread_ids_ref(all));
	assert_int_equal(thread_ids_highest(&use), 3000 + 2); /* root, and 0 */
	for (uint32_t uid = 1; uid <= 3000; uid++) {
		struct thread_named named = thread_ids_of(&use, uid);

		assert_int_equal(named.n_refs, 2);
		assert_int_equal(named.reply, uid % 2);
		assert_true(named.id && named.id != named.refs[0]);
		if (last.id) {
			assert_int_equal(named.refs[0], last.refs[0]);
			assert_int_equal(named.refs[1], last.id);
		}
		last = named;
	}
	assert_int_equal(thread_ids_of(&use, 3001).n_refs, 0);
	thread_ids_done(&use);
	columns_keep_ids(columns, some, 3000);
	columns_keep_ids(columns, all, 3000);
	columns_keep_ids(columns, some, 3000);
	assert_ptr_equal(columns_ids(columns), all);
	assert_int_equal(columns_memory(columns), thread_ids_memory(all));
	thread_ids_unref(some);
	thread_ids_unref(all);
	columns_free(columns);
}

static void test_bounds(void **state)
{
	const uint32_t half = COLUMNS_MAX / 2 / 12 + 1; /* messages */
	struct columns *columns[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		columns[i] = columns_new();
		keep(columns[i], SORT_DATE, half, half);
		keep(columns[i], SORT_FROM, half, half);
		assert_null(columns_get(columns[i], SORT_DATE)); /* both are too much */
		assert_true(columns_memory(columns[i]) <= COLUMNS_MAX);
	}
	keep(columns[0], SORT_TO, 2 * half, 2 * half); /* too much alone */
	assert_null(columns_get(columns[0], SORT_TO));
	assert_non_null(columns_get(columns[0], SORT_FROM));
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		columns_free(columns[i]);
}

static void test_process_bound(void **state)
{
	const uint32_t n = COLUMNS_MAX / 12 - 100;
	struct columns *columns[5];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		columns[i] = columns_new();
		keep(columns[i], SORT_DATE, n, n);
		assert_int_equal(!columns_get(columns[i], SORT_DATE), i == 4);
	}
	columns_free(columns[0]);
	keep(columns[4], SORT_DATE, n, n);
	assert_non_null(columns_get(columns[4], SORT_DATE));
	for (size_t i = 1; i < ARRAY_LEN(columns); i++)
		columns_free(columns[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),       cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_texts),         cmocka_unit_test(test_keep),
		cmocka_unit_test(test_ids),           cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_process_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
