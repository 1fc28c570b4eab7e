/* Fuzzes what a LIST asks for, and its patterns against a name. Input: lines; the last is the name, the others are the
 * arguments, every second one a literal. */
#include "list_pattern.h"
#include "list_request.h"
#include "fuzz_segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice text = slice_of(data, len), name = text;
	struct imap_segment segments[FUZZ_SEGMENTS];
	struct arena *arena = arena_new();
	struct list_request request;
	struct imap_args args;

	while (name.len && slice_chr(name, '\n') >= 0)
		name = slice_from(name, (size_t)slice_chr(name, '\n') + 1);
	fuzz_segments(&args, segments, slice_first(text, text.len - name.len), arena);
	if (list_request_parse(&args, &request)) {
		if ((!request.n && !request.has_empty) || request.n > LIST_PATTERNS_MAX)
			__builtin_trap();
		for (uint32_t i = 0; i < request.n; i++)
			(void)list_pattern_matches(request.patterns[i], arena_strz(arena, name));
	}
	arena_free(arena);
	return 0;
}
