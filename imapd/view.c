/*
 * Views: loading them, keeping them fresh, letting them go (view.h).
 *
 * A look at the store is a job, one at a time and view. Whoever asks while one is under way waits for the next, since the
 * present one may have read before the question; nudges that come meanwhile are one more look together.
 * The first load is applied on the worker as well; later ones, which are small, on the loop.
 *
 * References: each session, each wait, each job. At none the view is among the unused, until view_keep is over
 * or they all take more than view_memory; the longest unused goes first.
 */
#include "view.h"

#include <assert.h>
#include <stdlib.h>

#include "account_ctx.h"
#include "base/log.h"
#include "base/map.h"
#include "base/metrics.h"
#include "loop/timer.h"

#define TICK_MS       1000
#define FOLD_DELAY_MS 10000 /* at most; so that not every process folds the same mailbox at once */

struct views {
	struct views_conf conf;
	struct map *by_mailbox;
	struct list unused;
	struct timer *timer;
};

struct view_wait {
	struct list node;
	struct view *view;
	uint64_t needs; /* the look that answers it */
	bool hands_over;
	void (*on_ready)(void *arg, enum fault, const struct why *, struct view *);
	void *arg;
};

struct view_refresh { /* one look; what the worker fills is its own until it is back */
	struct job job;
	struct view *view;
	struct stack *stack;
	struct account_ctx *account;
	struct id mailbox;
	uint64_t since;
	uint32_t known_keywords;
	struct arena *arena;
	struct mailbox_news news;
	struct keywords keywords;
	struct mailbox_state *fresh; /* first load */
	enum fault fault, keywords_fault;
	struct why why;
};

struct view_fold {
	struct job job;
	struct view *view;
	struct stack *stack;
	struct account_ctx *account;
	struct id mailbox;
	enum fault fault;
	struct why why;
};

static struct metric looks_total = {
	.name = "posthouse_imapd_looks_total", .help = "looks at a mailbox in the store"
};
static struct metric folds_total = {
	.name = "posthouse_imapd_folds_total", .help = "mailbox logs folded into pages"
};
static struct metric views_now = {
	.kind = METRIC_GAUGE, .name = "posthouse_imapd_views", .help = "mailboxes in memory"
};

static void begin_refresh(struct view *view);

/* ---- life ---- */

static struct view *view_new(struct views *views, struct account_ctx *account, const struct id *mailbox)
{
	struct view *view = xzalloc(sizeof(*view));

	view->views = views;
	view->account = account_ctx_ref(account);
	view->mailbox = *mailbox;
	view->names = arena_new();
	list_init(&view->node);
	list_init(&view->sessions);
	list_init(&view->waiters);
	map_put(views->by_mailbox, id_slice(mailbox), view);
	metric_set(&views_now, (int64_t)map_count(views->by_mailbox));
	return view;
}

static void forget(struct view *view)
{
	struct map *map = view->views->by_mailbox;

	if (map_get(map, id_slice(&view->mailbox)) == view)
		map_del(map, id_slice(&view->mailbox));
	metric_set(&views_now, (int64_t)map_count(map));
}

static void view_free(struct view *view)
{
	assert(!view->refs && list_empty(&view->sessions) && list_empty(&view->waiters));
	forget(view);
	list_del(&view->node);
	mailbox_state_free(view->state);
	arena_free(view->names);
	account_ctx_unref(view->account);
	free(view);
}

static void view_hold(struct view *view)
{
	view->refs++;
	list_del(&view->node);
}

void view_put(struct view *view)
{
	assert(view->refs);
	if (--view->refs)
		return;
	if (view->gone || !view->state || !*view->views->conf.keep) {
		view_free(view);
		return;
	}
	view->used_at = loop_now(view->views->conf.loop);
	list_add_tail(&view->views->unused, &view->node);
}

/* ---- telling sessions ---- */

static void tell(struct view *view)
{
	list_each (&view->sessions, node) {
		struct selected *selected = list_item(node, struct selected, node);

		if (selected_has_news(selected))
			selected->on_news(selected->session);
	}
}

static void gone(struct view *view)
{
	if (view->gone)
		return;
	view->gone = true;
	forget(view);
	tell(view);
}

/* What happened beyond known_max was never told and needs no telling. */
static void note_one(struct selected *selected, const struct mailbox_delta *delta, bool flags_too)
{
	struct uid_set known;

	uid_set_init(&known);
	uid_set_copy(&known, &delta->expunged);
	if (selected->known_max < UINT32_MAX)
		uid_set_del_range(&known, selected->known_max + 1, UINT32_MAX);
	uid_set_union(&selected->ghosts, &known);
	if (flags_too)
		uid_set_union(&selected->changed, &delta->changed);
	uid_set_subtract(&selected->changed, &delta->expunged);
	if (selected->known_max < UINT32_MAX)
		uid_set_del_range(&selected->changed, selected->known_max + 1, UINT32_MAX);
	uid_set_done(&known);
}

