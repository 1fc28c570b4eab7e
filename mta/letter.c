/* Opening a message for sending (letter.h). */
#include "letter.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/header.h"
#include "seven_bit.h"
#include "signer.h"
#include "store/record.h"

#define HEADER_MAX    (1024 * 1024) /* a longer one is sent, unsigned */
#define PREFIX_MAX    (64 * 1024)
#define CONVERTED_MAX (32 * 1024 * 1024) /* larger ones are not encoded for hosts that take 7-bit only */

static const struct actor actor = { .kind = ACTOR_QUEUE };

struct reading {
	struct letter *letter;
	struct header_scan scan;
	struct buf header;
	struct sign_body *body;
	uint8_t last;
};

/* ---- one piece ---- */

static bool has_8bit(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] >= 0x80)
			return true;
	}
	return false;
}

/* Whether a CR is followed by anything but LF, or an LF stands behind anything but CR. */
static bool has_bare(struct slice s, uint8_t last)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((last == '\r') != (s.data[i] == '\n'))
			return true;
		last = s.data[i];
	}
	return false;
}

static void take_piece(struct reading *r, struct slice piece)
{
	struct letter *letter = r->letter;
	size_t in_header = header_scan_feed(&r->scan, piece);
	struct slice header = slice_first(piece, in_header), body = slice_from(piece, in_header);

	buf_add_slice(&r->header, header);
	letter->header_8bit |= has_8bit(header);
	letter->body_8bit |= has_8bit(body);
	letter->bare |= has_bare(piece, r->last);
	r->last = piece.data[piece.len - 1];
	if (r->body)
		sign_body_feed(r->body, body);
}

/* Calls take_piece() with all of it in order, and keeps it when it is small. */
static enum fault read_through(struct stack *stack, struct reading *r, struct why *why)
{
	struct letter *letter = r->letter;
	struct arena *arena = arena_new();
	struct buf piece;
	enum fault fault = FAULT_NONE;

	buf_init(&piece, LETTER_PIECE);
	for (uint64_t at = 0; at < letter->message.size && !fault; at += LETTER_PIECE) {
		buf_clear(&piece);
		fault = message_read(stack, &actor, &letter->message, at, LETTER_PIECE, arena, &piece, why);
		if (!fault && piece.len)
			take_piece(r, buf_slice(&piece));
	}
	if (!fault && letter->message.size <= LETTER_PIECE)
		letter->text = arena_copy(letter->arena, buf_slice(&piece));
	buf_done(&piece);
	arena_free(arena);
	return fault;
}

/* The whole message, encoded; as it was where that cannot be. */
static enum fault read_converted(struct stack *stack, struct reading *r, struct why *why)
{
	struct letter *letter = r->letter;
	struct arena *arena = arena_new();
	struct buf whole, made;
	enum fault fault;

	buf_init(&whole, letter->message.size);
	buf_init(&made, letter->message.size * 4 + 4096);
	fault = message_read(stack, &actor, &letter->message, 0, letter->message.size, arena, &whole, why);
	if (!fault) {
		letter->seven_bit = seven_bit_convert(buf_slice(&whole), arena, &made);
		letter->text =
		    arena_copy(letter->arena, letter->seven_bit ? buf_slice(&made) : buf_slice(&whole));
		letter->message.size = letter->text.len;
		if (letter->text.len)
			take_piece(r, letter->text);
	}
	buf_done(&whole);
	buf_done(&made);
	arena_free(arena);
	return fault;
}

/* ---- signing ---- */

/* What cannot be signed is sent all the same: a message without a signature is worth more than none. */
static enum fault sign(struct signer *signer, struct reading *r, struct why *why)
{
	uint8_t hash[SIGN_HASH];
	struct buf prefix;
	enum fault fault;

	if (r->header.overflow)
		return FAULT_NONE;
	sign_body_end(r->body, hash);
	buf_init(&prefix, PREFIX_MAX);
	fault = signer_sign(signer, buf_slice(&r->header), hash, clock_now(), &prefix, why);
	if (!fault && !prefix.overflow)
		r->letter->prefix = arena_copy(r->letter->arena, buf_slice(&prefix));
	buf_done(&prefix);
	if (fault == FAULT_LIMIT) {
		log_fault(NULL, fault, why, "a message is sent unsigned");
		fault = FAULT_NONE;
	}
	return fault;
}

/* ---- loading ---- */

static enum fault open_message(const struct letter_load *how, struct letter *letter, struct why *why)
{
	struct record record;
	enum fault fault = record_get(how->stack->store, &actor, COLL_CONTENTS, id_slice(how->content), true,
	                              letter->arena, &record, why);

	return fault ? fault : message_open_with(how->key, &record, letter->arena, &letter->message, why);
}

static enum fault load(const struct letter_load *how, struct letter *letter, struct why *why)
{
	struct reading r = { .letter = letter, .body = how->signer ? sign_body_new() : NULL };
	enum fault fault;

	header_scan_init(&r.scan);
	buf_init(&r.header, HEADER_MAX);
	if (how->seven_bit && letter->message.size <= CONVERTED_MAX)
		fault = read_converted(how->stack, &r, why);
	else
		fault = read_through(how->stack, &r, why);
	letter->bare |= r.last == '\r';
	if (!fault && how->signer)
		fault = sign(how->signer, &r, why);
	letter->size = letter->prefix.len + letter->message.size;
	sign_body_free(r.body);
	buf_done(&r.header);
	return fault;
}

enum fault letter_load(const struct letter_load *how, struct letter **ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct letter *letter = arena_make(arena, struct letter);
	enum fault fault;

	letter->refs = 1;
	letter->arena = arena;
	fault = open_message(how, letter, why);
	if (!fault)
		fault = load(how, letter, why);
	if (fault)
		letter_unref(letter);
	else
		*ret = letter;
	return fault;
}

struct letter *letter_ref(struct letter *letter)
{
	letter->refs++;
	return letter;
}

void letter_unref(struct letter *letter)
{
	if (letter && --letter->refs == 0)
		arena_free(letter->arena);
}
