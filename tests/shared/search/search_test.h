#ifndef TESTS_SHARED_SEARCH_TEST_H
#define TESTS_SHARED_SEARCH_TEST_H
/* What the tests of search/ share: texts that are the same in every run, and signatures of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "search/segment.h"

struct dice {
	uint64_t state;
};

static inline uint32_t roll(struct dice *dice, uint32_t below)
{
	dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((dice->state >> 33) % below);
}

/* Words of letters as languages have them, roughly: some trigrams are common, most are rare. */
static inline struct slice random_text(struct arena *arena, struct dice *dice, size_t len)
{
	static const char letters[] = "EEEEEEETTTTTAAAAOOOOIIIINNNNSSSHHHRRRDDLLCUMWFGYPBVKXJQZ    ";
	uint8_t *text = arena_alloc(arena, len + 1);

	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t)letters[roll(dice, sizeof(letters) - 1)];
	return slice_of(text, len);
}

static inline struct slice signature_of(struct arena *arena, struct slice text)
{
	struct trigrams set;
	struct buf out;
	struct slice packed;

	trigrams_init(&set);
	trigrams_add(&set, text);
	buf_init(&out, SIGNATURE_MAX);
	assert_true(signature_make(&set, &out));
	packed = arena_copy(arena, buf_slice(&out));
	buf_done(&out);
	trigrams_done(&set);
	return packed;
}

#endif
