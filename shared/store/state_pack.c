/*
 * A mailbox in memory as bytes, for a cache on the same machine (mailbox.h), in parts: what SELECT tells; then the rows,
 * STATE_PART_ROWS in each; last what was expunged, and the content ids and keys of messages that no page has yet (the others'
 * are read from their page when they are wanted).
 *
 * A part's column is its smallest value and what the others have above it, in the fewest bytes that hold all: numbers in a
 * mailbox lie close together, and what is not there need not be opened.
 */
#include <stdlib.h>

#include "store/state.h"

#define FORMAT 0x32735650u /* changes with the layout of anything below, and with the machine's byte order */

#define KEY_PACKED (1 + sizeof(struct id) + sizeof(struct wrapped_key))

struct packed_head {
	uint32_t format, n_vanished, tail; /* tail: rows behind log_base_uid */
	struct mailbox_summary summary;
};

static uint32_t row_parts(uint32_t n)
{
	return n / STATE_PART_ROWS + (n % STATE_PART_ROWS != 0);
}

uint32_t mailbox_state_parts(const struct mailbox_state *state)
{
	return 2 + row_parts(state->n);
}

uint32_t mailbox_summary_parts(const struct mailbox_summary *summary)
{
	return 2 + row_parts(summary->head.messages);
}

/* ---- columns ---- */

static uint64_t value_at(const void *column, size_t size, uint32_t i)
{
	return size == sizeof(uint32_t) ? ((const uint32_t *)column)[i] : ((const uint64_t *)column)[i];
}

static uint8_t width_of(uint64_t span)
{
	return span == 0 ? 0 : span <= UINT8_MAX ? 1 : span <= UINT16_MAX ? 2 : span <= UINT32_MAX ? 4 : 8;
}

#define NARROW(to)                                                                                           \
	for (uint32_t i = 0; i < n; i++) {                                                                   \
		const to above = (to)(value_at(column, size, i) - least);                                    \
                                                                                                             \
		memcpy(room + (size_t)i * sizeof(above), &above, sizeof(above));                             \
	}

static void narrow(uint8_t *room, uint8_t width, const void *column, size_t size, uint32_t n, uint64_t least)
{
	if (width == 1)
		NARROW(uint8_t)
	else if (width == 2)
		NARROW(uint16_t)
	else if (width == 4)
		NARROW(uint32_t)
	else if (width == 8)
		NARROW(uint64_t)
}

static void add_column(struct buf *out, const void *column, size_t size, uint32_t n)
{
	uint64_t least = UINT64_MAX, most = 0;
	uint8_t width, *room;

	for (uint32_t i = 0; i < n; i++) {
		least = MIN_OF(least, value_at(column, size, i));
		most = MAX_OF(most, value_at(column, size, i));
	}
	width = width_of(most - least);
	buf_add(out, &least, sizeof(least));
	buf_add_u8(out, width);
	room = buf_room(out, (size_t)n * width);
	if (!room)
		return;
	narrow(room, width, column, size, n, least);
	out->len += (size_t)n * width;
}

#define WIDEN(to, from)                                                                                      \
	for (uint32_t i = 0; i < n; i++) {                                                                   \
		from above;                                                                                  \
                                                                                                             \
		memcpy(&above, data + (size_t)i * sizeof(above), sizeof(above));                             \
		((to *)column)[i] = (to)(least + above);                                                     \
	}

static void widen_32(uint32_t *column, uint32_t n, uint64_t least, uint8_t width, const uint8_t *data)
{
	if (width == 0)
		for (uint32_t i = 0; i < n; i++)
			column[i] = (uint32_t)least;
	else if (width == 1)
		WIDEN(uint32_t, uint8_t)
	else if (width == 2)
		WIDEN(uint32_t, uint16_t)
	else
		WIDEN(uint32_t, uint32_t)
}

