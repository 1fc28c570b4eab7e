#ifndef SHARED_LOOP_LOOP_INTERNAL_H
#define SHARED_LOOP_LOOP_INTERNAL_H
/* What the files of loop/ share about the loop; nobody else includes this. */
#include <pthread.h>
#include <uv.h>
#include "base/list.h"
#include "loop/loop.h"

#define READ_SIZE (64 * 1024)

struct loop {
	uv_loop_t uv;
	uv_async_t wake;  /* posts from other threads */
	uv_idle_t idle;   /* runs while `later` is not empty */
	uv_timer_t grace; /* after loop_stop() */
	struct list later;
	struct list conns; /* open connections, aborted when the grace is over */
	pthread_mutex_t lock;
	struct list posts; /* under `lock` */
	unsigned users;    /* open connections and jobs under way: what a stop waits for */
	bool running, stopping;
	int64_t grace_ms;
	char read[READ_SIZE]; /* every connection reads through this one buffer */
};

static inline void list_take_all(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

/* A thing to do before the loop next waits, but not from inside the present call. */
struct later {
	struct list node;
	void (*run)(struct later *);
};

void later_init(struct later *, void (*run)(struct later *));
void later_ask(struct loop *, struct later *); /* asking twice is asking once */
void later_cancel(struct later *);

void loop_user_add(struct loop *);
void loop_user_del(struct loop *);

#endif
