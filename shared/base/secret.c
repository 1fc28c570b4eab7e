/*
 * Keys and passwords in guarded memory (secret.h). The header lives on the
 * ordinary heap: sodium_malloc() puts its bytes against the end of a page, so
 * what it gives is aligned for nothing but bytes.
 */
#include "base/secret.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

struct secret {
	atomic_uint refs;
	size_t size;
	uint8_t *data;
};

struct secret *secret_new(size_t size)
{
	struct secret *secret = xmalloc(sizeof(*secret));

	secret->data = sodium_malloc(MAX_OF(size, (size_t)1));
	if (!secret->data) {
		fputs("posthouse: no guarded memory left\n", stderr);
		abort();
	}
	memset(secret->data, 0, MAX_OF(size, (size_t)1));
	secret->size = size;
	atomic_init(&secret->refs, 1);
	return secret;
}

struct secret *secret_copy(struct slice s)
{
	struct secret *secret = secret_new(s.len);

	if (s.len)
		memcpy(secret->data, s.data, s.len);
	return secret;
}

struct secret *secret_ref(struct secret *secret)
{
	atomic_fetch_add_explicit(&secret->refs, 1, memory_order_relaxed);
	return secret;
}

void secret_unref(struct secret *secret)
{
	unsigned before;

	if (!secret)
		return;
	before = atomic_fetch_sub_explicit(&secret->refs, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before != 1)
		return;
	sodium_free(secret->data); /* wipes */
	free(secret);
}

uint8_t *secret_data(struct secret *secret)
{
	return secret->data;
}

struct slice secret_slice(const struct secret *secret)
{
	return slice_of(secret->data, secret->size);
}

bool secret_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || sodium_memcmp(a.data, b.data, a.len) == 0);
}

void secret_wipe(void *data, size_t len)
{
	sodium_memzero(data, len);
}
