#ifndef TESTS_CONTRACT_BUS_MEMBER_H
#define TESTS_CONTRACT_BUS_MEMBER_H
/* A process's share of the bus, as the cases in this folder see it, and their small tools. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/clock.h"
#include "bus/bus.h"
#include "fault_proxy.h"

#define PATIENCE_MS 20000 /* for what must happen */
#define PUBLISH_MS  500   /* one bus_publish() on a loaded machine under TSan; blocking would be seconds */
#define ALL_TOPICS  (BIT(TOPIC_COUNT) - 1)

struct backend {
	const char *name;
	struct bus_conf conf;
	struct fault_proxy *proxy; /* amqp only */
	char uri[160];
};

/* A loop on a thread of its own, and what came on it. */
struct member {
	struct loop *loop;
	struct bus *bus;
	pthread_t thread;
	bool running;
	char node[32];
	_Atomic unsigned got[TOPIC_COUNT], ups;
	pthread_mutex_t lock;
	struct nudge last[TOPIC_COUNT];
	void (*also)(struct member *, const struct nudge *); /* on_nudge, too */
};

struct member *new_member(const struct backend *, unsigned topics, unsigned queue_max);
struct member *new_member_as(const struct backend *, const char *node, unsigned topics, unsigned queue_max);
void run(struct member *);                                            /* its loop, from now on */
struct member *start_member(const struct backend *, unsigned topics); /* new, running and up */
void free_member(struct member *);

bool wait_for(_Atomic unsigned *what, unsigned at_least);
bool wait_up(struct member *, bool up);
uint64_t last_number(struct member *, enum topic);
void nap(int ms);

int64_t publish_timed(struct member *, enum topic, uint64_t number); /* how long it took, in ms */
void publish_many(struct member *, enum topic, unsigned n);          /* numbers 0 to n-1, each quickly */
long metric_of(const char *line);                                    /* "name{labels}" */

/* A second process, which answers queue.due with account.changed until it is ended. */
pid_t spawn_echo(const struct backend *);
int run_echo(char **words); /* what it does */
void wait_for_echo(struct member *);
void end_child(pid_t);

/* That texts which are no nudges are counted and passed over. */
typedef void raw_send(const struct backend *, const struct member *to, const char *text, size_t len);
void check_malformed(const struct backend *, raw_send *);

extern const struct CMUnitTest every_cases[], local_cases[], amqp_cases[], amqps_cases[];
extern const size_t n_every_cases, n_local_cases, n_amqp_cases, n_amqps_cases;

#endif
