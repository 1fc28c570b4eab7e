/*
 * The event loop: a libuv loop that runs until it is told to stop, not until
 * it has nothing to do.
 *
 * Invariants
 *   1. `users` counts open connections and jobs under way; timers, listeners
 *      and signals are not users, and a stop does not wait for them.
 *   2. `later` holds what must happen before the loop next waits: the idle
 *      handle runs exactly while it is not empty, and keeps epoll from blocking.
 */
#include "loop/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#include "base/arena.h"
#include "loop/conn_internal.h"
#include "loop/loop_internal.h"

struct post {
	struct list node;
	void (*run)(void *arg);
	void *arg;
};

static void run_posts(struct loop *loop)
{
	struct list batch;

	pthread_mutex_lock(&loop->lock);
	list_take_all(&loop->posts, &batch);
	pthread_mutex_unlock(&loop->lock);
	while (!list_empty(&batch)) {
		struct post *post = list_item(batch.next, struct post, node);

		list_del(&post->node);
		post->run(post->arg);
		free(post);
	}
}

static void on_wake(uv_async_t *wake)
{
	run_posts(wake->data);
}

/* One round: what asks again while it runs waits for the next, so that sockets are looked at in between. */
static void on_idle(uv_idle_t *idle)
{
	struct loop *loop = idle->data;
	struct list round;

	list_take_all(&loop->later, &round);
	while (!list_empty(&round)) {
		struct later *later = list_item(round.next, struct later, node);

		list_del(&later->node);
		later->run(later);
	}
	if (list_empty(&loop->later))
		uv_idle_stop(idle);
}

void later_init(struct later *later, void (*run)(struct later *))
{
	list_init(&later->node);
	later->run = run;
}

void later_ask(struct loop *loop, struct later *later)
{
	if (!list_empty(&later->node))
		return;
	list_add_tail(&loop->later, &later->node);
	uv_idle_start(&loop->idle, on_idle);
}

void later_cancel(struct later *later)
{
	list_del(&later->node);
}

struct loop *loop_new(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct loop *loop = xzalloc(sizeof(*loop));
	int failed = uv_loop_init(&loop->uv);

	failed |= uv_async_init(&loop->uv, &loop->wake, on_wake);
	failed |= uv_idle_init(&loop->uv, &loop->idle);
	failed |= uv_timer_init(&loop->uv, &loop->grace);
	if (failed)
		abort();                   /* no descriptors left at start: nothing could be served */
	sigaction(SIGPIPE, &ignore, NULL); /* writing to a peer that is gone is an error, not the end */
	loop->wake.data = loop->idle.data = loop->grace.data = loop;
	list_init(&loop->later);
	list_init(&loop->conns);
	list_init(&loop->posts);
	pthread_mutex_init(&loop->lock, NULL);
	return loop;
}

static void abort_conns(struct loop *loop)
{
	while (!list_empty(&loop->conns)) {
		list_each (&loop->conns, node)
			conn_abort(list_item(node, struct conn, node));
		uv_run(&loop->uv, UV_RUN_ONCE);
	}
}

void loop_free(struct loop *loop)
{
	int busy;

	if (!loop)
		return;
	abort_conns(loop);
	run_posts(loop);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->idle, NULL);
	uv_close((uv_handle_t *)&loop->grace, NULL);
	/* closing one thing may close another: a few rounds end it */
	for (int rounds = 0; rounds < 16 && uv_run(&loop->uv, UV_RUN_NOWAIT); rounds++)
		;
	busy = uv_loop_close(&loop->uv);
	assert(!busy && "a timer, listener, pool or signals outlived its loop");
	(void)busy;
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

static void on_grace_over(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void stop_when_empty(struct loop *loop)
{
	if (loop->users == 0)
		uv_stop(&loop->uv);
	else
		uv_timer_start(&loop->grace, on_grace_over, (uint64_t)MAX_OF(loop->grace_ms, 0), 0);
}

void loop_run(struct loop *loop, int64_t grace_ms)
{
	loop->grace_ms = grace_ms;
	loop->running = true;
	if (loop->stopping)
		stop_when_empty(loop);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_timer_stop(&loop->grace);
	abort_conns(loop);
	run_posts(loop);
	loop->running = loop->stopping = false; /* one stop ends one run */
}

void loop_step(struct loop *loop, int64_t ms)
{
	if (ms <= 0) {
		uv_run(&loop->uv, UV_RUN_NOWAIT);
		return;
	}
	uv_update_time(&loop->uv);
	/* on a busy machine it may be due before uv_run() waits at all: a stop keeps that from waiting for ever */
	uv_timer_start(&loop->grace, on_grace_over, (uint64_t)ms, 0);
	uv_run(&loop->uv, UV_RUN_ONCE);
	uv_timer_stop(&loop->grace);
}

void loop_stop(struct loop *loop)
{
	if (loop->stopping)
		return;
	loop->stopping = true;
	if (loop->running)
		stop_when_empty(loop);
}

bool loop_stopping(const struct loop *loop)
{
	return loop->stopping;
}

int64_t loop_now(const struct loop *loop)
{
	return (int64_t)uv_now(&loop->uv);
}

void loop_post(struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct post *post = xmalloc(sizeof(*post));

	post->run = run;
	post->arg = arg;
	pthread_mutex_lock(&loop->lock);
	list_add_tail(&loop->posts, &post->node);
	pthread_mutex_unlock(&loop->lock);
	uv_async_send(&loop->wake);
}

void loop_user_add(struct loop *loop)
{
	loop->users++;
}

void loop_user_del(struct loop *loop)
{
	loop->users--;
	if (loop->stopping && loop->users == 0)
		uv_stop(&loop->uv);
}
