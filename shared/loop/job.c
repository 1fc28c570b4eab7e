/*
 * Jobs on worker threads.
 *
 * Invariants (the pool's lock guards `waiting`, `finished`, the lanes that run, and every job's state)
 *   1. A job is in `waiting`, or with one worker, or in `finished`, or idle.
 *   2. A worker sleeps only when no job that waits may start. Ending a job of a
 *      lane frees that lane only, and the same worker looks again: nobody else
 *      needs waking for it. The one that fell asleep last is woken first: its
 *      caches are warm, and a pool that is larger than its load costs nothing.
 *   3. `dropped` and the callbacks belong to the loop's thread.
 */
#include "loop/job.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/arena.h"
#include "loop/loop_internal.h"

enum { JOB_IDLE, JOB_WAITING, JOB_RUNNING, JOB_FINISHED };

struct worker {
	struct pool *pool;
	pthread_t thread;
	pthread_cond_t wake;
	struct list node; /* in `asleep` */
	bool asleep;
	uint64_t lane; /* of the job it runs */
};

struct pool {
	struct loop *loop;
	struct pool_conf conf;
	char name[16];
	uv_async_t done; /* something is in `finished` */
	pthread_mutex_t lock;
	struct list waiting, finished, asleep;
	unsigned n_waiting, n_running;
	bool closing;
	struct worker workers[];
};

static bool lane_runs(const struct pool *pool, uint64_t lane)
{
	if (!lane)
		return false;
	for (unsigned i = 0; i < pool->conf.threads; i++)
		if (pool->workers[i].lane == lane)
			return true;
	return false;
}

/* The oldest job that may start. Nearly always the first; a walk is bounded by queue_max. */
static struct job *next_job(struct pool *pool)
{
	list_each (&pool->waiting, node) {
		struct job *job = list_item(node, struct job, node);

		if (!lane_runs(pool, job->lane))
			return job;
	}
	return NULL;
}

static void fall_asleep(struct worker *worker)
{
	struct pool *pool = worker->pool;

	worker->asleep = true;
	list_add_head(&pool->asleep, &worker->node);
	while (worker->asleep)
		pthread_cond_wait(&worker->wake, &pool->lock);
}

/* Takes a sleeper out of the list; who calls signals it, best without the lock that it will want. */
static struct worker *pick_sleeper(struct pool *pool)
{
	struct worker *worker;

	if (list_empty(&pool->asleep))
		return NULL;
	worker = list_item(pool->asleep.next, struct worker, node);
	list_del(&worker->node);
	worker->asleep = false;
	return worker;
}

static struct job *take_job(struct worker *worker)
{
	struct pool *pool = worker->pool;
	struct job *job = NULL;

