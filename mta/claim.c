/*
 * The claimer (claim.h).
 *
 * One look is under way at a time. It is a job that claims as many entries as
 * there is room for, and asks when the next one is due. What comes meanwhile (a
 * nudge, room) makes another look follow.
 */
#include "claim.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "delivery.h"
#include "destination.h"
#include "loop/timer.h"
#include "store/queue.h"

#define BATCH       64
#define LOOK_MIN_MS 50
#define DEPTH_MS    60000
#define DEPTH_MAX   10000 /* entries counted at most */
#define DEPTH_PAGE  500
#define RENEW_MS    1000

static const struct actor actor = { .kind = ACTOR_QUEUE };

static struct metric metric_depth = {
	.kind = METRIC_GAUGE,
	.name = "posthouse_mta_queue_entries",
	.help = "queue entries, held ones too, counted up to 10000 once a minute",
};
static struct metric metric_active = {
	.kind = METRIC_GAUGE,
	.name = "posthouse_mta_deliveries",
	.help = "queue entries being worked on",
};

struct look {
	struct job job;
	struct claimer *claimer;
	struct arena *arena;
	size_t max;
	bool count; /* count the queue as well */
	/* found */
	struct queue_entry *entries;
	size_t n, depth;
	int64_t next_due; /* 0: none waits */
	enum fault fault;
	struct why why;
};

struct claimer {
	struct mta *mta;
	struct timer *timer, *renewals;
	struct look *looking;
	bool again, starved, stopped;
	int64_t counted_at;
};

/* ---- on the worker ---- */

static enum fault count_queue(struct look *look, struct store *store)
{
	struct queue_query query = { .limit = DEPTH_PAGE };
	size_t n = DEPTH_PAGE, depth = 0;
	enum fault fault = FAULT_NONE;

	while (!fault && n == DEPTH_PAGE && depth < DEPTH_MAX) {
		struct arena *arena = arena_new();
		struct queue_entry *page;

		fault = queue_list(store, &actor, &query, arena, &page, &n, &look->why);
		if (!fault && n)
			query.after = page[n - 1].id;
		depth += fault ? 0 : n;
		arena_free(arena);
	}
	look->depth = depth;
	return fault;
}

static void run(struct job *job, void *worker)
{
	struct look *look = container_of(job, struct look, job);
	struct store *store = look->claimer->mta->daemon->stack->store;

	(void)worker;
	look->fault = queue_claim(store, &actor, clock_now(), mta_conf.lease, look->max, look->arena,
	                          &look->entries, &look->n, &look->why);
	if (!look->fault && look->n < look->max)
		look->fault = queue_next_due(store, &actor, &look->next_due, &look->why);
	if (!look->fault && look->count)
		look->fault = count_queue(look, store);
}

/* ---- on the loop ---- */

static size_t room(const struct mta *mta)
{
	size_t most = (size_t)mta_conf.connections_max * 2;

	return mta->n_deliveries >= most ? 0 : MIN_OF(most - mta->n_deliveries, (size_t)BATCH);
}

static int64_t wait_for(const struct look *look)
{
	int64_t wait = mta_conf.poll;

	if (!look->fault && look->n == look->max)
		wait = 0;
	else if (!look->fault && look->next_due)
		wait = MIN_OF(wait, look->next_due - clock_now());
	return MAX_OF(wait, LOOK_MIN_MS);
}

static void end_look(struct look *look)
{
	look->claimer->looking = NULL;
	arena_free(look->arena);
	free(look);
}

static void on_looked(struct job *job)
{
	struct look *look = container_of(job, struct look, job);
	struct claimer *claimer = look->claimer;
	struct mta *mta = claimer->mta;

	if (look->fault)
		log_fault(NULL, look->fault, &look->why, "the queue cannot be looked at");
	if (look->count && !look->fault) {
		claimer->counted_at = clock_mono_ms();
		metric_set(&metric_depth, (int64_t)look->depth);
	}
	for (size_t i = 0; i < look->n; i++)
		delivery_new(mta, &look->entries[i]);
	metric_set(&metric_active, (int64_t)mta->n_deliveries);
	destinations_tidy(mta);
	if (!claimer->stopped)
		timer_start(claimer->timer, claimer->again ? LOOK_MIN_MS : wait_for(look));
	claimer->again = false;
	end_look(look);
}

/* The process ends: what was claimed comes free when its lease runs out. */
static void on_dropped(struct job *job)
{
	end_look(container_of(job, struct look, job));
}

void claimer_look(struct claimer *claimer)
{
	struct look *look;

	if (claimer->stopped)
		return;
	if (claimer->looking) {
		claimer->again = true;
		return;
	}
	claimer->starved = room(claimer->mta) == 0;
	if (claimer->starved)
		return; /* claimer_room() looks again */
	look = xzalloc(sizeof(*look));
	look->job = (struct job){ .run = run, .done = on_looked, .drop = on_dropped };
	look->claimer = claimer;
	look->arena = arena_new();
	look->max = room(claimer->mta);
	look->count = !claimer->counted_at || clock_mono_ms() - claimer->counted_at > DEPTH_MS;
	claimer->looking = look;
	if (!job_start(claimer->mta->daemon->pool, &look->job)) {
		end_look(look);
		timer_start(claimer->timer, mta_conf.poll);
	}
}

void claimer_room(struct claimer *claimer)
{
	metric_set(&metric_active, (int64_t)claimer->mta->n_deliveries);
	if (claimer->starved)
		claimer_look(claimer);
}

static void on_timer(void *arg)
{
	claimer_look(arg);
}

static void on_renewals(void *arg)
{
	struct claimer *claimer = arg;

	list_each (&claimer->mta->deliveries, node)
		delivery_renew(list_item(node, struct delivery, node));
}

struct claimer *claimer_new(struct mta *mta)
{
	struct claimer *claimer = xzalloc(sizeof(*claimer));

	claimer->mta = mta;
	claimer->timer = timer_new(mta->daemon->loop, on_timer, claimer);
	claimer->renewals = timer_new(mta->daemon->loop, on_renewals, claimer);
	timer_every(claimer->renewals, MIN_OF((int64_t)RENEW_MS, mta_conf.lease / 8));
	return claimer;
}

void claimer_stop(struct claimer *claimer)
{
	claimer->stopped = true;
	timer_stop(claimer->timer);
}

void claimer_free(struct claimer *claimer)
{
	if (!claimer)
		return;
	timer_free(claimer->timer);
	timer_free(claimer->renewals);
	free(claimer);
}