static void widen_64(uint64_t *column, uint32_t n, uint64_t least, uint8_t width, const uint8_t *data)
{
	if (width == 0)
		for (uint32_t i = 0; i < n; i++)
			column[i] = least;
	else if (width == 1)
		WIDEN(uint64_t, uint8_t)
	else if (width == 2)
		WIDEN(uint64_t, uint16_t)
	else if (width == 4)
		WIDEN(uint64_t, uint32_t)
	else
		WIDEN(uint64_t, uint64_t)
}

static void take(struct reader *in, void *value, size_t size)
{
	struct slice bytes = read_bytes(in, size);

	if (bytes.len)
		memcpy(value, bytes.data, bytes.len);
}

/* `column` has room for n values of `size`. */
static void take_column(struct reader *in, void *column, size_t size, uint32_t n)
{
	struct slice data;
	uint64_t least = 0;
	uint8_t width;

	take(in, &least, sizeof(least));
	width = read_u8(in);
	if (width > size || (width & (width - 1)))
		in->bad = true;
	data = read_bytes(in, (size_t)n * width);
	if (in->bad)
		return;
	if (size == sizeof(uint32_t))
		widen_32(column, n, least, width, data.data);
	else
		widen_64(column, n, least, width, data.data);
}

/* ---- packing ---- */

static void pack_summary(const struct mailbox_state *state, struct buf *out)
{
	struct packed_head packed;

	memset(&packed, 0, sizeof(packed)); /* padding too */
	packed.format = FORMAT;
	packed.n_vanished = state->n_vanished;
	packed.tail = state->n - mailbox_state_from(state, state->head.log_base_uid);
	packed.summary.head = state->head;
	for (uint32_t i = 0; i < state->n && !packed.summary.unseen; i++) {
		if (state->flags[i] & FLAG_SEEN)
			continue;
		packed.summary.unseen = i + 1;
		packed.summary.unseen_uid = state->uid[i];
	}
	buf_add(out, &packed, sizeof(packed));
}

static void pack_rows(const struct mailbox_state *state, uint32_t from, struct buf *out)
{
	const uint32_t n = MIN_OF(state->n - from, (uint32_t)STATE_PART_ROWS);

	add_column(out, state->uid + from, sizeof(*state->uid), n);
	add_column(out, state->modseq + from, sizeof(*state->modseq), n);
	add_column(out, state->flags + from, sizeof(*state->flags), n);
	add_column(out, state->keywords + from, sizeof(*state->keywords), n);
	add_column(out, state->size + from, sizeof(*state->size), n);
	add_column(out, state->internal_date + from, sizeof(*state->internal_date), n);
	add_column(out, state->save_date + from, sizeof(*state->save_date), n);
}

static void pack_rest(const struct mailbox_state *state, struct buf *out)
{
	const uint32_t from = mailbox_state_from(state, state->head.log_base_uid);

	/* at once: this runs on the loop */
	(void)buf_room(out, (size_t)(state->n - from) * KEY_PACKED +
	                        (size_t)state->n_vanished * sizeof(*state->vanished));
	if (state->n_vanished)
		buf_add(out, state->vanished, state->n_vanished * sizeof(*state->vanished));
	for (uint32_t i = from; i < state->n; i++) {
		buf_add_u8(out, state->loaded[i]);
		if (state->loaded[i] != ROW_LOADED)
			continue;
		buf_add(out, &state->content[i], sizeof(state->content[i]));
		buf_add(out, &state->key[i], sizeof(state->key[i]));
	}
}

bool mailbox_state_pack(const struct mailbox_state *state, uint32_t part, struct buf *out)
{
	if (part == 0)
		pack_summary(state, out);
	else if (part <= row_parts(state->n))
		pack_rows(state, (part - 1) * STATE_PART_ROWS, out);
	else
		pack_rest(state, out);
	return !out->overflow;
}

/* ---- unpacking ---- */

/* The whole of part 0. */
static enum fault take_head(struct slice bytes, struct packed_head *ret, struct why *why)
{
	struct reader in = reader_of(bytes);

