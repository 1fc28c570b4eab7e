/* Logins verified lately. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "auth/cache.h"

#define TTL 60000

static int64_t now;

static int64_t test_clock(void)
{
	return now;
}

static int start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

static struct login_cache *cache_new(size_t max)
{
	struct login_cache *cache = login_cache_new(TTL, max);

	now = 1000;
	login_cache_set_clock(cache, test_clock);
	return cache;
}

static void only_the_same_login_is_known(void **state)
{
	struct login_cache *cache = cache_new(10), *other = cache_new(10);
	struct id alice = id_new(), bob = id_new();

	(void)state;
	assert_false(login_cache_knows(cache, &alice, "$argon$1", SLICE("pw")));
	login_cache_add(cache, &alice, "$argon$1", SLICE("pw"));
	assert_true(login_cache_knows(cache, &alice, "$argon$1", SLICE("pw")));
	assert_false(login_cache_knows(cache, &alice, "$argon$1", SLICE("pW")));
	assert_false(login_cache_knows(cache, &alice, "$argon$1", SLICE("")));
	assert_false(login_cache_knows(cache, &bob, "$argon$1", SLICE("pw")));
	assert_false(
	    login_cache_knows(cache, &alice, "$argon$2", SLICE("pw"))); /* the password was changed */
	assert_false(
	    login_cache_knows(cache, &alice, "$argon$", SLICE("1pw"))); /* the parts do not run together */
	assert_false(login_cache_knows(cache, &alice, "$argon$1p", SLICE("w")));
	assert_false(login_cache_knows(other, &alice, "$argon$1", SLICE("pw")));
	login_cache_free(cache);
	login_cache_free(other);
	login_cache_free(NULL);
}

static void logins_are_known_for_a_while(void **state)
{
	struct login_cache *cache = cache_new(10);
	struct id alice = id_new();

	(void)state;
	login_cache_add(cache, &alice, "$a", SLICE("pw"));
	now += TTL - 1;
	assert_true(login_cache_knows(cache, &alice, "$a", SLICE("pw"))); /* which prolongs nothing */
	now += 1;
	assert_false(login_cache_knows(cache, &alice, "$a", SLICE("pw")));
	login_cache_add(cache, &alice, "$a", SLICE("pw"));
	now += TTL / 2;
	login_cache_add(cache, &alice, "$a", SLICE("pw")); /* a full check does */
	now += TTL / 2 + 1;
	assert_true(login_cache_knows(cache, &alice, "$a", SLICE("pw")));
	now += TTL;
	assert_false(login_cache_knows(cache, &alice, "$a", SLICE("pw")));
	login_cache_free(cache);
}

static void accounts_are_forgotten_at_once(void **state)
{
	struct login_cache *cache = cache_new(10);
	struct id alice = id_new(), bob = id_new();

	(void)state;
	login_cache_add(cache, &alice, "$a", SLICE("pw"));
	login_cache_add(cache, &bob, "$b", SLICE("pw"));
	login_cache_add(cache, &alice, "$app", SLICE("app password"));
	login_cache_forget(cache, &alice);
	assert_false(login_cache_knows(cache, &alice, "$a", SLICE("pw")));
	assert_false(login_cache_knows(cache, &alice, "$app", SLICE("app password")));
	assert_true(login_cache_knows(cache, &bob, "$b", SLICE("pw")));
	login_cache_forget(cache, &alice);
	login_cache_free(cache);
}

static void the_oldest_make_room(void **state)
{
	struct login_cache *cache = cache_new(3);
	struct id id[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		id[i] = id_new();
		login_cache_add(cache, &id[i], "$a", SLICE("pw"));
		now++;
	}
	assert_false(login_cache_knows(cache, &id[0], "$a", SLICE("pw")));
	for (size_t i = 1; i < 4; i++)
		assert_true(login_cache_knows(cache, &id[i], "$a", SLICE("pw")));
	login_cache_add(cache, &id[1], "$a", SLICE("pw")); /* again: it takes no more room */
	for (size_t i = 1; i < 4; i++)
		assert_true(login_cache_knows(cache, &id[i], "$a", SLICE("pw")));
	login_cache_free(cache);
}

static void *hammer(void *object)
{
	struct login_cache *cache = object;
	char password[16];

	for (unsigned i = 0; i < 3000; i++) {
		struct id id = { { (uint8_t)(i % 7) } };

		snprintf(password, sizeof(password), "%u", i % 50);
		login_cache_add(cache, &id, "$a", slice_str(password));
		login_cache_knows(cache, &id, "$a", slice_str(password));
		if (i % 100 == 0)
			login_cache_forget(cache, &id);
	}
	return NULL;
}

static void threads_may_share_it(void **state)
{
	struct login_cache *cache = login_cache_new(1, 40);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, cache), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	login_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_same_login_is_known),
		cmocka_unit_test(logins_are_known_for_a_while),
		cmocka_unit_test(accounts_are_forgotten_at_once),
		cmocka_unit_test(the_oldest_make_room),
		cmocka_unit_test(threads_may_share_it),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
