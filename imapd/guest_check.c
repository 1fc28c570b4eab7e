/* Guests who wait, and whether they still may (guest_check.h). */
#include "guest_check.h"

#include <stdlib.h>

#include "imapd.h"
#include "command.h"

struct guest_job {
	struct job job;
	struct list node;
	struct imapd *imapd;
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

static void free_check(struct job *job)
{
	struct guest_job *check = container_of(job, struct guest_job, job);

	list_del(&check->node);
	free(check);
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

static void on_checked(struct job *job)
{
	struct guest_job *check = container_of(job, struct guest_job, job);

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
	free_check(job);
}

static void check_one(struct imapd *imapd, struct session *s)
{
	struct guest_job *check = xzalloc(sizeof(*check));

	check->job = (struct job){ .run = run_check, .done = on_checked, .drop = free_check };
	check->imapd = imapd;
	check->actor = s->selected.actor;
	list_add_tail(&imapd->guest_checks, &check->node);
	s->selected.checking = job_start(imapd->daemon->pool, &check->job);
	if (!s->selected.checking)
		free_check(&check->job); /* the next round comes */
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
