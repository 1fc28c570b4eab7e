#ifndef TESTS_SHARED_AUTH_SASL_TEST_H
#define TESTS_SHARED_AUTH_SASL_TEST_H
/* What the tests of SASL share: an arena for each, and the bytes of a connection. */
#include "auth/sasl.h"
#include "base/rand.h"

#define NONE ((struct slice){ NULL, 0 })

/* What the exporter of the connection gave. */
static const uint8_t exported[SASL_BINDING] = {
	0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
};

static const struct sasl_offer unbound = { .tls = true }, bound = { .tls = true, .binding = exported };

static struct arena *arena;

static inline int start(void **state)
{
	(void)state;
	rand_start();
	arena = arena_new();
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static inline struct slice big(size_t len, uint8_t c)
{
	return slice_of(memset(arena_alloc(arena, len), c, len), len);
}

#endif
