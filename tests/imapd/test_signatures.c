/* What a view keeps of search signatures (signatures.h): what is worth asking for, merging, and memory that is bounded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "signatures.h"

#define NOW   1000000
#define LATER (NOW + 11 * 60 * 1000)

static uint8_t bits[128];

/* UIDs from..to; those that `none_every` divides have no signature. */
static struct segment *segment(uint32_t from, uint32_t to, uint32_t none_every)
{
	struct segment_row rows[5000];
	size_t n = 0;

	for (uint32_t uid = from; uid <= to; uid++) {
		rows[n] = (struct segment_row){ uid, { 1, slice_of(bits, sizeof(bits)) } };
		if (none_every && uid % none_every == 0)
			rows[n].signature = (struct signature){ .class = SEGMENT_NONE };
		n++;
	}
	return segment_new(rows, n);
}

static void wanted(void **state)
{
	struct signatures *all = signatures_new();

	(void)state;
	assert_true(signatures_want(all, 1, NOW));
	signatures_add(all, segment(1, 20, 10), NULL, 0, NOW);
	assert_false(signatures_want(all, 1, NOW));
	assert_true(signatures_want(all, 21, NOW));
	/* what had none is asked for again after a while, or when somebody knows better */
	assert_false(signatures_want(all, 10, NOW));
	assert_true(signatures_want(all, 10, LATER));
	signatures_ask_again(all);
	assert_true(signatures_want(all, 10, NOW));
	/* and once it has one, that stands, whatever another segment says */
	signatures_add(all, segment(10, 10, 0), NULL, 0, NOW);
	assert_false(signatures_want(all, 10, LATER));
	assert_true(signatures_want(all, 20, LATER));
	signatures_free(all);
}

static void missing(void **state)
{
	struct signatures *all = signatures_new();
	uint32_t uids[4];

	(void)state;
	assert_int_equal(signatures_missing(all, 0, uids, 4), 0);
	signatures_add(all, segment(100, 200, 50), NULL, 0, NOW); /* 100 150 200 */
	signatures_add(all, segment(10, 60, 20), NULL, 0, NOW);   /* 20 40 60 */
	signatures_add(all, segment(40, 40, 0), NULL, 0, NOW);
	signatures_add(all, segment(60, 60, 60), NULL, 0, NOW); /* twice the same */
	assert_int_equal(signatures_missing(all, 0, uids, 4), 4);
	assert_int_equal(uids[0], 20);
	assert_int_equal(uids[1], 60);
	assert_int_equal(uids[2], 100);
	assert_int_equal(uids[3], 150);
	assert_int_equal(signatures_missing(all, 150, uids, 4), 1);
	assert_int_equal(uids[0], 200);
	assert_int_equal(signatures_missing(all, 200, uids, 4), 0);
	assert_int_equal(signatures_missing(all, 0, uids, 1), 1);
	assert_int_equal(uids[0], 20);
	signatures_free(all);
}

/* Old ones are good for most searches; they are made anew in the background, and forgotten when a search needs new ones. */
static void old(void **state)
{
	struct segment_row row = { 7, { 1, slice_of(bits, sizeof(bits)), true } };
	struct signatures *all = signatures_new();
	uint32_t uids[4];

	(void)state;
	signatures_add(all, segment(1, 5, 0), NULL, 0, NOW);
	signatures_add(all, segment_new(&row, 1), NULL, 0, NOW);
	assert_false(signatures_want(all, 7, LATER));
	assert_int_equal(signatures_missing(all, 0, uids, 4), 1);
	assert_int_equal(uids[0], 7);
	signatures_renew(all, NOW + 1);
	assert_false(signatures_want(all, 7, NOW + 1));
	signatures_renew(all, LATER);
	assert_true(signatures_want(all, 7, LATER));
	assert_false(signatures_want(all, 5, LATER));
	signatures_add(all, segment_new(&row, 1), NULL, 0, LATER);
	signatures_ask_again(all);
	assert_true(signatures_want(all, 7, LATER));
	signatures_add(all, segment_new(&row, 1), NULL, 0, LATER);
	signatures_add(all, segment(7, 7, 0), NULL, 0, LATER);
	assert_int_equal(signatures_missing(all, 0, uids, 4), 0);
	signatures_free(all);
}

static void merged(void **state)
{
	struct signatures *all = signatures_new();
	struct arena *arena = arena_new();
	struct segment **held;
	size_t n, memory;

	(void)state;
	signatures_add(all, segment(1, 2000, 0), NULL, 0, NOW);
	signatures_add(all, segment(2001, 2010, 0), NULL, 0, NOW);
	held = signatures_hold(all, true, arena, &n);
	assert_int_equal(n, 1); /* the large one stays as it is */
	memory = signatures_memory(all);
	signatures_add(all, segment(2001, 2020, 0), held, n, NOW);
	assert_true(signatures_memory(all) < memory + segment_memory(held[0]) * 2);
	assert_false(signatures_want(all, 2001, NOW));
	/* two searches had made something of it at the same time */
	signatures_add(all, segment(2001, 2020, 0), held, n, NOW);
	assert_false(signatures_want(all, 2020, NOW));
	segment_unref(held[0]);
	held = signatures_hold(all, false, arena, &n);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		segment_unref(held[i]);
	arena_free(arena);
	signatures_free(all);
}

static void bounded(void **state)
{
	struct signatures *one = signatures_new(), *two = signatures_new();
	size_t each;

	(void)state;
	assert_false(signatures_make_room(one, 0));
	assert_true(signatures_make_room(one, 1));
	signatures_add(one, segment(1, 1000, 0), NULL, 0, NOW);
	each = signatures_memory(one);
	assert_true(signatures_make_room(two, each + 1)); /* both fit */
	assert_int_equal(signatures_memory(one), each);
	signatures_add(two, segment(1, 1000, 0), NULL, 0, NOW);
	assert_true(signatures_first(one));
	assert_false(signatures_first(one));
	assert_true(signatures_make_room(two, each + 1)); /* the other goes, to be read again */
	assert_int_equal(signatures_memory(one), 0);
	assert_true(signatures_first(one));
	assert_int_equal(signatures_memory(two), each);
	assert_false(signatures_make_room(two, each)); /* its own stay */
	assert_int_equal(signatures_memory(two), each);
	signatures_free(one);
	signatures_free(two);
}

static void saved(void **state)
{
	struct signatures *all = signatures_new();

	(void)state;
	signatures_add(all, segment(1, 500, 0), NULL, 0, NOW);
	assert_false(signatures_unsaved(all));
	signatures_add(all, segment(501, 600, 0), NULL, 0, NOW);
	assert_true(signatures_unsaved(all));
	signatures_saved(all);
	assert_false(signatures_unsaved(all));
	signatures_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wanted), cmocka_unit_test(missing), cmocka_unit_test(merged),
		cmocka_unit_test(old),    cmocka_unit_test(bounded), cmocka_unit_test(saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
