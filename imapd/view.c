/*
 * Views: loading them, keeping them fresh, letting them go (view.h).
 *
 * A look at the store is a job, one at a time and view. Whoever asks while one is at a worker waits for the next, since the
 * present one may have read before the question; nudges that come meanwhile are one more look together.
 * The first load is applied on the worker as well; later ones, which are small, on the loop.
 *
 * References: each session, each wait, each job. At none the view is among the unused, until view_keep is over
 * or they all take more than view_memory; the longest unused goes first.
 */
#include "view_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/metrics.h"
#include "columns.h"
#include "header_cache.h"
#include "signature_file.h"
#include "signatures.h"

static struct metric views_now = { .kind = METRIC_GAUGE,
	                           .name = "posthouse_imapd_views",
	                           .help = "mailboxes in memory" };

/* ---- life ---- */

struct view *view_new(struct views *views, struct account_ctx *account, const struct id *mailbox)
{
	struct view *view = xzalloc(sizeof(*view));

	view->views = views;
	view->account = account_ctx_ref(account);
	view->mailbox = *mailbox;
	view->names = arena_new();
	view->headers = header_cache_new();
	view->columns = columns_new();
	view->signatures = signatures_new();
	list_init(&view->node);
	list_init(&view->nudged);
	list_init(&view->sessions);
	list_init(&view->changers);
	list_init(&view->guests);
	list_init(&view->waiters);
	uid_set_init(&view->recent);
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

void view_free(struct view *view)
{
	assert(!view->refs && list_empty(&view->sessions) && list_empty(&view->waiters));
	forget(view);
	list_del(&view->node);
	list_del(&view->nudged);
	mailbox_state_free(view->state);
	view_bare_free(view->bare);
	header_cache_free(view->headers);
	columns_free(view->columns);
	signatures_free(view->signatures);
	uid_set_done(&view->recent);
	arena_free(view->names);
	account_ctx_unref(view->account);
	free(view);
}

const char *view_cache_dir(const struct view *view)
{
	return view->views->conf.cache_dir;
}

size_t view_search_memory(const struct view *view)
{
	return (size_t)*view->views->conf.search_memory;
}

struct loop *view_loop(const struct view *view)
{
	return view->views->conf.loop;
}

void view_hold(struct view *view)
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

void view_tell(struct view *view)
{
	list_each (&view->sessions, node) {
		struct selected *selected = list_item(node, struct selected, node);

		if (selected_has_news(selected))
			selected->on_news(selected->session);
	}
}

void view_gone(struct view *view)
{
	if (view->gone)
		return;
	view->gone = true;
	forget(view);
	view_cache_forget(view->views->conf.cache_dir, &view->mailbox);
	signature_file_forget(view->views->conf.cache_dir, &view->mailbox);
	view_tell(view);
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
	if (selected->watched)
		uid_set_union(&selected->touched, &delta->changed);
	uid_set_subtract(&selected->changed, &delta->expunged);
	if (selected->known_max < UINT32_MAX)
		uid_set_del_range(&selected->changed, selected->known_max + 1, UINT32_MAX);
	uid_set_done(&known);
}

void view_note(struct view *view, const struct mailbox_delta *delta, const struct selected *not_flags)
{
	list_each (&view->sessions, node) {
		struct selected *selected = list_item(node, struct selected, node);

		note_one(selected, delta, selected != not_flags);
	}
	uid_set_subtract(&view->recent, &delta->expunged);
}

uint32_t view_exists(const struct view *view)
{
	return view->bare ? view->state->head.messages : view->state->n;
}

uint32_t view_first_unseen(const struct view *view)
{
	return view->bare->summary.unseen;
}

void view_take_keywords(struct view *view, const struct keywords *keywords)
{
	for (uint32_t i = view->keywords.n; i < keywords->n; i++)
		view->keywords.names[i] = arena_strdup(view->names, keywords->names[i]);
	view->keywords.n = MAX_OF(view->keywords.n, keywords->n);
}

/* ---- waiting ---- */

static struct view_wait *wait_for(struct view *view, bool hands_over, unsigned wants,
                                  void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                                  void *arg)
{
	struct view_wait *wait = xzalloc(sizeof(*wait));

	view_hold(view);
	*wait = (struct view_wait){
		.view = view,
		/* a look under way may have read already */
		.needs = view_refresh_takes(view, wants) ? view->looks : view->looks + 1,
		.hands_over = hands_over,
		.wants = wants,
		.on_ready = on_ready,
		.arg = arg,
	};
	list_add_tail(&view->waiters, &wait->node);
	view_refresh_begin(view);
	return wait;
}

struct view_wait *view_get(struct views *views, struct account_ctx *account, const struct id *mailbox,
                           unsigned wants,
                           void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                           void *arg)
{
	struct view *view = map_get(views->by_mailbox, id_slice(mailbox));

	if (!view)
		view = view_new(views, account, mailbox);
	assert(id_eq(&view->account->id, &account->id) && "mailbox ids are found by account");
	return wait_for(view, true, wants, on_ready, arg);
}

struct view_wait *view_look(struct view *view, unsigned wants,
                            void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                            void *arg)
{
	return wait_for(view, false, wants, on_ready, arg);
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
	const uint64_t last = commit->if_modseq + !!commit->n_appends + commit->n_edits;
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
	assert(!view->bare && "changes are decided on the rows");
	if (view->state->head.modseq != commit->if_modseq) {
		if (silent && view->state->head.modseq >= head->modseq)
			hide_own(view, commit, by);
		else if (view->state->head.modseq < head->modseq)
			view_refresh_begin(view);
		return;
	}
	mailbox_delta_init(&delta);
	mailbox_state_committed(view->state, commit, head, &delta);
	view_note(view, &delta, silent ? by : NULL);
	mailbox_delta_done(&delta);
	if (head->keywords > view->keywords.n)
		view_refresh_begin(view); /* for their names */
	view_fold_consider(view);
	view_cache_consider(view);
	view_tell(view);
}