static void note(struct view *view, const struct mailbox_delta *delta, const struct selected *not_flags)
{
	list_each (&view->sessions, node) {
		struct selected *selected = list_item(node, struct selected, node);

		note_one(selected, delta, selected != not_flags);
	}
}

void view_take_keywords(struct view *view, const struct keywords *keywords)
{
	for (uint32_t i = view->keywords.n; i < keywords->n; i++)
		view->keywords.names[i] = arena_strdup(view->names, keywords->names[i]);
	view->keywords.n = MAX_OF(view->keywords.n, keywords->n);
}

/* ---- looking: the worker's part ---- */

/* A keyword that does not open is shown to nobody, and hides no mail. */
static void open_keywords(struct view_refresh *refresh)
{
	const struct mailbox_log *log = &refresh->news.log;

	if (log->head.keywords <= refresh->known_keywords)
		return;
	refresh->keywords_fault = keywords_open(refresh->account->key, log->keywords, log->head.keywords,
	                                        refresh->arena, &refresh->keywords, &refresh->why);
	if (!refresh->keywords_fault)
		return;
	refresh->keywords.n = MIN_OF(log->head.keywords, (uint32_t)MAILBOX_KEYWORDS_MAX);
	for (uint32_t i = 0; i < refresh->keywords.n; i++)
		refresh->keywords.names[i] = "";
}

static void run_refresh(struct job *job, void *worker)
{
	struct view_refresh *refresh = container_of(job, struct view_refresh, job);
	struct mailbox_delta delta;

	(void)worker;
	refresh->fault = mailbox_fetch_news(refresh->stack->store, &refresh->account->actor, &refresh->mailbox,
	                                    refresh->since, refresh->arena, &refresh->news, &refresh->why);
	if (refresh->fault)
		return;
	if (refresh->fresh) {
		mailbox_delta_init(&delta);
		refresh->fault =
		    mailbox_state_apply(refresh->fresh, &refresh->news, &delta, &refresh->why);
		mailbox_delta_done(&delta);
	}
	open_keywords(refresh);
}

/* ---- looking: the loop's part ---- */

static void free_refresh(struct view_refresh *refresh)
{
	mailbox_state_free(refresh->fresh);
	account_ctx_unref(refresh->account);
	arena_free(refresh->arena);
	free(refresh);
}

static enum fault apply(struct view *view, struct view_refresh *refresh)
{
	struct mailbox_delta delta;
	enum fault fault = FAULT_NONE;

	view_take_keywords(view, &refresh->keywords);
	if (!view->state) {
		view->state = refresh->fresh;
		refresh->fresh = NULL;
		return FAULT_NONE;
	}
	mailbox_delta_init(&delta);
	fault = mailbox_state_apply(view->state, &refresh->news, &delta, &refresh->why);
	if (!fault) {
		note(view, &delta, NULL);
		tell(view);
	}
	mailbox_delta_done(&delta);
	return fault;
}

static void consider_fold(struct view *view)
{
	if (view->fold_at || view->fold || !mailbox_wants_fold(&view->state->head))
		return;
	view->fold_at = loop_now(view->views->conf.loop) + rand_below(FOLD_DELAY_MS) + 1;
}

static void answer(struct view_wait *wait, enum fault fault, const struct why *why)
{
	struct view *view = wait->view;
	struct view_wait copy = *wait;

	list_del(&wait->node);
	free(wait);
	if (copy.hands_over && !fault) {
		copy.on_ready(copy.arg, fault, why, view); /* and its reference */
		return;
	}
	copy.on_ready(copy.arg, fault, why, copy.hands_over ? NULL : view);
	view_put(view);
}

static void answer_waiters(struct view *view, enum fault fault, const struct why *why)
{
	struct list ready;

	list_init(&ready);
	list_each (&view->waiters, node) {
		if (list_item(node, struct view_wait, node)->needs > view->looks)
			continue;
		list_del(node);
		list_add_tail(&ready, node);
	}
	while (!list_empty(&ready)) /* each may cancel others */
		answer(list_item(ready.next, struct view_wait, node), fault, why);
}

static void end_refresh(struct view_refresh *refresh)
{
	struct view *view = refresh->view;
	enum fault fault = refresh->fault;

	view->refresh = NULL;
	view->poll_at = loop_now(view->views->conf.loop) + rand_jitter(*view->views->conf.poll);
	if (refresh->keywords_fault)
		log_fault(NULL, refresh->keywords_fault, &refresh->why, "keywords cannot be shown");
	if (!fault)
		fault = apply(view, refresh);
	if (!fault)
		consider_fold(view);
	else if (fault == FAULT_NOT_FOUND || fault == FAULT_CORRUPT)
		gone(view);
	if (fault && fault != FAULT_NOT_FOUND)
		log_fault(NULL, fault, &refresh->why, "a mailbox cannot be looked at");
	answer_waiters(view, fault, &refresh->why);
	free_refresh(refresh);
	if (!list_empty(&view->waiters) || (view->stale && !view->gone && !list_empty(&view->sessions)))
		begin_refresh(view);
	view_put(view);
}

