/*
 * Looking at the store for a view: one job at a time and view, whoever asked, and
 * however many. The first load begins with the cache file, and is applied on the worker; later ones, which are small, on the loop.
 * Where nobody wants the rows, the file's head and the news since are enough (view.h: a bare view); and for a large
 * mailbox of which there is no file often the store's head is.
 *
 * \Recent (RFC 3501 2.3.2) is of the process that takes it in the store: what no other has is taken with the look, all
 * of it at once, before any session is told of those messages; not when nobody here would have it.
 */
#include "cache_file.h"
#include "view_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/metrics.h"
#include "suite/outbox.h"

#define HEAD_ALONE_MIN 2048 /* messages: the rows of smaller mailboxes are read at once */

struct view_refresh { /* one look; what the worker fills is its own until it is back */
	struct job job;
	struct turn turn; /* the mailbox's owner's */
	struct view *view;
	struct stack *stack;
	struct account_ctx *account;
	struct id mailbox;
	const char *cache_dir;
	uint64_t since;
	uint32_t known_keywords;
	struct arena *arena;
	struct mailbox_news news;
	struct guest_look *guests;
	size_t n_guests;
	struct keywords keywords;
	unsigned wants; /* enum view_wants */
	bool first, stays_bare;
	uint32_t recent_from;        /* \Recent was taken from here to the last; 0: it was not */
	struct view_bare *bare;      /* the view's, which is ours meanwhile; or the first load's */
	struct mailbox_state *fresh; /* first load's, or the rows of a bare view */
	struct mailbox_delta delta;  /* from what the bare view told to `fresh` */
	enum fault fault, keywords_fault;
	struct why why;
};

static struct metric looks_total = { .name = "posthouse_imapd_looks_total",
	                             .help = "looks at a mailbox in the store" };
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

static enum fault fetch(struct view_refresh *refresh, struct arena *arena)
{
	return mailbox_fetch_news(refresh->stack->store, &refresh->account->actor, &refresh->mailbox,
	                          refresh->since, arena, &refresh->news, &refresh->why);
}

static bool has_recent(const struct view_refresh *refresh)
{
	return refresh->news.log.head.recent_uid < refresh->news.log.head.uid_next;
}

static bool needs_rows(const struct view_refresh *refresh)
{
	return (refresh->wants & VIEW_ROWS) || ((refresh->wants & VIEW_RECENT) && has_recent(refresh) &&
	                                        !mailbox_has_every_uid(&refresh->news.log.head));
}

/* The mailbox from the store alone. */
static enum fault load(struct view_refresh *refresh)
{
	struct mailbox_delta all;
	enum fault fault;

	refresh->since = 0;
	refresh->fresh = mailbox_state_new(&refresh->mailbox);
	fault = fetch(refresh, refresh->arena);
	if (fault)
		return fault;
	mailbox_delta_init(&all);
	fault = mailbox_state_apply(refresh->fresh, &refresh->news, &all, &refresh->why);
	mailbox_delta_done(&all);
	return fault;
}

static void forget_file(struct view_refresh *refresh, enum fault fault)
{
	if (fault == FAULT_CORRUPT)
		log_fault(NULL, fault, &refresh->why, "a mailbox is read anew");
	view_cache_forget(refresh->cache_dir, &refresh->mailbox);
}

/* The cache file with what has happened since: its head if that will do, or all of it. */
static enum fault load_cached(struct view_refresh *refresh)
{
	struct view_bare *bare = refresh->bare;
	enum fault fault;

	refresh->since = bare->summary.head.modseq;
	fault = mailbox_fetch_news_and_log(refresh->stack->store, &refresh->account->actor, &refresh->mailbox,
	                                   refresh->since, bare->arena, &refresh->news, &refresh->why);
	bare->news = refresh->news;
	if (!fault)
		fault = view_bare_check(bare, &refresh->news.log, &refresh->why);
	if (fault)
		return fault;
	if (needs_rows(refresh) || !mailbox_summary_follow(&bare->summary, &bare->news))
		return view_bare_load(bare, &refresh->mailbox, &refresh->fresh, &refresh->why);
	refresh->fresh = mailbox_state_new(&refresh->mailbox);
	refresh->fresh->head = bare->summary.head;
	refresh->stays_bare = true;
	cache_parts_rest(bare->file);
	return FAULT_NONE;
}

/* Which message is the first unseen one is all that SELECT tells and the store's head does not: unless none is, or all are. */
static bool says_all(const struct mailbox_head *head)
{
	return head->messages >= HEAD_ALONE_MIN && (head->unseen == 0 || head->unseen == head->messages);
}

