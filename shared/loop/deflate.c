/* zlib, raw (deflate.h). */
#include "loop/deflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/arena.h"
#include "loop/chain.h"

/* 96 KiB while something is said. It works on the loop, whose time is everybody's: level 6 takes three times as long for
 * a sixth less. */
#define LEVEL          1
#define WINDOW_BITS    14
#define MEMORY_LEVEL   6
#define INFLATE_BITS   15 /* the peer may use all of it */
#define STEP           (8 * 1024)
/* zlib's data_type: the last block has ended on a whole byte, as a flush ends it, and more are to come. */
#define BETWEEN_BLOCKS 128

struct inflater {
	z_stream z;
	bool holds, over, ended;
	uint8_t *history; /* at rest: instead of `z`, what it gave out last */
	uInt history_len;
};

struct deflater {
	z_stream z;
};

static void begin(struct inflater *inflater)
{
	inflater->z = (z_stream){ 0 };
	if (inflateInit2(&inflater->z, -INFLATE_BITS) != Z_OK)
		abort();
}

struct inflater *inflater_new(void)
{
	struct inflater *inflater = xzalloc(sizeof(*inflater));

	begin(inflater);
	return inflater;
}

void inflater_free(struct inflater *inflater)
{
	if (inflater && !inflater->history)
		inflateEnd(&inflater->z);
	if (inflater)
		free(inflater->history);
	free(inflater);
}

void inflater_rest(struct inflater *inflater)
{
	uint8_t history[1 << INFLATE_BITS];
	uInt len = 0;

	if (inflater->history || inflater->holds || inflater->over ||
	    inflater->z.data_type != BETWEEN_BLOCKS ||
	    inflateGetDictionary(&inflater->z, history, &len) != Z_OK || !len)
		return;
	inflateEnd(&inflater->z);
	inflater->history = xmalloc(len);
	inflater->history_len = len;
	memcpy(inflater->history, history, len);
}

static void wake(struct inflater *inflater)
{
	begin(inflater);
	if (inflateSetDictionary(&inflater->z, inflater->history, inflater->history_len) != Z_OK)
		abort();
	free(inflater->history);
	inflater->history = NULL;
}

size_t inflater_run(struct inflater *inflater, struct slice *src, uint8_t *out, size_t room)
{
	z_stream *z = &inflater->z;
	int result;

	if (inflater->over || room == 0)
		return 0;
	if (inflater->history)
		wake(inflater);
	z->next_in = (Bytef *)src->data;
	z->avail_in = (uInt)MIN_OF(src->len, (size_t)UINT32_MAX);
	z->next_out = out;
	z->avail_out = (uInt)MIN_OF(room, (size_t)UINT32_MAX);
	room = z->avail_out;
	result = inflate(z, Z_SYNC_FLUSH);
	*src = slice_from(*src, (size_t)(z->next_in - src->data));
	if (result == Z_MEM_ERROR)
		abort();
	inflater->holds = z->avail_out == 0;
	/* Z_BUF_ERROR: there was nothing to do */
	inflater->over = result != Z_OK && result != Z_BUF_ERROR;
	inflater->ended = result == Z_STREAM_END;
	return room - z->avail_out;
}

bool inflater_holds(const struct inflater *inflater)
{
	return inflater->holds && !inflater->over;
}

bool inflater_over(const struct inflater *inflater)
{
	return inflater->over;
}

bool inflater_ended(const struct inflater *inflater)
{
	return inflater->ended;
}

struct deflater *deflater_new(void)
{
	struct deflater *deflater = xzalloc(sizeof(*deflater));

	if (deflateInit2(&deflater->z, LEVEL, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		abort();
	return deflater;
}

void deflater_free(struct deflater *deflater)
{
	if (deflater)
		deflateEnd(&deflater->z);
	free(deflater);
}

static void run(struct deflater *deflater, struct slice data, int flush, struct chain *out)
{
	z_stream *z = &deflater->z;
	uint8_t room[STEP];

	z->next_in = (Bytef *)data.data;
	z->avail_in = (uInt)data.len;
	do {
		z->next_out = room;
		z->avail_out = sizeof(room);
		deflate(z, flush);
		chain_add(out, room, sizeof(room) - z->avail_out);
	} while (z->avail_out == 0);
}

void deflater_add(struct deflater *deflater, struct slice data, struct chain *out)
{
	while (data.len) {
		struct slice part = slice_first(data, UINT32_MAX);

		run(deflater, part, Z_NO_FLUSH, out);
		data = slice_from(data, part.len);
	}
}

void deflater_flush(struct deflater *deflater, struct chain *out)
{
	run(deflater, slice_of(NULL, 0), Z_SYNC_FLUSH, out);
}
