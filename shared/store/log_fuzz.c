/* Log entries from anywhere: what decodes encodes to something that decodes to the same. */
#include <stdlib.h>

#include "store/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const struct entry *entry, struct buf *out)
{
	struct mailbox_edit edit = {
		.expunge = entry->kind == ENTRY_EXPUNGE,
		.op = entry->op,
		.flags = entry->flags,
		.keywords = entry->keywords,
		.uids = &entry->uids,
	};

	if (entry->kind == ENTRY_APPEND)
		entry_encode_append(out, entry->appends, entry->n_appends);
	else
		entry_encode_edit(out, &edit);
}

/* The first two bytes are the number of UIDs that the change is said to take. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t uids = size < 2 ? 0 : (uint32_t)(data[0] | data[1] << 8);
	struct slice raw = slice_from(slice_of(data, size), 2);
	struct arena *arena = arena_new();
	struct entry entry, again;
	struct buf once, twice;

	buf_init(&once, BUF_NO_LIMIT);
	buf_init(&twice, BUF_NO_LIMIT);
	if (entry_decode(raw, uids, arena, &entry, NULL) == FAULT_NONE) {
		encode(&entry, &once);
		if (entry_decode(buf_slice(&once), uids, arena, &again, NULL))
			abort();
		encode(&again, &twice);
		if (!slice_eq(buf_slice(&once), buf_slice(&twice)))
			abort();
	}
	if (arena_used(arena) > 64 * size + 4096)
		abort();
	buf_done(&once);
	buf_done(&twice);
	arena_free(arena);
	return 0;
}
