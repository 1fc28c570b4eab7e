/* Maps against a plain array, through growth, deletion and walks that delete. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/map.h"
#include "base/rand.h"

#define KEYS 700

static int start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

static void few_keys(void **state)
{
	struct map *map = map_new();
	int a, b;

	(void)state;
	assert_null(map_get(map, SLICE("a")));
	assert_null(map_del(map, SLICE("a")));
	assert_null(map_put(map, SLICE("a"), &a));
	assert_null(map_put(map, SLICE(""), &b));
	assert_null(map_put(map, SLICE("a\0"), &b));
	assert_int_equal(map_count(map), 3);
	assert_ptr_equal(map_put(map, SLICE("a"), &b), &a);
	assert_int_equal(map_count(map), 3);
	assert_ptr_equal(map_get(map, SLICE("a")), &b);
	assert_ptr_equal(map_get(map, slice_of(NULL, 0)), &b);
	assert_ptr_equal(map_del(map, slice_of(NULL, 0)), &b);
	assert_null(map_get(map, SLICE("")));
	map_free(map);
	map_free(NULL);
}

static struct slice key_of(unsigned number)
{
	static char text[32];

	snprintf(text, sizeof(text), "key %u", number);
	return slice_str(text);
}

/* A walk meets what the model holds, each once. */
static void check_walk(const struct map *map, int *const model[KEYS])
{
	bool seen[KEYS] = { false };
	struct slice key;
	size_t at = 0, n = 0;
	void *value;

	while (map_next(map, &at, &key, &value)) {
		unsigned number = 0;

		assert_int_equal(sscanf((const char *)key.data, "key %u", &number), 1);
		assert_true(number < KEYS && !seen[number]);
		assert_ptr_equal(value, model[number]);
		seen[number] = true;
		n++;
	}
	assert_int_equal(n, map_count(map));
}

static void random_puts_and_dels(void **state)
{
	int *model[KEYS] = { NULL };
	static int values[16];
	struct map *map = map_new();
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		unsigned number = rand_below(KEYS);
		/* phases that mostly fill, then mostly empty */
		bool put = rand_below(10) < (i / 5000 % 2 ? 3u : 7u);
		int *value = put ? &values[rand_below(16)] : NULL;
		int *before = put ? map_put(map, key_of(number), value) : map_del(map, key_of(number));

		assert_ptr_equal(before, model[number]);
		count += (value != NULL) - (before != NULL);
		model[number] = value;
		assert_int_equal(map_count(map), count);
		number = rand_below(KEYS);
		assert_ptr_equal(map_get(map, key_of(number)), model[number]);
		if (i % 1000 == 0)
			check_walk(map, model);
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_ptr_equal(map_get(map, key_of(i)), model[i]);
	map_free(map);
}

static void a_walk_may_delete_where_it_stands(void **state)
{
	struct map *map = map_new();
	bool seen[KEYS] = { false };
	struct slice key;
	size_t at = 0;
	void *value;
	int number;

	(void)state;
	for (unsigned i = 0; i < KEYS; i++)
		map_put(map, key_of(i), &seen[i]);
	while (map_next(map, &at, &key, &value)) {
		assert_false(*(bool *)value);
		*(bool *)value = true;
		number = (int)((bool *)value - seen);
		if (number % 3)
			assert_ptr_equal(map_del(map, key_of((unsigned)number)), value);
	}
	for (unsigned i = 0; i < KEYS; i++) {
		assert_true(seen[i]);
		assert_ptr_equal(map_get(map, key_of(i)), i % 3 ? NULL : &seen[i]);
	}
	assert_int_equal(map_count(map), (KEYS + 2) / 3);
	map_free(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_keys),
		cmocka_unit_test(random_puts_and_dels),
		cmocka_unit_test(a_walk_may_delete_where_it_stands),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