/* Without a file: the store's head, if that will do, or all of it. */
static enum fault load_uncached(struct view_refresh *refresh)
{
	const struct mailbox_head *head = &refresh->news.log.head;
	enum fault fault =
	    mailbox_look_head(refresh->stack->store, &refresh->account->actor, &refresh->mailbox,
	                      refresh->arena, &refresh->news.log, &refresh->why);

	if (fault)
		return fault;
	if (needs_rows(refresh) || !says_all(head))
		return load(refresh);
	refresh->bare = view_bare_new(head);
	refresh->fresh = mailbox_state_new(&refresh->mailbox);
	refresh->fresh->head = *head;
	refresh->stays_bare = true;
	return FAULT_NONE;
}

static enum fault first_load(struct view_refresh *refresh)
{
	enum fault fault;

	refresh->bare = view_bare_open(refresh->cache_dir, refresh->account, &refresh->mailbox);
	if (!refresh->bare)
		return load_uncached(refresh);
	fault = load_cached(refresh);
	if (fault != FAULT_CORRUPT && fault != FAULT_STALE)
		return fault;
	forget_file(refresh, fault);
	return load(refresh);
}

/* The rows of a bare view as it told them; if they are not to be had any more, those of now, and what has changed. */
static enum fault load_rows(struct view_refresh *refresh)
{
	const struct mailbox_head was = refresh->bare->summary.head;
	enum fault fault = view_bare_load(refresh->bare, &refresh->mailbox, &refresh->fresh, &refresh->why);

	if (fault != FAULT_CORRUPT && fault != FAULT_STALE)
		return fault;
	if (fault == FAULT_CORRUPT)
		forget_file(refresh, fault);
	fault = load(refresh);
	if (!fault && !mailbox_state_delta(&was, refresh->fresh, &refresh->delta))
		fault = fault_set(&refresh->why, FAULT_CORRUPT, "what its sessions were told is not known");
	return fault;
}

static enum fault look(struct view_refresh *refresh)
{
	enum fault fault;

	if (refresh->first)
		return first_load(refresh);
	fault = fetch(refresh, refresh->arena);
	refresh->stays_bare =
	    refresh->bare && !needs_rows(refresh) && refresh->news.log.head.modseq == refresh->since;
	return fault || !refresh->bare || refresh->stays_bare ? fault : load_rows(refresh);
}

/* The Outbox follows the queue; when it cannot, what is in it is shown as it was. */
static void follow_queue(struct view_refresh *refresh)
{
	const struct account_ctx *account = refresh->account;
	const struct id outbox = outbox_mailbox(&account->id);
	struct mailbox_head head;
	enum fault fault;

	if (!account->has_outbox || !id_eq(&refresh->mailbox, &outbox))
		return;
	fault = outbox_sync(refresh->stack, &account->actor, account->key, &head, &refresh->why);
	if (fault && fault != FAULT_NOT_FOUND)
		log_fault(NULL, fault, &refresh->why, "the Outbox cannot be brought in step with the queue");
}

/* When others were faster, or the store does not answer, they are told of without it: nobody has it twice, and no mail
 * waits for it. */
static void take_recent(struct view_refresh *refresh)
{
	const struct mailbox_head *head = &refresh->news.log.head;
	struct why why;
	enum fault fault;

	if (!(refresh->wants & VIEW_TAKE_RECENT) || !has_recent(refresh))
		return;
	fault = mailbox_take_recent(refresh->stack->store, &refresh->account->actor, &refresh->mailbox, head,
	                            &why);
	if (!fault)
		refresh->recent_from = head->recent_uid;
	else if (fault != FAULT_STALE)
		log_fault(NULL, fault, &why, "new messages are told of without \\Recent");
}

static void run_refresh(struct job *job, void *worker)
{
	struct view_refresh *refresh = container_of(job, struct view_refresh, job);

	(void)worker;
	follow_queue(refresh);
	refresh->fault = look(refresh);
	if (!refresh->fault)
		refresh->fault =
		    view_guests_look(refresh->guests, refresh->n_guests, refresh->stack, &refresh->mailbox,
		                     refresh->news.log.head.modseq != refresh->since, &refresh->why);
	if (refresh->fault)
		return;
	open_keywords(refresh);
	take_recent(refresh);
}

/* ---- looking: the loop's part ---- */

static void free_refresh(struct view_refresh *refresh)
{
	mailbox_state_free(refresh->fresh);
	mailbox_delta_done(&refresh->delta);
	if (refresh->first)
		view_bare_free(refresh->bare);
	view_guests_done(refresh->guests, refresh->n_guests);
	account_ctx_unref(refresh->account);
	arena_free(refresh->arena);
	free(refresh);
}

