/* zstd for pieces, and what a thread keeps for it (squeeze.h). */
#include "crypt/squeeze.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/arena.h"

#define LEVEL 1 /* 3 takes a quarter longer over mail and saves a hundredth more */
#define SMALL (8 * 1024)
#define SMALL_LEVEL                                                                                          \
	(-1) /* without Huffman tables, which take longer to read than all the rest of a small piece */

struct tools {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
	uint8_t *scratch[SCRATCH_COUNT];
	size_t size[SCRATCH_COUNT];
};

static pthread_key_t tools_key;
static pthread_once_t tools_once = PTHREAD_ONCE_INIT;

static void tools_free(void *object)
{
	struct tools *tools = object;

	ZSTD_freeCCtx(tools->pack);
	ZSTD_freeDCtx(tools->unpack);
	for (size_t i = 0; i < SCRATCH_COUNT; i++)
		free(tools->scratch[i]);
	free(tools);
}

static void tools_start(void)
{
	int failed = pthread_key_create(&tools_key, tools_free);

	assert(!failed);
	(void)failed;
}

static struct tools *tools_get(void)
{
	struct tools *tools;

	pthread_once(&tools_once, tools_start);
	tools = pthread_getspecific(tools_key);
	if (tools)
		return tools;
	tools = xzalloc(sizeof(*tools));
	tools->pack = ZSTD_createCCtx();
	tools->unpack = ZSTD_createDCtx();
	if (!tools->pack || !tools->unpack)
		abort();
	pthread_setspecific(tools_key, tools);
	return tools;
}

size_t squeeze(struct slice plain, uint8_t *dst, size_t cap)
{
	const int level = plain.len < SMALL ? SMALL_LEVEL : LEVEL;
	size_t len = ZSTD_compressCCtx(tools_get()->pack, dst, cap, plain.data, plain.len, level);

	return ZSTD_isError(len) ? 0 : len;
}

bool unsqueeze(struct slice packed, uint8_t *dst, size_t size)
{
	return ZSTD_decompressDCtx(tools_get()->unpack, dst, size, packed.data, packed.len) == size;
}

size_t unsqueezed_size(struct slice packed)
{
	unsigned long long size = ZSTD_getFrameContentSize(packed.data, packed.len);

	return size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ? SIZE_MAX : (size_t)size;
}

uint8_t *scratch_room(enum scratch which, size_t size)
{
	struct tools *tools = tools_get();

	if (size > tools->size[which]) {
		free(tools->scratch[which]); /* what was in it is nobody's any more */
		tools->scratch[which] = xmalloc(size);
		tools->size[which] = size;
	}
	return tools->scratch[which];
}
