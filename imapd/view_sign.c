/*
 * Signing the mail of a view that has no search signature, or an old one, where a search has met it (setting search_index): a few
 * messages at a time, while somebody has the mailbox open, one mailbox a process, and at rest four times as long as at work.
 * What is done is kept with the messages, so that it goes on wherever it ended.
 */
#include "batch.h"
#include "signatures.h"
#include "suite/signature.h"
#include "view_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#define BATCH    32
#define DELAY_MS 2000
#define RESTS    4

struct view_sign {
	struct job job;
	struct view *view;
	struct stack *stack;
	struct account_ctx *account;
	struct arena *arena;
	struct batch batch;
	size_t made;
	int64_t worked; /* ms */
	enum fault fault;
	struct why why;
};

static struct metric signed_total = { .name = "posthouse_imapd_search_signed_total",
	                              .help = "messages that were given a search signature late" };
static bool at_work; /* the loop's */

void view_sign_consider(struct view *view)
{
	uint32_t uid;

	if (!*view->views->conf.search_index || view->account->actor.kind != ACTOR_OWNER || view->sign_at ||
	    view->sign || view->signed_all || !signatures_missing(view->signatures, 0, &uid, 1))
		return;
	view->signed_to = 0;
	view->sign_at = loop_now(view->views->conf.loop) + DELAY_MS;
}

/* ---- on a worker ---- */

static enum fault sign(struct view_sign *sign, struct why *why)
{
	const struct account_ctx *account = sign->account;
	struct batch *batch = &sign->batch;
	struct signature_wanted wanted[BATCH];
	size_t n = 0;
	enum fault fault = batch_load_keys(batch, sign->stack, &account->actor, sign->arena, why);

	if (fault)
		return fault;
	for (size_t i = 0; i < batch->n; i++)
		if (!batch->items[i].gone)
			wanted[n++] = (struct signature_wanted){ .content = batch->items[i].content,
				                                 .key = batch->items[i].key };
	/* another process may have been here */
	fault = signatures_load(sign->stack, &account->actor, account->key, wanted, n, sign->arena, why);
	return fault
	           ? fault
	           : signatures_make(sign->stack, &account->actor, account->key, wanted, n, &sign->made, why);
}

static void run_sign(struct job *job, void *worker)
{
	struct view_sign *work = container_of(job, struct view_sign, job);
	const int64_t start = clock_mono_ms();

	(void)worker;
	work->fault = sign(work, &work->why);
	work->worked = clock_mono_ms() - start;
}

/* ---- back on the loop ---- */

static void end_sign(struct view_sign *sign)
{
	struct view *view = sign->view;

	view->sign = NULL;
	at_work = false;
	account_ctx_unref(sign->account);
	arena_free(sign->arena);
	free(sign);
	view_put(view);
}

static void on_sign_dropped(struct job *job)
{
	end_sign(container_of(job, struct view_sign, job));
}

static void on_signed(struct job *job)
{
	struct view_sign *sign = container_of(job, struct view_sign, job);
	struct view *view = sign->view;

	if (sign->fault) {
		log_fault(NULL, sign->fault, &sign->why, "mail could not be signed for searches");
	} else {
		metric_add(&signed_total, (int64_t)sign->made);
		view->signed_some |= sign->made > 0;
		view->sign_at = loop_now(view->views->conf.loop) + MAX_OF(sign->worked * RESTS, 1);
	}
	end_sign(sign);
}

/* The messages behind the last ones; none: all are done, and the next search asks for what they have now. */
static bool take_some(struct view *view, struct view_sign *sign)
{
	uint32_t uids[BATCH];
	const size_t n = signatures_missing(view->signatures, view->signed_to, uids, BATCH);

	sign->batch.items = arena_array(sign->arena, struct batch_item, BATCH);
	for (size_t i = 0; i < n; i++) {
		const int64_t at = mailbox_state_find(view->state, uids[i]);

		if (at >= 0)
			batch_take(&sign->batch.items[sign->batch.n++], view->state, (uint32_t)at);
		view->signed_to = uids[i];
	}
	return n > 0;
}

static void all_done(struct view *view)
{
	if (view->signed_some)
		signatures_ask_again(view->signatures);
	else
		view->signed_all = true; /* what is left does not open */
	view->signed_some = false;
}

void view_sign_begin(struct view *view)
{
	const struct views_conf *conf = &view->views->conf;
	struct view_sign *sign;

	if (at_work || view->sign)
		return; /* at the next tick */
	view->sign_at = 0;
	if (view->gone || list_empty(&view->sessions) || !*conf->search_index)
		return; /* the next search asks for it again */
	sign = xzalloc(sizeof(*sign));
	*sign = (struct view_sign){
		.job = { .run = run_sign, .done = on_signed, .drop = on_sign_dropped },
		.view = view,
		.stack = conf->stack,
		.account = account_ctx_ref(view->account),
		.arena = arena_new(),
		.batch.mailbox = view->mailbox,
	};
	view_hold(view);
	view->sign = sign;
	at_work = true;
	if (!take_some(view, sign)) {
		all_done(view);
		end_sign(sign);
	} else if (!job_start(conf->pool, &sign->job)) {
		end_sign(sign);
	}
}
