/* Markers of moves from anywhere: what decodes encodes to something that decodes to the same. */
#include <stdlib.h>

#include "store/move.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct mailbox_move move, again;
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	if (move_decode(slice_of(data, size), arena, &move, NULL) == FAULT_NONE) {
		move_encode(&out, &move);
		if (move_decode(buf_slice(&out), arena, &again, NULL) ||
		    !uid_set_eq(&move.uids, &again.uids) || move.begun != again.begun ||
		    !id_eq(&move.account, &again.account) || !id_eq(&move.source, &again.source))
			abort();
	}
	if (arena_used(arena) > 4096)
		abort();
	buf_done(&out);
	arena_free(arena);
	return 0;
}
