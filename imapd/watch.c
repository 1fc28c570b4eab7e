/* The mailboxes of an account that sessions want to hear of (watch.h). It lives as long as a session or a job needs it. */
#include "watch.h"

#include <stdlib.h>

#include "account_ctx.h"
#include "imapd.h"
#include "loop/timer.h"
#include "turn.h"

#define MISSED_MAX 64 /* accounts that were nudged during one look */

enum part { OWN = 1, SHARED = 2 }; /* bits */

struct watch {
	struct imapd *imapd;
	struct account_ctx *account;
	struct list sessions; /* struct notify.node */
	struct list
	    sharing; /* node of imapd->sharing, if a session ever asked for what others share; else a ring of its own */
	struct folder_list *list;
	struct shared_list *shared;
	struct timer *timer;
	int64_t looked_at;
	bool looking;
	unsigned dirty; /* parts that are to be looked at */
	/* Of the look under way. */
	struct job job;
	struct turn turn;
	unsigned parts;
	struct folder_list *fresh;
	struct shared_list *fresh_shared;
	struct id
	    missed[MISSED_MAX]; /* who was nudged meanwhile: perhaps of what the look finds to be shared */
	unsigned n_missed;
	enum fault fault;
	struct why why;
};

static void look(struct watch *watch, unsigned parts);

/* ---- life ---- */

static void on_timer(void *arg)
{
	struct watch *watch = arg;

	look(watch, watch->dirty ? watch->dirty : OWN | SHARED);
}

static struct watch *watch_new(struct session *s)
{
	struct watch *watch = xzalloc(sizeof(*watch));

	watch->imapd = s->imapd;
	watch->account = account_ctx_ref(s->account);
	list_init(&watch->sessions);
	list_init(&watch->sharing);
	watch->timer = timer_new(s->imapd->daemon->loop, on_timer, watch);
	map_put(s->imapd->watches, id_slice(&s->account->id), watch);
	return watch;
}

static void free_when_left(struct watch *watch)
{
	if (watch->looking || !list_empty(&watch->sessions))
		return;
	map_del(watch->imapd->watches, id_slice(&watch->account->id));
	timer_free(watch->timer);
	list_del(&watch->sharing);
	if (watch->list)
		folder_list_put(watch->account->folders, watch->list);
	shared_list_put(watch->shared);
	account_ctx_unref(watch->account);
	free(watch);
}

/* What was told to the session may be behind already: it joins with a look. */
void watch_join(struct session *s)
{
	struct watch *watch = map_get(s->imapd->watches, id_slice(&s->account->id));

	if (!watch)
		watch = watch_new(s);
	s->notify->watch = watch;
	list_add_tail(&watch->sessions, &s->notify->node);
	if (s->notify->request.may_share && list_empty(&watch->sharing))
		list_add_tail(&s->imapd->sharing, &watch->sharing);
	look(watch, OWN | SHARED);
}

void watch_leave(struct session *s)
{
	struct watch *watch = s->notify->watch;

	list_del(&s->notify->node);
	s->notify->watch = NULL;
	free_when_left(watch);
}

struct folder_list *watch_list(const struct watch *watch)
{
	return watch->list;
}

struct shared_list *watch_shared(const struct watch *watch)
{
	return watch->shared;
}

/* ---- looking ---- */

static void wait_for_poll(struct watch *watch)
{
	timer_start(watch->timer, rand_jitter(imapd_conf.poll));
}

static void run_look(struct job *job, void *worker)
{
	struct watch *watch = container_of(job, struct watch, job);
	struct stack *stack = watch->imapd->daemon->stack;

	(void)worker;
	watch->fault = FAULT_NONE;
	if (watch->parts & OWN)
		watch->fault = folder_list_load(watch->account, stack, &watch->fresh, &watch->why);
	if (!watch->fault && (watch->parts & SHARED))
		watch->fault = shared_list_load(watch->account, stack, &watch->fresh_shared, &watch->why);
}

static void tell_sessions(struct watch *watch)
{
	list_each (&watch->sessions, node)
		session_news(list_item(node, struct notify, node)->session);
}

static void take_fresh(struct watch *watch)
{
	if (watch->fresh) {
		if (watch->list)
			folder_list_put(watch->account->folders, watch->list);
		watch->list = watch->fresh;
	}
	if (watch->fresh_shared) {
		shared_list_put(watch->shared);
		watch->shared = watch->fresh_shared;
	}
	watch->fresh = NULL;
	watch->fresh_shared = NULL;
}

