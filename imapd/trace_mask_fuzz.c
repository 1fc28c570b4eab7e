/* What a trace masks: the same in one piece and in many, and no more than was said. */
#include <assert.h>

#include "trace_mask.h"

static void feed(bool from_client, struct slice bytes, size_t piece, struct buf *out)
{
	struct trace_mask mask;

	trace_mask_init(&mask, from_client);
	while (bytes.len) {
		struct slice part = slice_first(bytes, piece);

		trace_mask_feed(&mask, "", part, out);
		bytes = slice_from(bytes, part.len);
	}
	trace_mask_done(&mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;

	if (size < 2)
		return 0;
	buf_init(&whole, BUF_NO_LIMIT);
	buf_init(&pieces, BUF_NO_LIMIT);
	feed(data[0] & 1, slice_of(data + 2, size - 2), SIZE_MAX, &whole);
	feed(data[0] & 1, slice_of(data + 2, size - 2), 1U + data[1], &pieces);
	assert(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	assert(whole.len <= 64 * size + 64);
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
