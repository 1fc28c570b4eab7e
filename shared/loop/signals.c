/* Signals, as libuv brings them to the loop. */
#include "loop/signals.h"

#include <signal.h>
#include <stdlib.h>

#include "base/arena.h"
#include "loop/loop_internal.h"

enum { SIG_TERM, SIG_INT, SIG_HUP, SIG_COUNT };

static const int numbers[SIG_COUNT] = { SIGTERM, SIGINT, SIGHUP };

struct signals {
	uv_signal_t uv[SIG_COUNT];
	void (*on_stop)(void *arg);
	void (*on_reload)(void *arg);
	void *arg;
	bool stopping;
	int open;
};

/* Whoever asks twice does not want to wait: we die of the signal itself, as our parent then sees. */
static void die_of(int number)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };

	sigaction(number, &plain, NULL);
	raise(number);
}

static void on_signal(uv_signal_t *uv, int number)
{
	struct signals *signals = uv->data;

	if (number == SIGHUP) {
		if (signals->on_reload)
			signals->on_reload(signals->arg);
		return;
	}
	if (signals->stopping)
		die_of(number);
	signals->stopping = true;
	signals->on_stop(signals->arg);
}

struct signals *signals_new(struct loop *loop, void (*on_stop)(void *arg), void (*on_reload)(void *arg),
                            void *arg)
{
	struct signals *signals = xzalloc(sizeof(*signals));

	signals->on_stop = on_stop;
	signals->on_reload = on_reload;
	signals->arg = arg;
	for (int i = 0; i < SIG_COUNT; i++) {
		uv_signal_init(&loop->uv, &signals->uv[i]);
		uv_unref((uv_handle_t *)&signals->uv[i]);
		signals->uv[i].data = signals;
		uv_signal_start(&signals->uv[i], on_signal, numbers[i]);
	}
	signals->open = SIG_COUNT;
	return signals;
}

static void on_closed(uv_handle_t *handle)
{
	struct signals *signals = handle->data;

	if (--signals->open == 0)
		free(signals);
}

void signals_free(struct signals *signals)
{
	if (!signals)
		return;
	for (int i = 0; i < SIG_COUNT; i++)
		uv_close((uv_handle_t *)&signals->uv[i], on_closed);
}
