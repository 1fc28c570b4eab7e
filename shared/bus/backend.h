#ifndef SHARED_BUS_BACKEND_H
#define SHARED_BUS_BACKEND_H
/*
 * What the backends share: one thread each, an outgoing queue that publishers
 * fill, and an inbox that empties on the loop.
 *
 *   publisher --outgoing--> backend thread --wire--> other processes
 *   publisher or backend thread --inbox--> loop --> on_nudge, on_up
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/metrics.h"
#include "bus/bus.h"
#include "bus/nudge_queue.h"

#define BUS_QUEUE_MAX   10000
#define BUS_HEARTBEAT_S 10
#define BUS_FLUSH_MS    500 /* how long bus_free() lets the thread empty the outgoing queue */

struct inbox;

struct bus {
	const struct bus_ops *ops;
	void *backend; /* the backend's own, made by open, freed by close */
	char *node;
	struct inbox *inbox;
	pthread_t thread;
	int wake;                /* eventfd: something changed for the thread */
	_Atomic unsigned wanted; /* BIT(topic) of what is subscribed */
	_Atomic bool up, quit;
	_Atomic int64_t quit_at; /* monotonic ms at which the thread gives up flushing */
	/* under `lock` */
	pthread_mutex_t lock;
	struct nudge_queue outgoing;
	struct why why; /* why it is not up */
};

struct bus_ops {
	const char *name;
	/* Checks and keeps what it needs of the conf. */
	enum fault (*open)(struct bus *, const struct bus_conf *, struct why *why);
	void (*run)(struct bus *);   /* the thread's life, until bus->quit */
	void (*hurry)(struct bus *); /* the thread does not end: break whatever it waits for; may be NULL */
	void (*close)(struct bus *); /* the thread has ended */
};

extern const struct bus_ops bus_local, bus_amqp;

/* For the backends' threads. */
bool bus_take_outgoing(struct bus *, struct nudge *ret);
void bus_return_outgoing(struct bus *,
                         const struct nudge *); /* it was not sent after all: first in line again */
bool bus_has_outgoing(struct bus *);
bool bus_must_end(struct bus *); /* quit, and nothing left to flush or no time for it */
void bus_deliver(struct bus *, const struct nudge *);
void bus_deliver_text(struct bus *, struct slice text); /* parsed; malformed is counted and ignored */
void bus_set_up(struct bus *, bool up);                 /* to up: on_up follows on the loop */
void bus_say_up_again(struct bus *);                    /* something may have been missed */
void bus_set_why(struct bus *, const char *format, ...) PRINTF_LIKE(2, 3);
void bus_drain_wake(struct bus *);
/* Waits for the wake or, when fd >= 0, until `fd` is readable. */
void bus_wait(struct bus *, int fd, int64_t ms);

extern struct metric bus_sent, bus_peer_dropped, bus_blocked;

#endif
