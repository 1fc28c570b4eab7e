#ifndef SHARED_LOOP_JOB_H
#define SHARED_LOOP_JOB_H
/*
 * Work off the loop: `run` on a worker thread, blocking and straight down;
 * `done` back on the loop. A request embeds its struct job:
 *
 *   struct accept { struct job job; struct session *session; ... };
 *
 * Ownership  The job carries its request over and back: from job_start() until
 *            done or drop is called, nobody else touches what `run` uses.
 * Order      Jobs start in order of job_start() while workers are free; jobs
 *            with the same non-zero `lane` never run at the same time and keep their order.
 * Dropping   job_drop() before it ran or while it runs: `drop` is called on the
 *            loop instead of `done`, once `run` is over or was never begun.
 */
#include <stdbool.h>
#include "base/list.h"

struct loop;
struct pool;
struct metric;

struct job {
	void (*run)(struct job *, void *worker); /* worker: what worker_new() gave this thread */
	void (*done)(struct job *);
	void (*drop)(struct job *);
	uint64_t lane;
	/* the pool's own */
	struct list node;
	struct pool *pool;
	int state;
	bool dropped;
};

struct pool_conf {
	const char *name; /* thread name */
	unsigned threads;
	unsigned queue_max;             /* jobs that may wait */
	void *(*worker_new)(void *arg); /* on the worker thread, at its start; NULL: no worker object */
	void (*worker_free)(void *worker);
	void *arg;
};

struct pool *pool_new(struct loop *, const struct pool_conf *);
/* Waits for the jobs that run; jobs that wait are dropped. */
void pool_free(struct pool *);

/* False when queue_max wait already: answer FAULT_TEMP to the peer. Nothing was started then. */
bool job_start(struct pool *, struct job *);
void job_drop(struct job *); /* see above; a job that is not under way: nothing */
unsigned pool_waiting(const struct pool *);

#endif
