#ifndef IMAPD_TURN_H
#define IMAPD_TURN_H
/*
 * An account's jobs at workers: so many at once (commands_per_account, half of the workers at most), the others wait,
 * those that came first go first. A command with many batches takes a turn for each of them, so it is overtaken by
 * whoever waits, and one whose client does not read holds none. Loop only.
 */
#include "loop/job.h"

struct account_ctx;

struct turn {
	struct account_ctx *account; /* who holds the turn holds a reference */
	struct pool *pool;
	struct job *job;
	void (*refused)(struct turn *); /* it waited, and then the pool was full; it is idle again */
	/* turn.c's own */
	struct list node;
	int state;
};

/* Starts the job, or lets it wait; false: the pool is full, nothing was started. */
bool turn_start(struct turn *);
/* Its job is back: the next one's turn. An idle turn: nothing. */
void turn_over(struct turn *);
/* Whoever waits leaves the queue; false: it did not wait. */
bool turn_leave(struct turn *);

#endif
