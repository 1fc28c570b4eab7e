/* The inflating reader on hostile input, fed in pieces: what comes out stays in its room, and does not hang on how it was fed. */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "loop/deflate.h"

#define OUT_MAX (1 << 20)

static void inflate_all(struct slice input, size_t piece, size_t room, struct buf *out)
{
	struct inflater *inflater = inflater_new();

	while (input.len && !inflater_over(inflater) && out->len + room <= OUT_MAX) {
		struct slice part = slice_first(input, piece);

		input = slice_from(input, part.len);
		do {
			size_t len = inflater_run(inflater, &part, buf_room(out, room), room);

			assert(len <= room);
			out->len += len;
		} while ((part.len || inflater_holds(inflater)) && !inflater_over(inflater) &&
		         out->len + room <= OUT_MAX);
	}
	inflater_free(inflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;
	size_t same;

	if (size < 2)
		return 0;
	buf_init(&whole, OUT_MAX);
	buf_init(&pieces, OUT_MAX);
	inflate_all(slice_of(data + 2, size - 2), SIZE_MAX, 4096, &whole);
	inflate_all(slice_of(data + 2, size - 2), 1U + data[0], 1U + data[1], &pieces);
	same = MIN_OF(whole.len, pieces.len);
	assert(slice_eq(slice_of(whole.data, same), slice_of(pieces.data, same)));
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