	pthread_mutex_lock(&pool->lock);
	while (!pool->closing && !(job = next_job(pool)))
		fall_asleep(worker);
	if (job) {
		list_del(&job->node);
		job->state = JOB_RUNNING;
		worker->lane = job->lane;
		pool->n_waiting--;
		pool->n_running++;
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

/* True: the loop is to be told, best without the lock that it will want. */
static bool finish(struct pool *pool, struct job *job)
{
	bool first = list_empty(&pool->finished);

	job->state = JOB_FINISHED;
	list_add_tail(&pool->finished, &job->node);
	return first;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct pool *pool = worker->pool;
	void *own = pool->conf.worker_new ? pool->conf.worker_new(pool->conf.arg) : NULL;
	struct job *job;
	bool tell;

	while ((job = take_job(worker))) {
		job->run(job, own);
		pthread_mutex_lock(&pool->lock);
		worker->lane = 0;
		pool->n_running--;
		tell = finish(pool, job);
		pthread_mutex_unlock(&pool->lock);
		if (tell)
			uv_async_send(&pool->done);
	}
	if (pool->conf.worker_free && own)
		pool->conf.worker_free(own);
	return NULL;
}

/* Gives every finished job back. The request may be freed or started again by its callback. */
static void deliver(struct pool *pool)
{
	struct list batch;

	pthread_mutex_lock(&pool->lock);
	list_take_all(&pool->finished, &batch);
	pthread_mutex_unlock(&pool->lock);
	while (!list_empty(&batch)) {
		struct job *job = list_item(batch.next, struct job, node);

		list_del(&job->node);
		job->state = JOB_IDLE;
		job->pool = NULL;
		if (job->dropped)
			job->drop(job);
		else
			job->done(job);
		loop_user_del(pool->loop);
	}
}

static void on_done(uv_async_t *async)
{
	deliver(async->data);
}

/* Signals are the main thread's: a worker never takes one. */
static void start_workers(struct pool *pool)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < pool->conf.threads; i++) {
		pool->workers[i].pool = pool;
		pthread_cond_init(&pool->workers[i].wake, NULL);
		if (pthread_create(&pool->workers[i].thread, NULL, work, &pool->workers[i]))
			abort(); /* at start only: there is no serving without workers */
		pthread_setname_np(pool->workers[i].thread, pool->name);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct pool *pool_new(struct loop *loop, const struct pool_conf *conf)
{
	struct pool *pool = xzalloc(sizeof(*pool) + conf->threads * sizeof(pool->workers[0]));
	struct slice name = slice_first(slice_str(conf->name), sizeof(pool->name) - 1);

	assert(conf->threads > 0);
	pool->loop = loop;
	pool->conf = *conf;
	if (name.len)
		memcpy(pool->name, name.data, name.len);
	list_init(&pool->waiting);
	list_init(&pool->finished);
	list_init(&pool->asleep);
	pthread_mutex_init(&pool->lock, NULL);
	uv_async_init(&loop->uv, &pool->done, on_done);
	uv_unref((uv_handle_t *)&pool->done);
	pool->done.data = pool;
	start_workers(pool);
	return pool;
}

bool job_start(struct pool *pool, struct job *job)
{
	struct worker *sleeper = NULL;
	bool room;

	assert(job->state == JOB_IDLE);
	pthread_mutex_lock(&pool->lock);
	/* a job that an idle worker is about to take does not wait */
	room =
	    !pool->closing && pool->n_waiting < pool->conf.queue_max + (pool->conf.threads - pool->n_running);
	if (room) {
		job->pool = pool;
		job->dropped = false;
		job->state = JOB_WAITING;
		list_add_tail(&pool->waiting, &job->node);
		pool->n_waiting++;
		sleeper = pick_sleeper(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	if (sleeper)
		pthread_cond_signal(&sleeper->wake);
	if (room)
		loop_user_add(pool->loop);
	return room;
}

void job_drop(struct job *job)
{
	struct pool *pool = job->pool;
	bool tell = false;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	if (job->state != JOB_IDLE)
		job->dropped = true;
	if (job->state == JOB_WAITING) {
		list_del(&job->node);
		pool->n_waiting--;
		tell = finish(pool, job);
	}
	pthread_mutex_unlock(&pool->lock);
	if (tell)
		uv_async_send(&pool->done);
}

unsigned pool_waiting(const struct pool *pool)
{
	struct pool *locked = (struct pool *)pool;
	unsigned waiting;

	pthread_mutex_lock(&locked->lock);
	waiting = locked->n_waiting;
	pthread_mutex_unlock(&locked->lock);
	return waiting;
}

static void on_closed(uv_handle_t *handle)
{
	struct pool *pool = handle->data;

	for (unsigned i = 0; i < pool->conf.threads; i++)
		pthread_cond_destroy(&pool->workers[i].wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void pool_free(struct pool *pool)
{
	struct worker *sleeper;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	while (!list_empty(&pool->waiting)) {
		struct job *job = list_item(pool->waiting.next, struct job, node);

		list_del(&job->node);
		job->dropped = true;
		(void)finish(pool, job); /* delivered below */
	}
	pool->n_waiting = 0;
	while ((sleeper = pick_sleeper(pool)))
		pthread_cond_signal(&sleeper->wake);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->conf.threads; i++)
		pthread_join(pool->workers[i].thread, NULL);
	deliver(pool);
	uv_close((uv_handle_t *)&pool->done, on_closed);
}
