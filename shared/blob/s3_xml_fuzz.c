/* Any bytes as an answer of S3: what is read stays within its bounds. */
#include "blob/s3_xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct s3_error error;
	struct s3_page page;

	if (s3_xml_list(slice_of(data, size), 10, arena, &page)) {
		if (page.n > 10 || (page.truncated && page.next.len == 0))
			abort();
	}
	s3_xml_error(slice_of(data, size), &error);
	if (strlen(error.code) >= sizeof(error.code) || strlen(error.message) >= sizeof(error.message))
		abort();
	arena_free(arena);
	return 0;
}