static void on_refreshed(struct job *job)
{
	end_refresh(container_of(job, struct view_refresh, job));
}

static void on_refresh_dropped(struct job *job)
{
	struct view_refresh *refresh = container_of(job, struct view_refresh, job);

	refresh->fault = fault_set(&refresh->why, FAULT_CANCELLED, "the process ends");
	end_refresh(refresh);
}

static void on_refresh_refused(void *arg)
{
	end_refresh(arg);
}

static void begin_refresh(struct view *view)
{
	const struct views_conf *conf = &view->views->conf;
	struct view_refresh *refresh;

	if (view->refresh)
		return;
	refresh = xzalloc(sizeof(*refresh));
	*refresh = (struct view_refresh){
		.job = { .run = run_refresh, .done = on_refreshed, .drop = on_refresh_dropped },
		.view = view,
		.stack = conf->stack,
		.account = account_ctx_ref(view->account),
		.mailbox = view->mailbox,
		.since = view->state ? view->state->head.modseq : 0,
		.known_keywords = view->keywords.n,
		.arena = arena_new(),
		.fresh = view->state ? NULL : mailbox_state_new(&view->mailbox),
	};
	view_hold(view);
	view->refresh = refresh;
	view->stale = false;
	view->looks++;
	metric_inc(&looks_total);
	if (job_start(conf->pool, &refresh->job))
		return;
	refresh->fault = fault_set(&refresh->why, FAULT_TEMP, "too many jobs wait for a worker");
	loop_post(conf->loop, on_refresh_refused, refresh);
}

/* ---- folding ---- */

static void run_fold(struct job *job, void *worker)
{
	struct view_fold *fold = container_of(job, struct view_fold, job);

	(void)worker;
	fold->fault = mailbox_fold(fold->stack->store, &fold->account->actor, &fold->mailbox,
	                           fold->account->key, &fold->why);
}

static void end_fold(struct view_fold *fold)
{
	struct view *view = fold->view;

	view->fold = NULL;
	account_ctx_unref(fold->account);
	free(fold);
	view_put(view);
}

static void on_fold_dropped(struct job *job)
{
	end_fold(container_of(job, struct view_fold, job));
}

static void on_folded(struct job *job)
{
	struct view_fold *fold = container_of(job, struct view_fold, job);

	if (fold->fault && fold->fault != FAULT_NOT_FOUND)
		log_fault(NULL, fold->fault, &fold->why, "a mailbox could not be folded");
	else
		metric_inc(&folds_total);
	begin_refresh(fold->view); /* to learn where the log begins now */
	end_fold(fold);
}

static void begin_fold(struct view *view)
{
	const struct views_conf *conf = &view->views->conf;
	struct view_fold *fold;

	view->fold_at = 0;
	if (view->fold || !mailbox_wants_fold(&view->state->head))
		return;
	fold = xzalloc(sizeof(*fold));
	*fold = (struct view_fold){
		.job = { .run = run_fold, .done = on_folded, .drop = on_fold_dropped },
		.view = view,
		.stack = conf->stack,
		.account = account_ctx_ref(view->account),
		.mailbox = view->mailbox,
	};
	view_hold(view);
	view->fold = fold;
	if (!job_start(conf->pool, &fold->job))
		end_fold(fold); /* the next look asks for it again */
}

/* ---- waiting ---- */

static struct view_wait *wait_for(struct view *view, bool hands_over,
                                  void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                                  void *arg)
{
	struct view_wait *wait = xzalloc(sizeof(*wait));

	view_hold(view);
	*wait = (struct view_wait){
		.view = view,
		.needs = view->looks + 1, /* a look under way may have read already */
		.hands_over = hands_over,
		.on_ready = on_ready,
		.arg = arg,
	};
	list_add_tail(&view->waiters, &wait->node);
	begin_refresh(view);
	return wait;
}

struct view_wait *view_get(struct views *views, struct account_ctx *account, const struct id *mailbox,
                           void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                           void *arg)
{
	struct view *view = map_get(views->by_mailbox, id_slice(mailbox));

	if (!view)
		view = view_new(views, account, mailbox);
	assert(id_eq(&view->account->id, &account->id) && "mailbox ids are found by account");
	return wait_for(view, true, on_ready, arg);
}

struct view_wait *view_look(struct view *view,
                            void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                            void *arg)
{
	return wait_for(view, false, on_ready, arg);
}

