/* All views of the process (view.h): nudges, polls, and letting the unused ones go. */
#include "view_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "columns.h"
#include "header_cache.h"
#include "loop/timer.h"

#define TICK_MS     1000
#define NUDGE_MS    10
#define NUDGE_WAITS 20 /* for one of our own changes to be over */

static void look_when_open(struct view *view)
{
	view->stale = true;
	if (!list_empty(&view->sessions))
		view_refresh_begin(view);
}

/* The change under way has perhaps been committed, and is what the nudge is about. */
static bool may_be_ours(struct view *view)
{
	return !list_empty(&view->changers) && view->nudge_waits++ < NUDGE_WAITS;
}

/* Our own commits come back on the bus before their jobs do, and deliveries come in bursts: a moment later one
 * look is enough for all of them, or none. */
static void on_nudged(void *arg)
{
	struct views *views = arg;
	struct list later;

	list_init(&later);
	while (!list_empty(&views->nudged)) {
		struct view *view = list_item(views->nudged.next, struct view, nudged);

		list_del(&view->nudged);
		if (view->state->head.modseq >= view->nudged_to)
			continue;
		if (may_be_ours(view))
			list_add_tail(&later, &view->nudged);
		else
			look_when_open(view);
	}
	if (list_empty(&later))
		return;
	list_add_tail(&later, &views->nudged); /* the ring that `later` leaves */
	list_del(&later);
	timer_start(views->nudge_timer, NUDGE_MS);
}

void views_nudge(struct views *views, const struct id *mailbox, uint64_t modseq)
{
	struct view *view = map_get(views->by_mailbox, id_slice(mailbox));

	if (!view || !view->state || view->state->head.modseq >= modseq)
		return;
	if (list_empty(&views->nudged))
		timer_start(views->nudge_timer, NUDGE_MS);
	if (list_empty(&view->nudged)) {
		list_add_tail(&views->nudged, &view->nudged);
		view->nudged_to = 0;
		view->nudge_waits = 0;
	}
	view->nudged_to = MAX_OF(view->nudged_to, modseq);
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
	return sizeof(*view) + (view->state ? mailbox_state_memory(view->state) : 0) +
	       (view->bare ? arena_used(view->bare->arena) : 0) + arena_used(view->names) +
	       header_cache_memory(view->headers) + columns_memory(view->columns);
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

uint32_t views_recent(const struct views *views, const struct id *mailbox)
{
	const struct view *view = map_get(views->by_mailbox, id_slice(mailbox));

	return view ? (uint32_t)uid_set_count(&view->recent) : 0;
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
			view_refresh_begin(view);
		if (view->fold_at && now >= view->fold_at)
			view_fold_begin(view);
		if (view->cache_at && now >= view->cache_at)
			view_cache_begin(view);
		if (view->sign_at && now >= view->sign_at)
			view_sign_begin(view);
	}
	let_go(views, now);
}

struct views *views_new(const struct views_conf *conf)
{
	struct views *views = xzalloc(sizeof(*views));

	views->conf = *conf;
	views->by_mailbox = map_new();
	list_init(&views->unused);
	list_init(&views->nudged);
	views->nudge_timer = timer_new(conf->loop, on_nudged, views);
	views->timer = timer_new(conf->loop, on_tick, views);
	timer_every(views->timer, TICK_MS);
	view_cache_start(views);
	return views;
}

void views_free(struct views *views)
{
	if (!views)
		return;
	timer_free(views->timer);
	timer_free(views->nudge_timer);
	list_each (&views->unused, node)
		view_free(list_item(node, struct view, node));
	assert(!map_count(views->by_mailbox));
	map_free(views->by_mailbox);
	free(views);
}
