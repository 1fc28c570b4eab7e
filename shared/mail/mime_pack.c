/*
 * The tree in a few dozen bytes a part (mime.h), parents first:
 *
 *   message = version, size, limited, envelope, parts
 *   part = head, depth, header's distance from the parent's body, header_len, header_lines, body_len, lines,
 *          encoding, type, subtype, parameters, texts that are there, [envelope]
 *
 * Numbers are varints, texts blocks (base/buf.h). A body follows its header at
 * once, so its offset is not kept; the depths alone tell the tree.
 */
#include "mail/mime.h"

#include "base/arena.h"

enum { PACK_VERSION = 1 };

enum { TEXTS = 7, TEXT_SHIFT = 2 }; /* bits of a part's head, above its kind */

/* The texts that a part may lack, in the order of their bits. */
static struct slice *part_text(struct mime_part *part, unsigned i)
{
	struct slice *const texts[TEXTS] = { &part->disposition, &part->encoding_name, &part->id,
		                             &part->description, &part->location,      &part->md5,
		                             &part->language };

	return texts[i];
}

static void pack_params(struct buf *out, const struct content_params *params)
{
	buf_add_varint(out, params->n);
	for (uint32_t i = 0; i < params->n; i++) {
		const struct content_param *param = &params->params[i];
		bool differs = !slice_eq(param->raw, param->value);

		buf_add_u8(out, (uint8_t)((param->extended ? 1 : 0) | (differs ? 2 : 0)));
		buf_add_block(out, param->name);
		buf_add_block(out, param->raw);
		if (differs)
			buf_add_block(out, param->value);
	}
}

static void unpack_params(struct reader *reader, struct arena *arena, struct content_params *ret)
{
	uint64_t n = read_varint(reader);
	struct content_param *params;

	if (n > CONTENT_PARAMS_MAX)
		reader->bad = true;
	if (n == 0 || reader->bad)
		return;
	params = arena_array(arena, struct content_param, n);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t flags = read_u8(reader);

		params[i].extended = flags & 1;
		params[i].name = read_block(reader);
		params[i].raw = read_block(reader);
		params[i].value = flags & 2 ? read_block(reader) : params[i].raw;
	}
	*ret = (struct content_params){ params, (uint32_t)n };
}

static void pack_part(struct buf *out, const struct mime_part *part)
{
	struct mime_part copy = *part;
	unsigned head = part->kind;

	for (unsigned i = 0; i < TEXTS; i++)
		head |= (part_text(&copy, i)->data ? 1u : 0) << (TEXT_SHIFT + i);
	buf_add_varint(out, head);
	buf_add_varint(out, part->depth);
	buf_add_varint(out, part->header - (part->parent ? part->parent->body : 0));
	buf_add_varint(out, part->header_len);
	buf_add_varint(out, part->header_lines);
	buf_add_varint(out, part->body_len);
	buf_add_varint(out, part->lines);
	buf_add_u8(out, (uint8_t)part->encoding);
	buf_add_block(out, part->type);
	buf_add_block(out, part->subtype);
	pack_params(out, &part->params);
	for (unsigned i = 0; i < TEXTS; i++) {
		if (part_text(&copy, i)->data)
			buf_add_block(out, *part_text(&copy, i));
	}
	if (part->disposition.data)
		pack_params(out, &part->disposition_params);
	if (part->kind == MIME_MESSAGE)
		envelope_pack(out, part->envelope);
}

bool mime_pack(struct buf *out, const struct mime *mime)
{
	buf_add_u8(out, PACK_VERSION);
	buf_add_varint(out, mime->size);
	buf_add_u8(out, mime->limited);
	envelope_pack(out, &mime->envelope);
	for (const struct mime_part *part = mime->root; part && !out->overflow; part = mime_next(part))
		pack_part(out, part);
	return !out->overflow;
}

struct unpacking {
	struct reader *reader;
	struct arena *arena;
	struct mime *mime;
};

