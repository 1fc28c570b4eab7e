/* Packed segments: what unpacks packs to the same bytes, and answers any question without reading past its end. */
#include <stdlib.h>

#include "base/arena.h"
#include "search/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment_query *query = segment_query_new(SLICE("ABCDEF"));
	struct segment *segment, *again;
	struct buf packed, repacked;
	uint64_t *bits;

	if (!segment_unpack(slice_of(data, size), &segment, NULL)) {
		bits = xzalloc((segment_words(segment) + 1) * sizeof(*bits));
		segment_ask(segment, query, bits);
		free(bits);
		buf_init(&packed, BUF_NO_LIMIT);
		buf_init(&repacked, BUF_NO_LIMIT);
		if (!segment_pack(segment, &packed) || segment_unpack(buf_slice(&packed), &again, NULL) ||
		    !segment_pack(again, &repacked) || !slice_eq(buf_slice(&packed), buf_slice(&repacked)))
			abort();
		segment_unref(again);
		segment_unref(segment);
		buf_done(&packed);
		buf_done(&repacked);
	}
	segment_query_free(query);
	return 0;
}
