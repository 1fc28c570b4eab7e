/* The queue of outgoing chunks: first a small one, then as large as a TLS record. */
#include "loop/chain.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

#define FIRST_CHUNK (2 * 1024)  /* a reply or two */
#define NEXT_CHUNK  (16 * 1024) /* as much as a TLS record takes */

struct chunk {
	struct chunk *next;
	size_t at, len, cap;
	uint8_t data[];
};

static struct chunk *add_chunk(struct chain *chain, size_t len)
{
	size_t cap = MAX_OF(len, (size_t)(chain->head ? NEXT_CHUNK : FIRST_CHUNK));
	struct chunk *chunk = xmalloc(sizeof(*chunk) + cap);

	*chunk = (struct chunk){ .cap = cap };
	if (chain->tail)
		chain->tail->next = chunk;
	else
		chain->head = chunk;
	chain->tail = chunk;
	return chunk;
}

void chain_add(struct chain *chain, const void *data, size_t len)
{
	const uint8_t *from = data;
	struct chunk *chunk = chain->tail;

	chain->bytes += len;
	while (len) {
		size_t part;

		if (!chunk || chunk->len == chunk->cap)
			chunk = add_chunk(chain, len);
		part = MIN_OF(len, chunk->cap - chunk->len);
		memcpy(chunk->data + chunk->len, from, part);
		chunk->len += part;
		from += part;
		len -= part;
	}
}

size_t chain_runs(const struct chain *chain, struct slice *runs, size_t max, size_t *ret_bytes)
{
	size_t n = 0, bytes = 0;

	for (struct chunk *chunk = chain->head; chunk && n < max; chunk = chunk->next, n++) {
		runs[n] = slice_of(chunk->data + chunk->at, chunk->len - chunk->at);
		bytes += runs[n].len;
	}
	*ret_bytes = bytes;
	return n;
}

void chain_drop(struct chain *chain, size_t len)
{
	assert(len <= chain->bytes);
	chain->bytes -= len;
	while (len) {
		struct chunk *chunk = chain->head;
		size_t part;

		assert(chunk);
		part = MIN_OF(len, chunk->len - chunk->at);
		chunk->at += part;
		len -= part;
		if (chunk->at < chunk->len)
			return;
		chain->head = chunk->next;
		if (!chain->head)
			chain->tail = NULL;
		free(chunk);
	}
}
