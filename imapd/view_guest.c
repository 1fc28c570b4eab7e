/* What guests have seen of a view's messages (view.h): their own \Seen, laid over the mailbox's flags. */
#include "view_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "suite/guest.h"

static struct view_guest *find(const struct view *view, const struct id *account)
{
	list_each (&view->guests, node) {
		struct view_guest *guest = list_item(node, struct view_guest, node);

		if (id_eq(&guest->account, account))
			return guest;
	}
	return NULL;
}

struct view_guest *view_guest_get(struct view *view, const struct id *account)
{
	struct view_guest *guest = find(view, account);

	if (!guest) {
		guest = xzalloc(sizeof(*guest));
		guest->account = *account;
		uid_set_init(&guest->seen);
		list_add_tail(&view->guests, &guest->node);
	}
	guest->refs++;
	return guest;
}

void view_guest_put(struct view_guest *guest)
{
	if (!guest || --guest->refs)
		return;
	list_del(&guest->node);
	uid_set_done(&guest->seen);
	free(guest);
}

static void take(struct view *view, const struct id *account, const struct guest_mark *mark)
{
	struct view_guest *guest = find(view, account);

	if (!guest || (guest->known && mark->version < guest->version))
		return;
	guest->known = true;
	guest->version = mark->version;
	uid_set_done(&guest->seen);
	uid_set_init(&guest->seen);
	if (mark->uid_validity == view->state->head.uid_validity)
		uid_set_copy(&guest->seen, &mark->seen);
}

void view_guest_saw(struct view *view, const struct actor *guest, const struct guest_mark *mark,
                    const struct uid_set *uids, const struct mailbox_head *head, struct selected *by,
                    bool silent)
{
	const struct mailbox_edit touch = { .op = FLAGS_ADD, .uids = uids };
	const struct mailbox_commit commit = {
		.mailbox = view->mailbox, .if_modseq = head->modseq - 1, .edits = &touch, .n_edits = 1
	};

	if (view->gone)
		return;
	take(view, &guest->guest, mark);
	view_committed(view, &commit, head, by, silent);
}

uint32_t selected_flags(const struct selected *selected, uint32_t at)
{
	const struct mailbox_state *state = selected->view->state;

	if (!selected->guest)
		return state->flags[at];
	return (state->flags[at] & ~(uint32_t)FLAG_SEEN) |
	       (uid_set_has(&selected->guest->seen, state->uid[at]) ? FLAG_SEEN : 0);
}

/* ---- looking ---- */

/* On the loop: who is to be looked for. */
void view_guests_ask(const struct view *view, struct arena *arena, struct guest_look **ret, size_t *ret_n)
{
	size_t n = 0;

	list_each (&view->guests, node)
		n++;
	*ret = arena_array(arena, struct guest_look, n + 1);
	*ret_n = 0;
	list_each (&view->guests, node) {
		const struct view_guest *guest = list_item(node, struct view_guest, node);

		(*ret)[(*ret_n)++] =
		    (struct guest_look){ .account = guest->account, .unknown = !guest->known };
	}
}

/* Worker, behind the mailbox's news: a guest's record is written before its mod-sequence. */
enum fault view_guests_look(struct guest_look *looks, size_t n, struct stack *stack, const struct id *mailbox,
                            bool news, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n && !fault; i++) {
		if (!news && !looks[i].unknown)
			continue;
		fault = guest_mark_get(stack, &looks[i].account, mailbox, &looks[i].mark, why);
		looks[i].looked = !fault;
		if (fault == FAULT_CORRUPT) { /* he has seen nothing, and all others what they have */
			looks[i].mark = (struct guest_mark){ .mailbox = *mailbox };
			uid_set_init(&looks[i].mark.seen);
			looks[i].looked = true;
			fault = FAULT_NONE;
		}
	}
	return fault;
}

void view_guests_take(struct view *view, struct guest_look *looks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (looks[i].looked)
			take(view, &looks[i].account, &looks[i].mark);
}

void view_guests_done(struct guest_look *looks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (looks[i].looked)
			guest_mark_done(&looks[i].mark);
}
