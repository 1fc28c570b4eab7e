/* The mailboxes of an account that sessions want to hear of (watch.h). It lives as long as a session or a job needs it. */
#include "watch.h"

#include <stdlib.h>

#include "account_ctx.h"
#include "imapd.h"
#include "loop/timer.h"
#include "turn.h"

#define MISSED_MAX 64 /* accounts that were nudged during one look */

struct watch {
	struct imapd *imapd;
	struct account_ctx *account;
	struct list sessions; /* struct notify.node */
	struct list
	    sharing; /* node of imapd->sharing, if a session ever asked for what others share; else a ring of its own */
	struct snapshot newest;
	struct timer *timer;
	int64_t looked_at;
	bool looking;
	unsigned dirty; /* enum snapshot_part that are to be looked at */
	/* Of the look under way. */
	struct job job;
	struct turn turn;
	unsigned parts;
	struct snapshot fresh;
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

	look(watch, watch->dirty ? watch->dirty : SNAPSHOT_ALL);
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
	snapshot_done(watch->account, &watch->newest);
	snapshot_done(watch->account, &watch->fresh); /* of a look that nobody waited for */
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
	look(watch, SNAPSHOT_ALL);
}

void watch_leave(struct session *s)
{
	struct watch *watch = s->notify->watch;

	list_del(&s->notify->node);
	s->notify->watch = NULL;
	free_when_left(watch);
}

const struct snapshot *watch_newest(const struct watch *watch)
{
	return &watch->newest;
}

/* ---- looking ---- */

static void wait_for_poll(struct watch *watch)
{
	timer_start(watch->timer, rand_jitter(imapd_conf.poll));
}

static void run_look(struct job *job, void *worker)
{
	struct watch *watch = container_of(job, struct watch, job);

	(void)worker;
	watch->fault = snapshot_load(watch->account, watch->imapd->daemon->stack, watch->parts, &watch->fresh,
	                             &watch->why);
}

static void tell_sessions(struct watch *watch)
{
	list_each (&watch->sessions, node)
		session_news(list_item(node, struct notify, node)->session);
}

/* What was found only now may have changed behind the look's back. */
static bool has_missed(const struct watch *watch)
{
	for (unsigned i = 0; watch->newest.shared && i < watch->n_missed; i++)
		if (shared_list_has(watch->newest.shared, &watch->missed[i], NULL))
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
	snapshot_take(watch->account, &watch->newest, &watch->fresh);
	tell_sessions(watch);
	if (has_missed(watch))
		watch->dirty |= SNAPSHOT_SHARED | SNAPSHOT_ANNOTATIONS;
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

static unsigned wanted(const struct watch *watch)
{
	unsigned parts = SNAPSHOT_OWN;

	list_each (&watch->sessions, node)
		parts |= notify_parts(&list_item(node, struct notify, node)->request);
	return parts;
}

/* With annotations come names that are as new: those of mailboxes that the client does not know yet are told too. */
static void look(struct watch *watch, unsigned parts)
{
	if (watch->looking) {
		watch->dirty |= parts;
		return;
	}
	timer_stop(watch->timer);
	watch->dirty = 0;
	watch->n_missed = 0;
	watch->parts = wanted(watch) & parts & SNAPSHOT_ANNOTATIONS ? wanted(watch) : wanted(watch) & parts;
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
	if (watch->newest.shared && shared_list_has(watch->newest.shared, account, mailbox))
		return true;
	return !mailbox && id_eq(&watch->account->guest.everyone, account);
}

static void note_missed(struct watch *watch, const struct id *account)
{
	if (!watch->looking || !(watch->parts & SNAPSHOT_SHARED) || watch->n_missed == MISSED_MAX)
		return;
	for (unsigned i = 0; i < watch->n_missed; i++)
		if (id_eq(&watch->missed[i], account))
			return;
	watch->missed[watch->n_missed++] = *account;
}

/* With names and rights what is annotated comes and goes. */
void watches_nudge(struct imapd *imapd, const struct id *account, const struct id *mailbox)
{
	struct watch *watch = map_get(imapd->watches, id_slice(account));

	if (watch && (!mailbox || is_wanted(watch, mailbox)))
		look_soon(watch, mailbox ? SNAPSHOT_OWN : SNAPSHOT_ALL);
	list_each (&imapd->sharing, node) {
		watch = list_item(node, struct watch, sharing);
		if (is_shared(watch, account, mailbox))
			look_soon(watch, mailbox ? SNAPSHOT_SHARED : SNAPSHOT_SHARED | SNAPSHOT_ANNOTATIONS);
		else
			note_missed(watch, account);
	}
}

void watches_nudge_annotations(struct imapd *imapd, const struct id *account, const struct id *mailbox)
{
	struct watch *watch = map_get(imapd->watches, id_slice(account));

	if (watch && (wanted(watch) & SNAPSHOT_ANNOTATIONS))
		look_soon(watch, SNAPSHOT_ANNOTATIONS);
	list_each (&imapd->sharing, node) {
		watch = list_item(node, struct watch, sharing);
		if (!(wanted(watch) & SNAPSHOT_ANNOTATIONS))
			continue;
		if (is_shared(watch, account, mailbox))
			look_soon(watch, SNAPSHOT_ANNOTATIONS);
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
		look(value, SNAPSHOT_ALL);
}
