#ifndef SHARED_BUS_BUS_H
#define SHARED_BUS_BUS_H
/*
 * The bus carries nudges: "look at the store" (P2). It may lose, double and
 * reorder them, and everything still works, later. Nothing readable travels on it: ids and numbers only.
 *
 * Publishing never blocks and never fails the caller: past `queue_max` waiting
 * nudges the oldest are dropped and counted. Publish only after the commit it speaks of.
 *
 * Backends: Unix datagram sockets in the run directory ("local"), RabbitMQ
 * ("amqp": one thread owns the connection, publisher confirms, reconnects with jitter).
 */
#include "base/fault.h"
#include "base/rand.h"
#include "bus/topics.h"
#include "loop/loop.h"

struct bus;

struct bus_conf {
	const char *backend;  /* "local", "amqp" */
	const char *run_dir;  /* local: sockets live in run_dir/bus */
	const char *amqp_uri; /* amqp://user:pass@host:port/vhost, amqps://… with amqp_ca_file */
	const char *amqp_ca_file;
	const char *node;     /* this process, unique, for logs and queue names */
	unsigned queue_max;   /* 0: 10,000 */
	unsigned heartbeat_s; /* amqp; 0: 10 */
};

/* Starts at once; a broker that is away is not a fault: it is tried again until it is there. CONFIG, DENIED. */
MUST_CHECK enum fault bus_new(struct loop *, const struct bus_conf *, struct bus **ret, struct why *);
/* On the loop's thread, before loop_free(). Gives what waits half a second to leave. NULL accepted. */
void bus_free(struct bus *);

/* From any thread. Delivered to every subscriber of the topic in every process, our own process included. */
void bus_publish(struct bus *, const struct nudge *);
/* `on_nudge` on the loop. One subscriber a topic and process; before loop_run(). */
void bus_subscribe(struct bus *, enum topic, void (*on_nudge)(void *arg, const struct nudge *), void *arg);
/* `on_up` on the loop whenever the bus came (back) up: look at the store for what was missed. Before loop_run(). */
void bus_on_up(struct bus *, void (*on_up)(void *arg), void *arg);
bool bus_is_up(const struct bus *);
/* Why it is not up, for /readyz and doctor; empty when it is. */
void bus_why(struct bus *, struct why *ret);

#endif
