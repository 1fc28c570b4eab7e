/*
 * A mailbox in memory as bytes, for a cache on the same machine (mailbox.h): the columns as they lie in memory. Content ids
 * and keys only of messages that no page has yet; the others' are read from their page when they are wanted.
 */
#include <stdlib.h>

#include "store/state.h"

#define FORMAT 0x31735650u /* changes with the layout of anything below, and with the machine's byte order */

struct packed_head {
	uint32_t format, n, n_vanished, tail; /* tail: rows behind log_base_uid */
	struct mailbox_head head;
};

#define ROW_PACKED (sizeof(uint32_t) * 3 + sizeof(uint64_t) * 2 + sizeof(int64_t) * 2)
#define KEY_PACKED (1 + sizeof(struct id) + sizeof(struct wrapped_key))

static bool add_column(struct buf *out, const void *column, uint32_t n, size_t size)
{
	return n == 0 || buf_add(out, column, n * size);
}

bool mailbox_state_pack(const struct mailbox_state *state, struct buf *out)
{
	const uint32_t n = state->n, from = mailbox_state_from(state, state->head.log_base_uid);
	struct packed_head head;

	memset(&head, 0, sizeof(head)); /* padding too */
	head.format = FORMAT;
	head.n = n;
	head.n_vanished = state->n_vanished;
	head.tail = n - from;
	head.head = state->head;
	/* at once: this runs on the loop */
	(void)buf_room(out, sizeof(head) + (size_t)n * ROW_PACKED + (size_t)head.tail * KEY_PACKED +
	                        (size_t)state->n_vanished * sizeof(*state->vanished));
	buf_add(out, &head, sizeof(head));
	add_column(out, state->uid, n, sizeof(*state->uid));
	add_column(out, state->modseq, n, sizeof(*state->modseq));
	add_column(out, state->flags, n, sizeof(*state->flags));
	add_column(out, state->keywords, n, sizeof(*state->keywords));
	add_column(out, state->size, n, sizeof(*state->size));
	add_column(out, state->internal_date, n, sizeof(*state->internal_date));
	add_column(out, state->save_date, n, sizeof(*state->save_date));
	add_column(out, state->vanished, state->n_vanished, sizeof(*state->vanished));
	for (uint32_t i = from; i < n; i++) {
		buf_add_u8(out, state->loaded[i]);
		if (state->loaded[i] != ROW_LOADED)
			continue;
		buf_add(out, &state->content[i], sizeof(state->content[i]));
		buf_add(out, &state->key[i], sizeof(state->key[i]));
	}
	return !out->overflow;
}

static void take(struct reader *in, void *column, size_t n, size_t size)
{
	struct slice bytes = read_bytes(in, n * size);

	if (bytes.len)
		memcpy(column, bytes.data, bytes.len);
}

static void take_tail(struct reader *in, struct mailbox_state *state, uint32_t tail)
{
	for (uint32_t i = state->n - tail; i < state->n; i++) {
		state->loaded[i] = read_u8(in) ? ROW_LOADED : ROW_BARE;
		if (!state->loaded[i])
			continue;
		take(in, &state->content[i], 1, sizeof(state->content[i]));
		take(in, &state->key[i], 1, sizeof(state->key[i]));
	}
}

static bool is_sound(const struct mailbox_state *state)
{
	for (uint32_t i = 0; i < state->n; i++)
		if (state->uid[i] >= state->head.uid_next || (i && state->uid[i] <= state->uid[i - 1]))
			return false;
	return state->n == state->head.messages;
}

enum fault mailbox_state_unpack(struct slice packed, const struct id *mailbox, struct mailbox_state **ret,
                                struct why *why)
{
	struct reader in = reader_of(packed);
	struct mailbox_state *state;
	struct packed_head head;

	memset(&head, 0, sizeof(head));
	take(&in, &head, 1, sizeof(head));
	if (in.bad || head.format != FORMAT || head.n > packed.len || head.tail > head.n ||
	    head.n_vanished > packed.len)
		return fault_set(why, FAULT_CORRUPT, "not a mailbox in this format");
	state = mailbox_state_new(mailbox);
	state_reserve(state, head.n, head.n_vanished);
	state->head = head.head;
	state->n = head.n;
	state->n_vanished = head.n_vanished;
	take(&in, state->uid, head.n, sizeof(*state->uid));
	take(&in, state->modseq, head.n, sizeof(*state->modseq));
	take(&in, state->flags, head.n, sizeof(*state->flags));
	take(&in, state->keywords, head.n, sizeof(*state->keywords));
	take(&in, state->size, head.n, sizeof(*state->size));
	take(&in, state->internal_date, head.n, sizeof(*state->internal_date));
	take(&in, state->save_date, head.n, sizeof(*state->save_date));
	take(&in, state->vanished, head.n_vanished, sizeof(*state->vanished));
	for (uint32_t i = 0; i < head.n - head.tail; i++)
		state->loaded[i] = ROW_BARE;
	take_tail(&in, state, head.tail);
	if (!read_finished(&in) || !is_sound(state)) {
		mailbox_state_free(state);
		return fault_set(why, FAULT_CORRUPT, "a packed mailbox does not hold together");
	}
	*ret = state;
	return FAULT_NONE;
}
