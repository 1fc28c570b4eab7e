/* Fuzzes IMAP URLs: what is read names a message, and its section and range are such as FETCH would take. */
#include "imap_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new();
	struct imap_url url;

	if (imap_url_parse(slice_of(data, len), arena, &url)) {
		if (!url.uid || url.section.n > SECTION_DEPTH_MAX || (url.mailbox && !url.mailbox[0]))
			__builtin_trap();
		if (url.section.partial && !url.section.len)
			__builtin_trap();
		/* a rump is the beginning of the URL, and all of it but for who grants it */
		if (url.auth.access &&
		    (!url.user.len || !url.mailbox || url.auth.rump.data != data || url.auth.rump.len > len ||
		     !url.auth.token.data != (url.auth.rump.len == len)))
			__builtin_trap();
		if (url.auth.token.data && (url.auth.token.len < 32 || !url.auth.mechanism.len))
			__builtin_trap();
	}
	arena_free(arena);
	return 0;
}
