/*
 * An arena is a chain of blocks; the newest is allocated from. Blocks double up
 * to 64 KiB; what is larger gets a block of its own behind the newest.
 */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_BLOCK 512
#define MAX_BLOCK   (64 * 1024)
#define ALIGN       16

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGN) uint8_t data[];
};

struct cleanup {
	struct cleanup *next;
	void (*run)(void *);
	void *object;
};

struct arena {
	struct block *blocks;
	struct cleanup *cleanups;
	size_t used;
};

static void NORETURN out_of_memory(size_t size)
{
	fprintf(stderr, "posthouse: out of memory allocating %zu bytes\n", size);
	abort();
}

void *xmalloc(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		out_of_memory(size);
	return memory;
}

void *xzalloc(size_t size)
{
	return memset(xmalloc(size), 0, size);
}

void *xrealloc(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);

	if (!memory)
		out_of_memory(size);
	return memory;
}

char *xstrdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(xmalloc(size), text, size);
}

struct arena *arena_new(void)
{
	return xzalloc(sizeof(struct arena));
}

static void run_cleanups(struct arena *arena)
{
	while (arena->cleanups) {
		struct cleanup *cleanup = arena->cleanups;

		arena->cleanups = cleanup->next;
		cleanup->run(cleanup->object);
	}
}

static void free_blocks(struct block *block)
{
	while (block) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	run_cleanups(arena);
	free_blocks(arena->blocks);
	free(arena);
}

void arena_reset(struct arena *arena)
{
	struct block *keep;

	run_cleanups(arena);
	arena->used = 0;
	keep = arena->blocks;
	if (!keep)
		return;
	while (keep->next) {
		struct block *next = keep->next;

		free(keep);
		keep = next;
	}
	keep->used = 0;
	arena->blocks = keep;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

static struct block *block_new(size_t size)
{
	struct block *block = xmalloc(sizeof(*block) + size);

	block->next = NULL;
	block->size = size;
	block->used = 0;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct block *block = arena->blocks;
	size_t rounded = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	void *memory;

	if (rounded < size)
		out_of_memory(size);
	if (!block || block->size - block->used < rounded) {
		size_t next = block ? MIN_OF(block->size * 2, (size_t)MAX_BLOCK) : FIRST_BLOCK;

		if (block && rounded > next) {
			/* a block of its own, behind the newest, which still has room */
			struct block *own = block_new(rounded);

			own->used = rounded;
			own->next = block->next;
			block->next = own;
			arena->used += size;
			return own->data;
		}
		block = block_new(MAX_OF(next, rounded));
		block->next = arena->blocks;
		arena->blocks = block;
	}
	memory = block->data + block->used;
	block->used += rounded;
	arena->used += size;
	return memory;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	return memset(arena_alloc(arena, size), 0, size);
}

void *arena_zalloc_n(struct arena *arena, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		out_of_memory(SIZE_MAX);
	return arena_zalloc(arena, total);
}

void *arena_more(struct arena *arena, void *list, size_t n, size_t *room, size_t size)
{
	void *larger;

	if (n < *room)
		return list;
	*room = *room ? 2 * *room : 1;
	larger = arena_zalloc_n(arena, *room, size);
	return n ? memcpy(larger, list, n * size) : larger;
}

char *arena_strz(struct arena *arena, struct slice s)
{
	char *text = arena_alloc(arena, s.len + 1);

	if (s.len)
		memcpy(text, s.data, s.len);
	text[s.len] = '\0';
	return text;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strz(arena, slice_str(text));
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
	return slice_of(arena_strz(arena, s), s.len);
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		return arena_strdup(arena, "");
	text = arena_alloc(arena, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, args);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

void arena_on_free(struct arena *arena, void (*run)(void *), void *object)
{
	struct cleanup *cleanup = arena_alloc(arena, sizeof(*cleanup));

	*cleanup = (struct cleanup){ arena->cleanups, run, object };
	arena->cleanups = cleanup;
}