	memset(ret, 0, sizeof(*ret));
	take(&in, ret, sizeof(*ret));
	if (!read_finished(&in) || ret->format != FORMAT || ret->tail > ret->summary.head.messages)
		return fault_set(why, FAULT_CORRUPT, "not a mailbox in this format");
	return FAULT_NONE;
}

enum fault mailbox_summary_unpack(struct slice part, struct mailbox_summary *ret, struct why *why)
{
	struct packed_head head;
	enum fault fault = take_head(part, &head, why);

	if (!fault)
		*ret = head.summary;
	return fault;
}

static void take_rows(struct reader *in, struct mailbox_state *state, uint32_t n)
{
	const uint32_t from = state->n;

	take_column(in, state->uid + from, sizeof(*state->uid), n);
	take_column(in, state->modseq + from, sizeof(*state->modseq), n);
	take_column(in, state->flags + from, sizeof(*state->flags), n);
	take_column(in, state->keywords + from, sizeof(*state->keywords), n);
	take_column(in, state->size + from, sizeof(*state->size), n);
	take_column(in, state->internal_date + from, sizeof(*state->internal_date), n);
	take_column(in, state->save_date + from, sizeof(*state->save_date), n);
	memset(state->loaded + from, ROW_BARE, n);
	state->n += n;
}

static void take_rest(struct reader *in, struct mailbox_state *state, const struct packed_head *head)
{
	if ((uint64_t)head->n_vanished * sizeof(*state->vanished) > in->rest.len) {
		in->bad = true;
		return;
	}
	state_reserve(state, state->n, head->n_vanished);
	take(in, state->vanished, head->n_vanished * sizeof(*state->vanished));
	state->n_vanished = head->n_vanished;
	for (uint32_t i = state->n - head->tail; i < state->n; i++) {
		state->loaded[i] = read_u8(in) ? ROW_LOADED : ROW_BARE;
		if (!state->loaded[i])
			continue;
		take(in, &state->content[i], sizeof(state->content[i]));
		take(in, &state->key[i], sizeof(state->key[i]));
	}
}

static bool is_sound(const struct mailbox_state *state)
{
	for (uint32_t i = 0; i < state->n; i++)
		if (state->uid[i] >= state->head.uid_next || (i && state->uid[i] <= state->uid[i - 1]))
			return false;
	return state->n == state->head.messages;
}

/* Parts come in their order: rows are behind those that are there. */
static enum fault take_part(struct mailbox_state *state, const struct packed_head *head, struct slice bytes,
                            struct why *why)
{
	const uint32_t left = state->head.messages - state->n;
	struct reader in = reader_of(bytes);

	if (left)
		take_rows(&in, state, MIN_OF(left, (uint32_t)STATE_PART_ROWS));
	else
		take_rest(&in, state, head);
	if (!read_finished(&in) || (!left && !is_sound(state)))
		return fault_set(why, FAULT_CORRUPT, "a packed mailbox does not hold together");
	return FAULT_NONE;
}

enum fault mailbox_state_unpack(const struct id *mailbox,
                                enum fault (*read)(void *arg, uint32_t part, struct slice *ret, struct why *),
                                void *arg, struct mailbox_state **ret, struct why *why)
{
	struct mailbox_state *state;
	struct packed_head head;
	struct slice bytes;
	uint32_t parts;
	enum fault fault = read(arg, 0, &bytes, why);

	if (!fault)
		fault = take_head(bytes, &head, why);
	if (fault)
		return fault;
	state = mailbox_state_new(mailbox);
	state->head = head.summary.head;
	state_reserve(state, state->head.messages, 0);
	parts = mailbox_summary_parts(&head.summary);
	for (uint32_t part = 1; !fault && part < parts; part++) {
		fault = read(arg, part, &bytes, why);
		if (!fault)
			fault = take_part(state, &head, bytes, why);
	}
	if (fault)
		mailbox_state_free(state);
	else
		*ret = state;
	return fault;
}
