/* UIDs that are no more (vanished.h). */
#include "vanished.h"

#include <inttypes.h>
#include <stdlib.h>

static int by_first(const void *left, const void *right)
{
	const struct vanished_run *a = left, *b = right;

	return a->uids.first < b->uids.first ? -1 : a->uids.first > b->uids.first;
}

/* Sorted first: they stand in the order of their changes, and a set in disorder would be moved about for each. */
static void add_runs(const struct mailbox_state *state, uint64_t since, struct uid_set *ret)
{
	struct vanished_run *runs = xmalloc((state->n_vanished + 1) * sizeof(*runs));
	uint32_t n = 0;

	for (uint32_t i = 0; i < state->n_vanished; i++)
		if (state->vanished[i].modseq > since)
			runs[n++] = state->vanished[i];
	qsort(runs, n, sizeof(*runs), by_first);
	for (uint32_t i = 0; i < n; i++)
		uid_set_add_range(ret, runs[i].uids.first, runs[i].uids.last);
	free(runs);
}

static void add_gaps(const struct mailbox_state *state, struct uid_set *ret)
{
	uint32_t next = 1;

	for (uint32_t i = 0; i < state->n; i++) {
		if (state->uid[i] > next)
			uid_set_add_range(ret, next, state->uid[i] - 1);
		next = state->uid[i] + 1;
	}
	if (next < state->head.uid_next)
		uid_set_add_range(ret, next, state->head.uid_next - 1);
}

void vanished_since(const struct selected *selected, uint64_t since, const struct uid_set *asked,
                    struct uid_set *ret)
{
	const struct mailbox_state *state = selected->view->state;

	if (since >= state->head.vanished_floor)
		add_runs(state, since, ret);
	else
		add_gaps(state, ret);
	if (asked)
		uid_set_intersect(ret, asked);
	uid_set_subtract(ret, &selected->ghosts);
	if (selected->known_max < UINT32_MAX)
		uid_set_del_range(ret, selected->known_max + 1, UINT32_MAX);
}

void vanished_tell(struct session *s, bool earlier, const struct uid_set *set, uint32_t *at)
{
	const uint32_t end = MIN_OF(set->n, *at + VANISHED_LINE);
	struct buf line;

	if (*at >= end)
		return;
	buf_init(&line, BUF_NO_LIMIT); /* VANISHED_LINE ranges */
	buf_adds(&line, earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
	for (uint32_t i = *at; i < end; i++) {
		const struct uid_range *range = &set->ranges[i];

		buf_printf(&line, "%s%u", i > *at ? "," : "", range->first);
		if (range->last > range->first)
			buf_printf(&line, ":%u", range->last);
	}
	buf_adds(&line, "\r\n");
	conn_write(s->conn, line.data, line.len);
	buf_done(&line);
	*at = end;
}

enum imap_next vanished_ok(struct imap_cmd *cmd, const char *text)
{
	const struct session *s = cmd->session;
	const char *code;

	if (!(s->enabled & ENABLED_QRESYNC))
		return imap_ok(cmd, "%s", text);
	code = arena_printf(cmd->arena, "[HIGHESTMODSEQ %" PRIu64 "]", s->selected.view->state->head.modseq);
	return imap_ok_code(cmd, code, text);
}
