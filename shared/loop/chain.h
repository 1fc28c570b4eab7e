#ifndef SHARED_LOOP_CHAIN_H
#define SHARED_LOOP_CHAIN_H
/*
 * Bytes on their way out: a queue of chunks that never move, so that the
 * kernel may be handed their addresses while more is added behind.
 */
#include "base/slice.h"

struct chunk;

struct chain {
	struct chunk *head, *tail;
	size_t bytes;
};

void chain_add(struct chain *, const void *data, size_t len);
/* The first runs of bytes, at most `max` of them; gives how many, and the bytes they hold. */
size_t chain_runs(const struct chain *, struct slice *runs, size_t max, size_t *ret_bytes);
void chain_drop(struct chain *, size_t len); /* from the front */

#endif