void view_cancel(struct view_wait *wait)
{
	struct view *view = wait->view;

	list_del(&wait->node);
	free(wait);
	view_put(view);
}

/* ---- our own commits ---- */

/* News have brought the commit already, as anybody's: what `by` made itself it is not told, unless it changed again. */
static void hide_own(const struct view *view, const struct mailbox_commit *commit, struct selected *by)
{
	const uint64_t last = commit->if_modseq + commit->n_edits;
	uint32_t uid;

	for (uint32_t i = 0; i < commit->n_edits; i++) {
		for (struct uid_iter it = uid_iter_of(commit->edits[i].uids); uid_next(&it, &uid);) {
			int64_t at = mailbox_state_find(view->state, uid);

			if (at >= 0 && view->state->modseq[at] > commit->if_modseq &&
			    view->state->modseq[at] <= last)
				selected_told(by, uid);
		}
	}
}

void view_committed(struct view *view, const struct mailbox_commit *commit, const struct mailbox_head *head,
                    struct selected *by, bool silent)
{
	struct mailbox_delta delta;

	if (view->gone)
		return;
	if (view->state->head.modseq != commit->if_modseq) {
		if (silent && view->state->head.modseq >= head->modseq)
			hide_own(view, commit, by);
		else if (view->state->head.modseq < head->modseq)
			begin_refresh(view);
		return;
	}
	mailbox_delta_init(&delta);
	mailbox_state_committed(view->state, commit, head, &delta);
	note(view, &delta, silent ? by : NULL);
	mailbox_delta_done(&delta);
	if (head->keywords > view->keywords.n)
		begin_refresh(view); /* for their names */
	consider_fold(view);
	tell(view);
}

/* ---- the whole ---- */

static void look_when_open(struct view *view)
{
	view->stale = true;
	if (!list_empty(&view->sessions))
		begin_refresh(view);
}

void views_nudge(struct views *views, const struct id *mailbox, uint64_t modseq)
{
	struct view *view = map_get(views->by_mailbox, id_slice(mailbox));

	if (view && view->state && view->state->head.modseq < modseq)
		look_when_open(view);
}

static void look_at(struct views *views, const struct id *account)
{
	struct slice key;
	void *value;
	size_t at = 0;

	while (map_next(views->by_mailbox, &at, &key, &value)) {
		struct view *view = value;

		if (!account || id_eq(&view->account->id, account))
			look_when_open(view);
	}
}

void views_look_all(struct views *views)
{
	look_at(views, NULL);
}

void views_look_account(struct views *views, const struct id *account)
{
	look_at(views, account);
}

void views_forget_account(struct views *views, const struct id *account)
{
	list_each (&views->unused, node) {
		struct view *view = list_item(node, struct view, node);

		if (id_eq(&view->account->id, account))
			view_free(view);
	}
}

static size_t memory_of(const struct view *view)
{
	return sizeof(*view) + (view->state ? mailbox_state_memory(view->state) : 0) + arena_used(view->names);
}

size_t views_memory(const struct views *views)
{
	struct slice key;
	size_t at = 0, sum = 0;
	void *value;

	while (map_next(views->by_mailbox, &at, &key, &value))
		sum += memory_of(value);
	return sum;
}

static void let_go(struct views *views, int64_t now)
{
	size_t sum = 0;

	list_each (&views->unused, node)
		sum += memory_of(list_item(node, struct view, node));
	list_each (&views->unused, node) {
		struct view *view = list_item(node, struct view, node);

		if (now - view->used_at < *views->conf.keep && sum <= (size_t)*views->conf.memory)
			break; /* those behind were used later */
		sum -= memory_of(view);
		view_free(view);
	}
}

static void on_tick(void *arg)
{
	struct views *views = arg;
	const int64_t now = loop_now(views->conf.loop);
	struct slice key;
	size_t at = 0;
	void *value;

	while (map_next(views->by_mailbox, &at, &key, &value)) {
		struct view *view = value;

		if (!list_empty(&view->sessions) && now >= view->poll_at)
			begin_refresh(view);
		if (view->fold_at && now >= view->fold_at)
			begin_fold(view);
	}
	let_go(views, now);
}

struct views *views_new(const struct views_conf *conf)
{
	struct views *views = xzalloc(sizeof(*views));

	views->conf = *conf;
	views->by_mailbox = map_new();
	list_init(&views->unused);
	views->timer = timer_new(conf->loop, on_tick, views);
	timer_every(views->timer, TICK_MS);
	return views;
}

void views_free(struct views *views)
{
	if (!views)
		return;
	timer_free(views->timer);
	list_each (&views->unused, node)
		view_free(list_item(node, struct view, node));
	assert(!map_count(views->by_mailbox));
	map_free(views->by_mailbox);
	free(views);
}
