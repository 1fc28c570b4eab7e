/* Fuzzes what GETMETADATA and SETMETADATA ask for. Input: 'g' or 's', then arguments as fuzz_segments.h reads them. */
#include "metadata_request.h"
#include "fuzz_segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct metadata_request *request)
{
	if (!request->n || request->n > METADATA_REQUEST_MAX)
		__builtin_trap();
	for (size_t i = 0; i < request->n; i++) {
		const struct slice name = request->entries[i].name;

		if (name.len < 7 || name.len > METADATA_NAME_MAX || name.data[0] != '/' ||
		    name.data[name.len - 1] == '/')
			__builtin_trap();
		if (!metadata_matches(name, 0, name))
			__builtin_trap();
		for (size_t k = 0; k < request->n; k++)
			(void)metadata_matches(request->entries[k].name, request->depth, name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct imap_segment segments[FUZZ_SEGMENTS];
	struct arena *arena = arena_new();
	struct metadata_request request;
	struct imap_args args;
	bool sets = len && data[0] == 's';

	fuzz_segments(&args, segments, slice_from(slice_of(data, len), 1), arena);
	if (sets ? metadata_set_parse(&args, &request) : metadata_get_parse(&args, &request))
		check(&request);
	arena_free(arena);
	return 0;
}
