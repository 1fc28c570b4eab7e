#ifndef TESTS_SHARED_CRYPT_H
#define TESTS_SHARED_CRYPT_H
/* What the tests of crypt share. */
#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/rand.h"

static inline int crypt_test_start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

/* In the arena. */
static inline struct slice unhex(struct arena *arena, const char *hex)
{
	struct slice raw;
	struct buf buf;

	buf_init(&buf, BUF_NO_LIMIT);
	assert_true(hex_decode(&buf, slice_str(hex)));
	raw = arena_copy(arena, buf_slice(&buf));
	buf_done(&buf);
	return raw;
}

/* start, start + 1, ...: the keys and ids of vectors.py */
static inline void run_of(uint8_t *out, uint8_t start, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(start + i);
}

static inline struct id id_run(uint8_t start)
{
	struct id id;

	run_of(id.raw, start, sizeof(id.raw));
	return id;
}

static inline void assert_slice(struct slice got, struct slice want)
{
	assert_int_equal(got.len, want.len);
	if (want.len)
		assert_memory_equal(got.data, want.data, want.len);
}

#endif
