/* Timers over libuv's: unreferenced, so that none keeps a loop running. */
#include "loop/timer.h"

#include <stdlib.h>

#include "base/arena.h"
#include "loop/loop_internal.h"

struct timer {
	uv_timer_t uv;
	void (*on_timer)(void *arg);
	void *arg;
};

struct timer *timer_new(struct loop *loop, void (*on_timer)(void *arg), void *arg)
{
	struct timer *timer = xzalloc(sizeof(*timer));

	timer->on_timer = on_timer;
	timer->arg = arg;
	uv_timer_init(&loop->uv, &timer->uv);
	uv_unref((uv_handle_t *)&timer->uv);
	timer->uv.data = timer;
	return timer;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void timer_free(struct timer *timer)
{
	if (timer)
		uv_close((uv_handle_t *)&timer->uv, on_closed);
}

static void on_fire(uv_timer_t *uv)
{
	struct timer *timer = uv->data;

	timer->on_timer(timer->arg);
}

void timer_start(struct timer *timer, int64_t ms)
{
	uv_timer_start(&timer->uv, on_fire, (uint64_t)MAX_OF(ms, 0), 0);
}

void timer_every(struct timer *timer, int64_t ms)
{
	uint64_t period = (uint64_t)MAX_OF(ms, 1);

	uv_timer_start(&timer->uv, on_fire, period, period);
}

void timer_stop(struct timer *timer)
{
	uv_timer_stop(&timer->uv);
}
