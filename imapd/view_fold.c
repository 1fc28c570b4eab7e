/* Folding a view's mailbox (store/mailbox.h), as a job: one at a time and view, and some time after it was wanted, so
 * that not every process folds the same mailbox at once. */
#include "view_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/metrics.h"

#define FOLD_DELAY_MS 10000 /* at most */

struct view_fold {
	struct job job;
	struct view *view;
	struct stack *stack;
	struct account_ctx *account;
	struct id mailbox;
	enum fault fault;
	struct why why;
};

static struct metric folds_total = { .name = "posthouse_imapd_folds_total",
	                             .help = "mailbox logs folded into pages" };
void view_fold_consider(struct view *view)
{
	if (view->fold_at || view->fold || !mailbox_wants_fold(&view->state->head))
		return;
	view->fold_at = loop_now(view->views->conf.loop) + rand_below(FOLD_DELAY_MS) + 1;
}

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
	view_refresh_begin(fold->view); /* to learn where the log begins now */
	end_fold(fold);
}

void view_fold_begin(struct view *view)
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
