/* Any message: what comes out has no 8-bit but in header fields, and as many parts as went in. */
#include <stdlib.h>

#include "base/arena.h"
#include "mail/mime.h"
#include "seven_bit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_leaves(const struct mime *mime, struct slice text)
{
	for (const struct mime_part *part = mime->root; part; part = mime_next(part)) {
		struct slice body = mime_body(part, text);

		for (size_t i = 0; part->kind == MIME_LEAF && i < body.len; i++) {
			if (body.data[i] >= 0x80)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	struct arena *arena = arena_new();
	struct mime after;
	struct buf out;

	buf_init(&out, size * 4 + 4096);
	if (seven_bit_convert(slice_of(data, size), arena, &out)) {
		mime_parse(arena, buf_slice(&out), &limits, &after);
		check_leaves(&after, buf_slice(&out));
	}
	buf_done(&out);
	arena_free(arena);
	return 0;
}
