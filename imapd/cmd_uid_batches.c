/*
 * UIDBATCHES (draft-ietf-mailmaint-imap-uidbatches): ranges of UIDs that hold equally many messages each, the newest
 * first, so that a client can go through a large mailbox in pieces.
 *
 *   uidbatches          = "UIDBATCHES" SP size [SP number ":" number]
 *   uidbatches-response = "UIDBATCHES" SP "(" "TAG" SP string ")" [SP uid-range *("," uid-range)]
 *
 * The ranges touch each other, the last one of the mailbox ends at UID 1: what comes below the newest UID while the
 * client works is nothing, and no message is in none.
 */
#include "commands.h"

#define SIZE_MIN 500 /* smaller ones would be a command a screenful */

static bool parse(struct imap_args *args, uint64_t *ret_size, uint64_t *ret_first, uint64_t *ret_last)
{
	if (!imap_args_space(args) || !imap_args_nz_number(args, UINT32_MAX, ret_size))
		return false;
	if (imap_args_is_end(args))
		return true;
	return imap_args_space(args) && imap_args_nz_number(args, UINT32_MAX, ret_first) &&
	       imap_args_char(args, ':') && imap_args_nz_number(args, UINT32_MAX, ret_last) &&
	       imap_args_end(args);
}

/* Batches are numbered from 1 up, from the end of the mailbox: number `batch` are the messages [from, to). */
static void add_batches(const struct selected *selected, uint64_t size, uint64_t first, uint64_t last,
                        struct buf *out)
{
	const struct mailbox_state *state = selected->view->state;
	const uint64_t n = mailbox_state_from(state, selected->known_max + 1);

	for (uint64_t batch = first; batch <= last && (batch - 1) * size < n; batch++) {
		const uint64_t to = n - (batch - 1) * size, from = to > size ? to - size : 0;
		const uint32_t top = to == n ? state->uid[n - 1] : state->uid[to] - 1;
		const uint32_t bottom = from ? state->uid[from] : 1;

		buf_printf(out, "%c%u", batch > first ? ',' : ' ', top);
		if (bottom < top)
			buf_printf(out, ":%u", bottom);
	}
}

static enum imap_next uid_batches_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	uint64_t size, first = 1, last = UINT32_MAX;
	struct buf out;

	if (!parse(args, &size, &first, &last))
		return imap_bad(cmd, args->error);
	if (first > last)
		return imap_bad(cmd, "[CLIENTBUG] The first batch comes first");
	if (size < SIZE_MIN)
		return imap_no_code(cmd, "[TOOFEW]", "A batch has 500 messages at least");
	buf_init(&out, BUF_NO_LIMIT);
	add_batches(&cmd->session->selected, size, first, last, &out);
	imap_untagged(cmd->session, "UIDBATCHES (TAG \"%s\")%.*s", cmd->tag, SLICE_FMT(buf_slice(&out)));
	buf_done(&out);
	return imap_ok(cmd, "These are they");
}

const struct imap_command imap_uid_batches = { .parse = uid_batches_parse };
