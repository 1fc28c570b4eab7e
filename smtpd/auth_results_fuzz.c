/* Finding forged Authentication-Results in any header, and writing any value: the output is plain ASCII lines. */
#include <stdlib.h>

#include "auth_results.h"
#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct slice input = slice_of(data, size);
	const struct auth_prop prop = { "smtp.mailfrom", input };
	struct byte_range *ranges;
	size_t n = auth_results_forged(input, "mx.test", arena, &ranges), last = 0;
	struct field_writer writer;
	struct buf out;

	for (size_t i = 0; i < n; i++) {
		if (ranges[i].start < last || ranges[i].end <= ranges[i].start || ranges[i].end > size)
			abort();
		last = ranges[i].end;
	}
	buf_init(&out, 65536);
	field_start(&writer, &out, "Authentication-Results");
	auth_results_id(&writer, arena, "mx.test");
	auth_results_method(&writer, arena, "spf", AUTHRES_FAIL, arena_strz(arena, input), &prop, 1);
	auth_results_end(&writer, 1);
	for (size_t i = 0; i < out.len; i++) {
		uint8_t c = out.data[i];

		if (c >= 0x7f || (c < ' ' && c != '\t' && c != '\r' && c != '\n'))
			abort();
		if (c == '\n' && i + 1 < out.len && out.data[i + 1] != '\t')
			abort(); /* a line that is a field of its own */
	}
	buf_done(&out);
	arena_free(arena);
	return 0;
}
