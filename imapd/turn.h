#ifndef IMAPD_TURN_H
#define IMAPD_TURN_H
/*
 * An account's jobs at workers: so many at once (commands_per_account, half of the workers at most), the others wait,
 * those that came first go first. They are the batches of its commands, so that one with many is overtaken by whoever waits,
 * and one whose client does not read holds none; the looks at its mailboxes, whoever has them open (view_look.c); and
 * what NOTIFY (watch.h) and visits to others' mailboxes (guest_check.h) look at. Loop only.
 *
 * A turn lasts as long as its job is with a worker, which waits for nothing that needs a turn: nobody waits for ever.
 */
#include "loop/job.h"

struct account_ctx;

struct turn {
	struct account_ctx *account; /* who holds the turn holds a reference */
	struct pool *pool;
	struct job *job;
	/* It waited, and then the pool was full, or the process ends; it is idle again. From on_job callbacks only: never inside
	 * a call of somebody who starts or leaves a turn. */
	void (*refused)(struct turn *);
	/* turn.c's own */
	struct list node;
	int state;
};

/* Starts the job, or lets it wait; false: the pool is full, nothing was started. */
bool turn_start(struct turn *);
/* Its job is back: the next one's turn. An idle turn: nothing. */
void turn_over(struct turn *);
bool turn_waits(const struct turn *);
/* Whoever waits leaves the queue; false: it did not wait. */
bool turn_leave(struct turn *);

#endif
