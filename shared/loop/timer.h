#ifndef SHARED_LOOP_TIMER_H
#define SHARED_LOOP_TIMER_H
/* Timers. A timer does not keep the loop running. Starting one that runs restarts it. */
#include "loop/loop.h"

struct timer;

struct timer *timer_new(struct loop *, void (*on_timer)(void *arg), void *arg);
void timer_free(struct timer *); /* NULL accepted; allowed inside its own callback */
void timer_start(struct timer *, int64_t ms);
void timer_every(struct timer *, int64_t ms);
void timer_stop(struct timer *);

#endif
