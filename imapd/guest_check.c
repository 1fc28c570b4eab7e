/* Guests who wait, and whether they still may (guest_check.h). */
#include "guest_check.h"

#include <stdlib.h>

#include "account_ctx.h"
#include "command.h"
#include "imapd.h"

struct guest_job {
	struct job job;
	struct turn turn;
	struct list node;
	struct imapd *imapd;
	struct account_ctx *account; /* the guest's */
	struct actor actor;
	uint32_t rights;
	enum fault fault;
	struct why why;
};

static void run_check(struct job *job, void *worker)
{
	struct guest_job *check = container_of(job, struct guest_job, job);
	struct arena *arena = arena_new();
	struct mailbox_row row;

	(void)worker;
	check->fault = mailbox_shared_one(check->imapd->daemon->stack->store, &check->actor,
	                                  &check->actor.mailbox, ACL_READ, arena, &row, &check->why);
	if (!check->fault)
		check->rights = acl_rights(&row.meta, &check->actor.guest, &check->actor.everyone);
	arena_free(arena);
}

static void free_check(struct guest_job *check)
{
	list_del(&check->node);
	account_ctx_unref(check->account);
	free(check);
}

static void on_dropped(struct job *job)
{
	struct guest_job *check = container_of(job, struct guest_job, job);

	turn_over(&check->turn);
	free_check(check);
}

static bool is_same_visit(const struct session *s, const struct actor *actor)
{
	return s->selected.guest && id_eq(&s->selected.actor.guest, &actor->guest) &&
	       id_eq(&s->selected.actor.mailbox, &actor->mailbox);
}

static void go_on(struct session *s, uint32_t rights)
{
	s->selected.rights = rights;
	if (s->cmd && !s->cmd->reads_lines)
		return; /* it has asked for itself, or tells nothing */
	s->selected.checked = true;
	session_news(s);
	s->selected.checked = false;
}

static void end_check(struct guest_job *check)
{
	list_each (&check->imapd->sessions, node) {
		struct session *s = list_item(node, struct session, node);

		if (!is_same_visit(s, &check->actor))
			continue;
		s->selected.checking = false;
		if (check->fault == FAULT_NOT_FOUND)
			session_end_visit(s);
		else if (!check->fault)
			go_on(s, check->rights);
	}
	free_check(check);
}

static void on_checked(struct job *job)
{
	struct guest_job *check = container_of(job, struct guest_job, job);

	turn_over(&check->turn);
	end_check(check);
}

/* The next round comes. */
static void on_refused(struct turn *turn)
{
	struct guest_job *check = container_of(turn, struct guest_job, turn);

	check->fault = FAULT_TEMP;
	end_check(check);
}

/* One that has not begun to read, of this visit. */
static bool is_waiting(const struct imapd *imapd, const struct session *s)
{
	list_each (&imapd->guest_checks, node) {
		const struct guest_job *check = list_item(node, struct guest_job, node);

		if (turn_waits(&check->turn) && is_same_visit(s, &check->actor))
			return true;
	}
	return false;
}

static void check_one(struct imapd *imapd, struct session *s)
{
	struct guest_job *check;

	s->selected.checking = true;
	if (is_waiting(imapd, s))
		return;
	check = xzalloc(sizeof(*check));
	check->job = (struct job){ .run = run_check, .done = on_checked, .drop = on_dropped };
	check->imapd = imapd;
	check->account = account_ctx_ref(s->account);
	check->actor = s->selected.actor;
	check->turn = (struct turn){ .account = check->account,
		                     .pool = imapd->daemon->pool,
		                     .job = &check->job,
		                     .refused = on_refused };
	list_add_tail(&imapd->guest_checks, &check->node);
	if (turn_start(&check->turn))
		return;
	s->selected.checking = false;
	free_check(check);
}

void guest_check_session(struct session *s)
{
	if (!s->selected.checking)
		check_one(s->imapd, s);
}

void guest_check(struct imapd *imapd, const struct id *account)
{
	list_each (&imapd->sessions, node) {
		struct session *s = list_item(node, struct session, node);

		if (s->selected.guest && (!account || id_eq(&s->selected.actor.account, account)))
			check_one(imapd, s);
	}
}