/* What was found only now may have changed behind the look's back. */
static bool has_missed(const struct watch *watch)
{
	for (unsigned i = 0; watch->shared && i < watch->n_missed; i++)
		if (shared_list_has(watch->shared, &watch->missed[i], NULL))
			return true;
	return watch->n_missed == MISSED_MAX;
}

/* A session that is told may leave, but the watch stays: it is looking still. */
static void on_looked(struct job *job)
{
	struct watch *watch = container_of(job, struct watch, job);

	turn_over(&watch->turn);
	if (watch->fault)
		log_fault(NULL, watch->fault, &watch->why,
		          "mailboxes that are watched could not be looked at");
	take_fresh(watch);
	tell_sessions(watch);
	if (has_missed(watch))
		watch->dirty |= SHARED;
	watch->looking = false;
	watch->looked_at = loop_now(watch->imapd->daemon->loop);
	if (watch->dirty)
		timer_start(watch->timer, WATCH_PAUSE);
	else
		wait_for_poll(watch);
	free_when_left(watch);
}

static void on_look_dropped(struct job *job)
{
	struct watch *watch = container_of(job, struct watch, job);

	turn_over(&watch->turn);
	watch->looking = false;
	free_when_left(watch);
}

static void on_look_refused(struct turn *turn)
{
	struct watch *watch = container_of(turn, struct watch, turn);

	watch->looking = false;
	watch->dirty |= watch->parts;
	wait_for_poll(watch);
	free_when_left(watch);
}

static bool wants_shared(const struct watch *watch)
{
	list_each (&watch->sessions, node)
		if (list_item(node, struct notify, node)->request.may_share)
			return true;
	return false;
}

static void look(struct watch *watch, unsigned parts)
{
	if (watch->looking) {
		watch->dirty |= parts;
		return;
	}
	timer_stop(watch->timer);
	watch->dirty = 0;
	watch->n_missed = 0;
	watch->parts = wants_shared(watch) ? parts : OWN;
	watch->job = (struct job){ .run = run_look, .done = on_looked, .drop = on_look_dropped };
	watch->turn = (struct turn){ .account = watch->account,
		                     .pool = watch->imapd->daemon->pool,
		                     .job = &watch->job,
		                     .refused = on_look_refused };
	watch->looking = turn_start(&watch->turn);
	if (!watch->looking)
		wait_for_poll(watch);
}

/* ---- from the bus ---- */

static void look_soon(struct watch *watch, unsigned parts)
{
	const int64_t since = loop_now(watch->imapd->daemon->loop) - watch->looked_at;

	if (!watch->looking && !watch->dirty)
		timer_start(watch->timer, MAX_OF((int64_t)WATCH_SOON, WATCH_PAUSE - since));
	watch->dirty |= parts;
}

static bool is_wanted(const struct watch *watch, const struct id *mailbox)
{
	list_each (&watch->sessions, node)
		if (notify_wants(list_item(node, struct notify, node)->session, mailbox))
			return true;
	return false;
}

/* Something of this account's that is shared with the watch's; or the account stands for everyone of its domain, with
 * whom something is shared or no longer is. */
static bool is_shared(const struct watch *watch, const struct id *account, const struct id *mailbox)
{
	if (watch->shared && shared_list_has(watch->shared, account, mailbox))
		return true;
	return !mailbox && id_eq(&watch->account->guest.everyone, account);
}

static void note_missed(struct watch *watch, const struct id *account)
{
	if (!watch->looking || !(watch->parts & SHARED) || watch->n_missed == MISSED_MAX)
		return;
	for (unsigned i = 0; i < watch->n_missed; i++)
		if (id_eq(&watch->missed[i], account))
			return;
	watch->missed[watch->n_missed++] = *account;
}

void watches_nudge(struct imapd *imapd, const struct id *account, const struct id *mailbox)
{
	struct watch *watch = map_get(imapd->watches, id_slice(account));

	if (watch && (!mailbox || is_wanted(watch, mailbox)))
		look_soon(watch, mailbox ? OWN : OWN | SHARED);
	list_each (&imapd->sharing, node) {
		watch = list_item(node, struct watch, sharing);
		if (is_shared(watch, account, mailbox))
			look_soon(watch, SHARED);
		else
			note_missed(watch, account);
	}
}

void watches_look_all(struct imapd *imapd)
{
	struct slice key;
	size_t at = 0;
	void *value;

	while (map_next(imapd->watches, &at, &key, &value))
		look(value, OWN | SHARED);
}
