/* Fuzzes what a NOTIFY asks for, and its mailboxes against a name. Input: lines; the last is the name, the others are the
 * arguments, every second one a literal. */
#include "fuzz_segments.h"
#include "notify_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice text = slice_of(data, len), name = text;
	const struct mailbox_meta meta = { .subscribed = true };
	struct imap_segment segments[FUZZ_SEGMENTS];
	struct arena *arena = arena_new();
	struct notify_request request;
	struct imap_args args;

	while (name.len && slice_chr(name, '\n') >= 0)
		name = slice_from(name, (size_t)slice_chr(name, '\n') + 1);
	fuzz_segments(&args, segments, slice_first(text, text.len - name.len), arena);
	if (notify_request_parse(&args, &request)) {
		if (request.n > NOTIFY_GROUPS_MAX || (request.fetch && !request.has_selected) ||
		    (request.selected & NOTIFY_NO_MESSAGES))
			__builtin_trap();
		(void)notify_request_events(&request, arena_strz(arena, name), &meta);
	}
	arena_free(arena);
	return 0;
}
