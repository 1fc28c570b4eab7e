/* Arenas: alignment, reuse after a reset, big blocks, clean-ups last first. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"

static void everything_is_aligned_and_apart(void **state)
{
	struct arena *arena = arena_new();
	uint8_t *pieces[400];

	(void)state;
	for (size_t i = 0; i < 400; i++) {
		pieces[i] = arena_alloc(arena, i + 1);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		memset(pieces[i], (int)(i & 0xff), i + 1);
	}
	for (size_t i = 0; i < 400; i++)
		for (size_t j = 0; j <= i; j++)
			assert_int_equal(pieces[i][j], i & 0xff);
	assert_int_equal(arena_used(arena), 400 * 401 / 2);
	arena_free(arena);
}

static void a_big_block_leaves_the_newest_in_use(void **state)
{
	struct arena *arena = arena_new();
	char *small = arena_alloc(arena, 16);
	char *big = arena_zalloc(arena, 1 << 20);
	char *next = arena_alloc(arena, 16);

	(void)state;
	assert_ptr_equal(next, small + 16);
	assert_int_equal(big[(1 << 20) - 1], 0);
	arena_free(arena);
}

static void a_reset_starts_over(void **state)
{
	struct arena *arena = arena_new();
	char *first = arena_alloc(arena, 100);

	(void)state;
	for (int i = 0; i < 100; i++)
		arena_alloc(arena, 1000);
	arena_reset(arena);
	assert_int_equal(arena_used(arena), 0);
	assert_ptr_equal(arena_alloc(arena, 100), first);
	arena_reset(arena);
	arena_reset(arena);
	arena_free(arena);
	arena_free(NULL);
}

struct trace {
	char text[8];
	size_t n;
};

struct step {
	struct trace *trace;
	char name;
};

static void on_free(void *object)
{
	struct step *step = object;

	step->trace->text[step->trace->n++] = step->name;
}

static void cleanups_run_once_last_first(void **state)
{
	struct trace trace = { 0 };
	struct step a = { &trace, 'a' }, b = { &trace, 'b' }, c = { &trace, 'c' };
	struct arena *arena = arena_new();

	(void)state;
	arena_on_free(arena, on_free, &a);
	arena_on_free(arena, on_free, &b);
	arena_reset(arena);
	assert_string_equal(trace.text, "ba");
	arena_on_free(arena, on_free, &c);
	arena_free(arena);
	assert_string_equal(trace.text, "bac");
}

static void text_is_copied(void **state)
{
	struct arena *arena = arena_new();
	struct slice copy = arena_copy(arena, SLICE("a\0b"));

	(void)state;
	assert_true(slice_eq(copy, SLICE("a\0b")));
	assert_int_equal(copy.data[3], 0);
	assert_string_equal(arena_strz(arena, slice_of(NULL, 0)), "");
	assert_string_equal(arena_strdup(arena, "mail"), "mail");
	assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
	assert_int_equal(arena_array(arena, int, 50)[49], 0);
	arena_free(arena);
}

static void a_list_grows_and_keeps_what_it_has(void **state)
{
	struct arena *arena = arena_new();
	size_t room = 0, moves = 0;
	int *list = NULL;

	(void)state;
	for (int i = 0; i < 100; i++) {
		int *before = list;

		list = arena_more(arena, list, (size_t)i, &room, sizeof(*list));
		moves += list != before;
		assert_int_equal(list[i], 0);
		list[i] = i;
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(list[i], i);
	assert_int_equal(room, 128);
	assert_int_equal(moves, 8);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_aligned_and_apart),
		cmocka_unit_test(a_big_block_leaves_the_newest_in_use),
		cmocka_unit_test(a_reset_starts_over),
		cmocka_unit_test(cleanups_run_once_last_first),
		cmocka_unit_test(text_is_copied),
		cmocka_unit_test(a_list_grows_and_keeps_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
