/* Walking messages (rows.h). Within a piece each step costs the same, however large the mailbox. */
#include "rows.h"

void rows_start(struct rows *rows, const struct selected *selected, const struct uid_set *uids)
{
	*rows = (struct rows){ .selected = selected, .uids = uids, .next = 1 };
	rows_resume(rows);
}

void rows_resume(struct rows *rows)
{
	rows->up = mailbox_state_from(rows->selected->view->state, rows->next);
	rows->range = rows->ghosts = rows->passed = 0;
}

/* The next index that the set names, from `up` on. */
static bool find(struct rows *rows)
{
	const struct mailbox_state *state = rows->selected->view->state;
	const struct uid_set *uids = rows->uids;

	if (!uids)
		return rows->up < state->n && state->uid[rows->up] <= rows->selected->known_max;
	while (rows->range < uids->n && rows->up < state->n) {
		const struct uid_range *range = &uids->ranges[rows->range];
		uint32_t uid = state->uid[rows->up];

		if (uid < range->first)
			rows->up = mailbox_state_from(state, range->first);
		else if (uid > range->last)
			rows->range++;
		else
			return true;
	}
	return false;
}

/* Messages expunged and not yet told keep their numbers. */
static uint32_t ghosts_below(struct rows *rows, uint32_t uid)
{
	const struct uid_set *ghosts = &rows->selected->ghosts;

	for (; rows->ghosts < ghosts->n && ghosts->ranges[rows->ghosts].last < uid; rows->ghosts++) {
		const struct uid_range *run = &ghosts->ranges[rows->ghosts];

		rows->passed += run->last - run->first + 1;
	}
	return rows->passed;
}

bool rows_next(struct rows *rows)
{
	if (!find(rows))
		return false;
	rows->at = rows->up++;
	rows->uid = rows->selected->view->state->uid[rows->at];
	rows->next = rows->uid + 1; /* no UID is the last number (UID_MAX) */
	rows->seq = rows->uid > rows->selected->known_max ? 0 : rows->at + 1 + ghosts_below(rows, rows->uid);
	return true;
}
