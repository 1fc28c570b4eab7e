/* Headers that a view remembers: what a digest has, and that memory stays within its bounds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "header_cache.h"

static void test_digest(void **state)
{
	struct arena *arena = arena_new();
	struct slice got = header_digest(
	    arena, SLICE("Received: x\r\nSUBJECT: a\r\n b\r\nX: y\r\nFrom: c\r\nFrom: d\r\n\r\nTo: e\r\n"));
	struct buf large;

	(void)state;
	assert_true(slice_eq(got, SLICE("SUBJECT: a\r\n b\r\nFrom: c\r\nFrom: d\r\n")));
	got = header_digest(arena, SLICE("From: a\r\nDate: b\r\nSubject: c"));
	assert_true(slice_eq(got, SLICE("Subject: c\r\nFrom: a\r\nDate: b\r\n")));
	got = header_digest(arena, SLICE("X: y\r\n\r\n"));
	assert_true(got.data && !got.len); /* it is known that there is nothing */
	buf_init(&large, BUF_NO_LIMIT);
	buf_adds(&large, "Subject: ");
	while (large.len < HEADER_DIGEST_MAX)
		buf_addc(&large, 'x');
	assert_non_null(header_digest(arena, buf_slice(&large)).data);
	buf_addc(&large, 'x');
	assert_null(header_digest(arena, buf_slice(&large)).data);
	assert_true(header_digest_has(SLICE("in-reply-to")));
	assert_false(header_digest_has(SLICE("Sender")));
	buf_done(&large);
	arena_free(arena);
}

static void test_cache(void **state)
{
	static const uint32_t uids[] = { 70000, 1, 2, 1000, 255, 256, 4294967294u, 3 };
	struct header_cache *cache = header_cache_new();

	(void)state;
	assert_null(header_cache_get(NULL, 1).data);
	assert_null(header_cache_get(cache, 1).data);
	for (size_t i = 0; i < ARRAY_LEN(uids); i++) {
		uint32_t uid = uids[i];

		header_cache_put(cache, uid, slice_of(&uid, sizeof(uid)));
		header_cache_put(cache, uid, SLICE("other"));
	}
	header_cache_put(cache, 9, SLICE(""));
	for (size_t i = 0; i < ARRAY_LEN(uids); i++)
		assert_true(slice_eq(header_cache_get(cache, uids[i]), slice_of(&uids[i], sizeof(uids[i]))));
	assert_non_null(header_cache_get(cache, 9).data);
	assert_null(header_cache_get(cache, 4).data);
	assert_null(header_cache_get(cache, 80000).data);
	header_cache_free(cache);
	header_cache_free(NULL);
}

static void test_bounds(void **state)
{
	static const uint8_t text[HEADER_DIGEST_MAX];
	struct header_cache *cache = header_cache_new();

	(void)state;
	for (uint32_t uid = 1; uid <= 20000; uid++) {
		header_cache_put(cache, uid, slice_of(text, sizeof(text)));
		assert_true(header_cache_memory(cache) < HEADER_CACHE_MAX + 2 * HEADER_DIGEST_MAX);
		assert_non_null(header_cache_get(cache, uid).data);
	}
	header_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
