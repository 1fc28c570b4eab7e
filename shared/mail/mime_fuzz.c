/* MIME trees: parts lie inside one another and in order, lines are counted right, packing loses nothing. */
#include <stdlib.h>

#include "base/arena.h"
#include "mail/mime.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

static uint32_t count_lines(struct slice s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.data[i] == '\n';
	return n;
}

static void check_part(const struct mime_part *part, struct slice message)
{
	uint64_t from = part->parent ? part->parent->body : 0;
	uint64_t end = part->parent ? from + part->parent->body_len : message.len;
	uint32_t children = 0;

	HOLDS(part->header >= from && part->body == part->header + part->header_len);
	HOLDS(part->body <= end && part->body_len <= end - part->body);
	HOLDS(!part->next || part->next->header >= part->body + part->body_len);
	HOLDS(part->lines == count_lines(mime_body(part, message)));
	HOLDS(part->header_lines ==
	      count_lines(slice_first(slice_from(message, part->header), part->header_len)));
	HOLDS(part->type.len && part->subtype.len && part->params.n <= CONTENT_PARAMS_MAX);
	for (const struct mime_part *child = part->children; child; child = child->next, children++)
		HOLDS(child->parent == part && child->depth == part->depth + 1);
	HOLDS(children == part->n_children && (part->kind == MIME_LEAF) == (children == 0));
	HOLDS(part->kind != MIME_MESSAGE || (children == 1 && part->envelope));
}

static void check_tree(const struct mime *mime, struct slice message, const struct mime_limits *limits)
{
	uint32_t n = 0;

	for (const struct mime_part *part = mime->root; part; part = mime_next(part), n++) {
		HOLDS(part->depth <= limits->depth);
		check_part(part, message);
	}
	HOLDS(n == mime->n_parts && n <= 2 * limits->parts + 1);
}

static void check_packing(struct arena *arena, const struct mime *mime)
{
	struct buf packed, repacked;
	struct mime again;

	buf_init(&packed, BUF_NO_LIMIT);
	buf_init(&repacked, BUF_NO_LIMIT);
	HOLDS(mime_pack(&packed, mime));
	HOLDS(mime_unpack(buf_slice(&packed), arena, &again, NULL) == FAULT_NONE);
	HOLDS(again.n_parts == mime->n_parts);
	HOLDS(mime_pack(&repacked, &again) && slice_eq(buf_slice(&packed), buf_slice(&repacked)));
	buf_done(&packed);
	buf_done(&repacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mime_limits few = { .depth = 3, .parts = 8, .addresses = 8 };
	struct slice message = slice_of(data, size);
	struct arena *arena = arena_new();
	struct mime mime;

	mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
	check_tree(&mime, message, &MIME_LIMITS_DEFAULT);
	check_packing(arena, &mime);
	mime_parse(arena, message, &few, &mime);
	check_tree(&mime, message, &few);
	check_packing(arena, &mime);
	if (!mime_unpack(message, arena, &mime, NULL)) /* bytes that no one packed */
		check_packing(arena, &mime);
	arena_free(arena);
	return 0;
}