static void recent_taken(struct view *view, const struct view_refresh *refresh)
{
	struct mailbox_state *state = view->state;
	const uint32_t next = refresh->news.log.head.uid_next;
	uint32_t at;

	if (!refresh->recent_from)
		return;
	if (view->bare)
		uid_set_add_range(&view->recent, refresh->recent_from, next - 1);
	for (at = mailbox_state_from(state, refresh->recent_from); at < state->n && state->uid[at] < next;
	     at++)
		uid_set_add(&view->recent, state->uid[at]);
	state->head.recent_uid = MAX_OF(state->head.recent_uid, next);
}

static void take_first(struct view *view, struct view_refresh *refresh)
{
	view->state = refresh->fresh;
	view->cached = refresh->since;
	refresh->fresh = NULL;
	if (refresh->stays_bare) {
		view->bare = refresh->bare;
		refresh->bare = NULL;
	}
	recent_taken(view, refresh);
}

/* A bare view gets its rows: of what it told, and perhaps of more. */
static void take_rows(struct view *view, struct view_refresh *refresh)
{
	refresh->fresh->head.recent_uid =
	    MAX_OF(refresh->fresh->head.recent_uid, view->state->head.recent_uid);
	mailbox_state_free(view->state);
	view->state = refresh->fresh;
	refresh->fresh = NULL;
	view_bare_free(view->bare);
	view->bare = NULL;
	if (!refresh->since)
		view->cached = 0;
	view_note(view, &refresh->delta, NULL);
}

static enum fault apply(struct view *view, struct view_refresh *refresh)
{
	struct mailbox_delta delta;
	enum fault fault = FAULT_NONE;

	view_take_keywords(view, &refresh->keywords);
	if (!view->state) {
		take_first(view, refresh);
		return FAULT_NONE;
	}
	if (refresh->fresh)
		take_rows(view, refresh);
	mailbox_delta_init(&delta);
	fault = mailbox_state_apply(view->state, &refresh->news, &delta, &refresh->why);
	if (!fault) {
		view_guests_take(view, refresh->guests, refresh->n_guests);
		recent_taken(view, refresh);
		view_note(view, &delta, NULL);
		view_tell(view);
	}
	mailbox_delta_done(&delta);
	return fault;
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
	if (!fault) {
		view_fold_consider(view);
		view_cache_consider(view);
	} else if (fault == FAULT_NOT_FOUND || fault == FAULT_CORRUPT) {
		view_gone(view);
	}
	if (fault == FAULT_CORRUPT)
		log_fault(NULL, fault, &refresh->why, "a mailbox cannot be read");
	answer_waiters(view, fault, &refresh->why);
	free_refresh(refresh);
	if (!list_empty(&view->waiters) || (view->stale && !view->gone && !list_empty(&view->sessions)))
		view_refresh_begin(view);
	view_put(view);
}

static void on_refreshed(struct job *job)
{
	struct view_refresh *refresh = container_of(job, struct view_refresh, job);

	turn_over(&refresh->turn);
	end_refresh(refresh);
}

static void on_refresh_dropped(struct job *job)
{
	struct view_refresh *refresh = container_of(job, struct view_refresh, job);

	turn_over(&refresh->turn);
	refresh->fault = fault_set(&refresh->why, FAULT_CANCELLED, "the process ends");
	end_refresh(refresh);
}

static void on_refresh_refused(void *arg)
{
	struct view_refresh *refresh = arg;

	refresh->fault = fault_set(&refresh->why, FAULT_TEMP, "too many jobs wait for a worker");
	end_refresh(refresh);
}

static void on_turn_refused(struct turn *turn)
{
	on_refresh_refused(container_of(turn, struct view_refresh, turn));
}

static unsigned wanted(const struct view *view)
{
	unsigned wants = 0;

	list_each (&view->waiters, node)
		wants |= list_item(node, struct view_wait, node)->wants;
	list_each (&view->sessions, node)
		if (list_item(node, struct selected, node)->takes_recent)
			return wants | VIEW_RECENT | VIEW_TAKE_RECENT;
	return wants;
}

void view_refresh_begin(struct view *view)
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
		.first = !view->state,
		.wants = wanted(view),
		.bare = view->bare,
		.cache_dir = conf->cache_dir,
	};
	mailbox_delta_init(&refresh->delta);
	view_guests_ask(view, refresh->arena, &refresh->guests, &refresh->n_guests);
	view_hold(view);
	view->refresh = refresh;
	view->stale = false;
	view->looks++;
	metric_inc(&looks_total);
	refresh->turn = (struct turn){ .account = refresh->account,
		                       .pool = conf->pool,
		                       .job = &refresh->job,
		                       .refused = on_turn_refused };
	if (!turn_start(&refresh->turn))
		loop_post(conf->loop, on_refresh_refused, refresh);
}

bool view_refresh_takes(struct view *view, unsigned wants)
{
	if (!view->refresh || !turn_waits(&view->refresh->turn))
		return false;
	view->refresh->wants |= wants;
	return true;
}
