#ifndef TESTS_SHARED_SEAL_TEST_H
#define TESTS_SHARED_SEAL_TEST_H
/* What the tests of sealing share: a key, bytes to seal, a whole body sealed and opened. */
#include <sodium.h>

#include "crypt/seal.h"
#include "shared/crypt/crypt_test.h"

static struct arena *arena;
static struct content_key key; /* of vectors.py */

static inline int start(void **state)
{
	(void)state;
	rand_start();
	arena = arena_new();
	run_of(key.raw, 0x60, sizeof(key.raw));
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* Bytes that do not compress, the same each time: SHA-256 of 0, 1, 2, ... */
static inline struct slice noise(size_t len)
{
	uint8_t *bytes = arena_alloc(arena, len + 32), counter[4];

	for (size_t i = 0; i * 32 < len; i++) {
		for (int k = 0; k < 4; k++)
			counter[k] = (uint8_t)(i >> (8 * k));
		crypto_hash_sha256(bytes + i * 32, counter, sizeof(counter));
	}
	return slice_of(bytes, len);
}

/* Bytes that do. */
static inline struct slice text(size_t len)
{
	static const char words[] = "Received: from a by b with ESMTPS id c for <d@example.org>; ";
	uint8_t *bytes = arena_alloc(arena, len + 1);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)words[(i + i / 997) % (sizeof(words) - 1)];
	return slice_of(bytes, len);
}

struct sealed {
	struct buf bytes;
	struct seal_layout layout;
};

static inline struct sealed *seal(struct slice plain)
{
	struct sealed *sealed = arena_make(arena, struct sealed);

	buf_init(&sealed->bytes, BUF_NO_LIMIT);
	assert_true(seal_all(&key, SEAL_BODY, plain, arena, &sealed->bytes, &sealed->layout));
	assert_int_equal(sealed->layout.size, plain.len);
	assert_int_equal(seal_layout_total(&sealed->layout), sealed->bytes.len);
	return sealed;
}

static inline enum fault open_all(const struct sealed *sealed, struct buf *out)
{
	struct seal_range range = seal_locate(&sealed->layout, 0, UINT64_MAX);
	struct why why;

	assert_int_equal(range.sealed_len, sealed->layout.size ? sealed->bytes.len : 0);
	return seal_open_range(&key, SEAL_BODY, &sealed->layout, &range,
	                       slice_first(buf_slice(&sealed->bytes), range.sealed_len), out, &why);
}

#endif
