/* Fuzzes what a LIST asks for, and its patterns against a name. Input: lines; the last is the name, the others are the
 * arguments, every second one a literal. */
#include "list_pattern.h"
#include "list_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SEGMENTS 16

static void start(struct imap_args *args, struct imap_segment segments[SEGMENTS], struct slice text,
                  struct arena *arena)
{
	size_t n = 0;

	memset(segments, 0, SEGMENTS * sizeof(*segments));
	(void)slice_cut(&text, '\n', &segments[0].text);
	while (n + 1 < SEGMENTS && slice_cut(&text, '\n', &segments[n].literal.data)) {
		if (!segments[n].literal.data.data)
			segments[n].literal.data = SLICE("");
		segments[n].next = &segments[n + 1];
		n++;
		if (!slice_cut(&text, '\n', &segments[n].text))
			break;
	}
	imap_args_start(args, segments, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice text = slice_of(data, len), name = text;
	struct imap_segment segments[SEGMENTS];
	struct arena *arena = arena_new();
	struct list_request request;
	struct imap_args args;

	while (name.len && slice_chr(name, '\n') >= 0)
		name = slice_from(name, (size_t)slice_chr(name, '\n') + 1);
	start(&args, segments, slice_first(text, text.len - name.len), arena);
	if (list_request_parse(&args, &request)) {
		if (!request.n || request.n > LIST_PATTERNS_MAX)
			__builtin_trap();
		for (uint32_t i = 0; i < request.n; i++)
			(void)list_pattern_matches(request.patterns[i], arena_strz(arena, name));
	}
	arena_free(arena);
	return 0;
}
