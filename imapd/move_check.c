/* Looking for moves that were cut short (move_check.h). */
#include "move_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "imapd.h"
#include "suite/move.h"

struct move_job {
	struct job job;
	struct imapd *imapd;
	struct moves_result result;
	enum fault fault;
	struct why why;
};

static void run_check(struct job *job, void *worker)
{
	struct move_job *check = container_of(job, struct move_job, job);

	(void)worker;
	check->fault = moves_finish(check->imapd->daemon->stack, clock_now() - MOVE_GRACE_MS, &check->result,
	                            &check->why);
}

static void free_check(struct job *job)
{
	struct move_job *check = container_of(job, struct move_job, job);

	check->imapd->checking_moves = false;
	free(check);
}

static void on_checked(struct job *job)
{
	struct move_job *check = container_of(job, struct move_job, job);
	char moves[24], messages[24];

	snprintf(moves, sizeof(moves), "%" PRIu64, check->result.finished);
	snprintf(messages, sizeof(messages), "%" PRIu64, check->result.messages);
	if (check->result.finished)
		log_line(NULL, LOG_INFO, "moves that were cut short are finished", "moves", moves, "messages",
		         messages, NULL);
	if (check->fault)
		log_fault(NULL, check->fault, &check->why, "a move that was cut short could not be finished");
	free_check(job);
}

void move_check(struct imapd *imapd)
{
	struct move_job *check;

	if (imapd->checking_moves)
		return;
	check = xzalloc(sizeof(*check));
	check->job = (struct job){ .run = run_check, .done = on_checked, .drop = free_check };
	check->imapd = imapd;
	imapd->checking_moves = true;
	if (!job_start(imapd->daemon->pool, &check->job))
		free_check(&check->job); /* the next round comes */
}
