/* Secrets: counted references across threads, comparing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/rand.h"
#include "base/secret.h"

static int start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

static void bytes_are_kept(void **state)
{
	struct secret *zero = secret_new(32), *copy = secret_copy(SLICE("pa\0ss"));

	(void)state;
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(secret_data(zero)[i], 0);
	assert_int_equal(secret_slice(zero).len, 32);
	assert_true(secret_eq(secret_slice(copy), SLICE("pa\0ss")));
	secret_data(copy)[0] = 'P';
	assert_true(secret_eq(secret_slice(copy), SLICE("Pa\0ss")));
	secret_unref(zero);
	secret_unref(copy);
	secret_unref(NULL);
}

static void an_empty_secret_is_fine(void **state)
{
	struct secret *empty = secret_copy(slice_of(NULL, 0));

	(void)state;
	assert_int_equal(secret_slice(empty).len, 0);
	assert_true(secret_eq(secret_slice(empty), SLICE("")));
	secret_unref(empty);
}

static void comparing(void **state)
{
	(void)state;
	assert_true(secret_eq(SLICE("abc"), SLICE("abc")));
	assert_false(secret_eq(SLICE("abc"), SLICE("abd")));
	assert_false(secret_eq(SLICE("abc"), SLICE("ab")));
}

static void wiping(void **state)
{
	uint8_t key[4] = { 1, 2, 3, 4 };

	(void)state;
	secret_wipe(key, sizeof(key));
	assert_memory_equal(key, "\0\0\0\0", 4);
}

static void *ref_and_unref(void *secret)
{
	for (int i = 0; i < 20000; i++)
		secret_unref(secret_ref(secret));
	secret_unref(secret);
	return NULL;
}

static void references_cross_threads(void **state)
{
	struct secret *secret = secret_copy(SLICE("key"));
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, secret_ref(secret)), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(secret_eq(secret_slice(secret), SLICE("key")));
	secret_unref(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_kept),
		cmocka_unit_test(an_empty_secret_is_fine),
		cmocka_unit_test(comparing),
		cmocka_unit_test(wiping),
		cmocka_unit_test(references_cross_threads),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