/* Offsets that do not lie inside the message, one part in another, are corrupt. */
static void unpack_place(struct unpacking *u, struct mime_part *part)
{
	uint64_t from = part->parent ? part->parent->body : 0;
	uint64_t end = part->parent ? from + part->parent->body_len : u->mime->size;
	uint64_t distance = read_varint(u->reader), left = end - from;

	part->header_len = read_varint(u->reader);
	part->header_lines = (uint32_t)read_varint(u->reader);
	part->body_len = read_varint(u->reader);
	part->lines = (uint32_t)read_varint(u->reader);
	if (distance > left || part->header_len > left - distance ||
	    part->body_len > left - distance - part->header_len) {
		u->reader->bad = true;
		part->header_len = part->body_len = distance = 0;
	}
	part->header = from + distance;
	part->body = part->header + part->header_len;
}

static void unpack_texts(struct unpacking *u, struct mime_part *part, uint64_t head)
{
	part->type = read_block(u->reader);
	part->subtype = read_block(u->reader);
	unpack_params(u->reader, u->arena, &part->params);
	for (unsigned i = 0; i < TEXTS; i++) {
		struct slice text;

		if (!(head >> (TEXT_SHIFT + i) & 1))
			continue;
		text = read_block(u->reader);
		*part_text(part, i) = text.data ? text : SLICE("");
	}
	if (part->disposition.data)
		unpack_params(u->reader, u->arena, &part->disposition_params);
}

/* Hangs `part` behind the one before it; false when the depths make no tree of it. */
static bool place(struct mime_part *part, struct mime_part *before, uint64_t depth)
{
	struct mime_part *sibling = NULL, *parent = before;

	/* one that holds others has its first child right behind it */
	if (depth == 0 || depth > before->depth + 1u ||
	    (before->kind != MIME_LEAF && depth != before->depth + 1u))
		return false;
	while (parent->depth >= depth) {
		sibling = parent;
		parent = parent->parent;
	}
	if (parent->kind == MIME_LEAF || (parent->kind == MIME_MESSAGE && sibling))
		return false;
	if (sibling)
		sibling->next = part;
	else
		parent->children = part;
	parent->n_children++;
	part->parent = parent;
	part->depth = (uint32_t)depth;
	return true;
}

static enum fault unpack_part(struct unpacking *u, struct mime_part *part, struct mime_part *before,
                              struct why *why)
{
	uint64_t head = read_varint(u->reader), depth = read_varint(u->reader);

	if (before ? !place(part, before, depth) : depth != 0)
		return fault_set(why, FAULT_CORRUPT, "packed message structure is no tree");
	part->kind = (enum mime_kind)(head & 3);
	unpack_place(u, part);
	part->encoding = (enum transfer)read_u8(u->reader);
	unpack_texts(u, part, head);
	if (part->kind > MIME_MESSAGE || part->encoding >= TRANSFER_COUNT || part->type.len == 0)
		u->reader->bad = true;
	if (part->kind == MIME_MESSAGE && !u->reader->bad) {
		part->envelope = arena_make(u->arena, struct envelope);
		if (envelope_unpack(u->reader, u->arena, part->envelope, why))
			return FAULT_CORRUPT;
	}
	u->mime->n_parts++;
	return u->reader->bad ? fault_set(why, FAULT_CORRUPT, "packed message structure does not read")
	                      : FAULT_NONE;
}

enum fault mime_unpack(struct slice packed, struct arena *arena, struct mime *ret, struct why *why)
{
	struct reader reader = reader_of(packed);
	struct mime mime = { .n_parts = 0 };
	struct unpacking u = { &reader, arena, &mime };
	struct mime_part *part = NULL, *before = NULL;
	enum fault fault;

	if (read_u8(&reader) != PACK_VERSION)
		return fault_set(why, FAULT_CORRUPT, "packed message structure of another version");
	mime.size = read_varint(&reader);
	mime.limited = read_u8(&reader) & 1;
	fault = envelope_unpack(&reader, arena, &mime.envelope, why);
	if (fault)
		return fault;
	do {
		part = arena_make(arena, struct mime_part);
		fault = unpack_part(&u, part, before, why);
		if (fault)
			return fault;
		if (!before)
			mime.root = part;
		before = part;
	} while (reader.rest.len);
	if (part->kind != MIME_LEAF)
		return fault_set(why, FAULT_CORRUPT, "packed message structure ends inside a part");
	*ret = mime;
	return FAULT_NONE;
}
