/*
 * What one session sees of a view (view.h): its numbers.
 *
 * Its messages are those of the state up to known_max and its ghosts, in one ascending order. A ghost's UID is not in the state,
 * so within a run of ghosts nothing else lies, and numbers follow from counting both sides.
 */
#include "view.h"

void selected_open(struct selected *selected, struct view *view, bool read_only)
{
	const struct mailbox_state *state = view->state;

	selected->view = view;
	selected->guest = NULL;
	selected->rights = ACL_ALL;
	selected->checking = selected->checked = false;
	selected->read_only = read_only;
	selected->url_key_changed = false;
	selected->takes_recent = false;
	selected->known_max = state->head.uid_next - 1;
	selected->known_n = view_exists(view);
	selected->known_keywords = view->keywords.n;
	selected->known_recent = 0;
	uid_set_init(&selected->ghosts);
	uid_set_init(&selected->changed);
	uid_set_init(&selected->recent);
	uid_set_init(&selected->saved);
	uid_set_init(&selected->touched);
	selected->opened++;
	list_add_tail(&view->sessions, &selected->node);
}

uint32_t selected_settable(const struct selected *selected)
{
	if (selected->read_only)
		return 0;
	return (selected_may(selected, ACL_SEEN) ? FLAG_SEEN : 0) |
	       (selected_may(selected, ACL_DELETE) ? FLAG_DELETED : 0) |
	       (selected_may(selected, ACL_WRITE) ? FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DRAFT : 0);
}

void selected_be_guest(struct selected *selected, struct view_guest *guest, const struct actor *actor,
                       uint32_t rights)
{
	selected->guest = guest;
	selected->actor = *actor;
	selected->rights = rights;
}

void selected_close(struct selected *selected)
{
	struct view *view = selected->view;

	if (!view)
		return;
	if (selected->on_close)
		selected->on_close(selected->session);
	selected->view = NULL;
	selected->watched = false;
	view_guest_put(selected->guest);
	selected->guest = NULL;
	list_del(&selected->node);
	uid_set_done(&selected->ghosts);
	uid_set_done(&selected->changed);
	uid_set_done(&selected->recent);
	uid_set_done(&selected->saved);
	uid_set_done(&selected->touched);
	view_put(view);
}

/* Ghosts with UIDs below this one. */
static uint32_t ghosts_before(const struct selected *selected, uint32_t uid)
{
	const struct uid_set *ghosts = &selected->ghosts;
	uint32_t n = 0;

	for (uint32_t i = 0; i < ghosts->n && ghosts->ranges[i].first < uid; i++)
		n += MIN_OF(ghosts->ranges[i].last, uid - 1) - ghosts->ranges[i].first + 1;
	return n;
}

uint32_t selected_seq(const struct selected *selected, uint32_t uid)
{
	const struct mailbox_state *state = selected->view->state;

	if (uid == 0 || uid > selected->known_max ||
	    (mailbox_state_find(state, uid) < 0 && !uid_set_has(&selected->ghosts, uid)))
		return 0;
	return mailbox_state_from(state, uid) + ghosts_before(selected, uid) + 1;
}

uint32_t selected_uid(const struct selected *selected, uint32_t seq)
{
	const struct mailbox_state *state = selected->view->state;
	const struct uid_set *ghosts = &selected->ghosts;
	uint32_t passed = 0; /* ghosts before the run looked at */

	if (seq == 0 || seq > selected->known_n)
		return 0;
	for (uint32_t i = 0; i < ghosts->n; i++) {
		const struct uid_range *run = &ghosts->ranges[i];
		uint32_t before = mailbox_state_from(state, run->first) + passed;
		uint32_t n = run->last - run->first + 1;

		if (seq <= before)
			break;
		if (seq <= before + n)
			return run->first + (seq - before - 1);
		passed += n;
	}
	return state->uid[seq - passed - 1];
}

/* "*" is UINT32_MAX; "9:*" where there are but 5 means the last one. */
static bool clip(struct uid_range *range, uint32_t last)
{
	bool star = range->last == UINT32_MAX;

	if (star && last) {
		range->first = MIN_OF(range->first, last);
		range->last = last;
	}
	return star || range->last <= last;
}

/* Between the UIDs of the first and the last number lie exactly the messages in between; and perhaps UIDs that this
 * session does not know of, or that were never told: those do not exist, or are ghosts of nobody. */
bool selected_resolve(const struct selected *selected, const struct uid_set *seqs, struct uid_set *ret_uids)
{
	for (uint32_t i = 0; i < seqs->n; i++) {
		struct uid_range range = seqs->ranges[i];

		if (!clip(&range, selected->known_n))
			return false;
		if (selected->known_n)
			uid_set_add_range(ret_uids, selected_uid(selected, range.first),
			                  selected_uid(selected, range.last));
	}
	return true;
}

void selected_resolve_uids(const struct selected *selected, const struct uid_set *uids,
                           struct uid_set *ret_uids)
{
	const struct mailbox_state *state = selected->view->state;
	uint32_t last = state->n ? state->uid[state->n - 1] : 0;

	last = MAX_OF(last, uid_set_max(&selected->ghosts));
	for (uint32_t i = 0; i < uids->n; i++) {
		struct uid_range range = uids->ranges[i];

		if (range.last == UINT32_MAX && !last)
			continue;
		clip(&range, last);
		uid_set_add_range(ret_uids, range.first, range.last);
	}
}

static void add_recent(struct selected *selected, const struct uid_set *recent, uint32_t above)
{
	const struct mailbox_state *state = selected->view->state;
	const uint32_t last = uid_set_max(recent);
	uint32_t at;

	if (uid_set_is_empty(recent))
		return;
	if (view_is_bare(selected->view)) { /* with messages that are \\Recent only when each UID is there */
		uid_set_union(&selected->recent, recent);
		return;
	}
	at = mailbox_state_from(state, MAX_OF(above + 1, uid_set_min(recent)));
	for (; at < state->n && state->uid[at] <= last; at++)
		if (uid_set_has(recent, state->uid[at]))
			uid_set_add(&selected->recent, state->uid[at]);
}

void selected_take_recent(struct selected *selected, uint32_t above)
{
	struct view *view = selected->view;

	if (!selected->takes_recent)
		return;
	add_recent(selected, &view->recent, above);
	uid_set_subtract(&view->recent, &selected->recent);
}

void selected_show_recent(struct selected *selected)
{
	const struct mailbox_head *head = &selected->view->state->head;
	struct uid_set left;

	uid_set_init(&left);
	uid_set_copy(&left, &selected->view->recent);
	if (head->recent_uid < head->uid_next)
		uid_set_add_range(&left, head->recent_uid, head->uid_next - 1);
	add_recent(selected, &left, 0);
	uid_set_done(&left);
}

bool selected_has_news(const struct selected *selected)
{
	const struct view *view = selected->view;
	const struct mailbox_state *state = view->state;

	return view->gone || !uid_set_is_empty(&selected->ghosts) || !uid_set_is_empty(&selected->changed) ||
	       selected->known_keywords < view->keywords.n ||
	       (state->n && state->uid[state->n - 1] > selected->known_max);
}

void selected_told(struct selected *selected, uint32_t uid)
{
	uid_set_del_range(&selected->changed, uid, uid);
}
