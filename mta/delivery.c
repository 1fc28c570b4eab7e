/* A claimed entry from claim to report (delivery.h). */
#include "delivery.h"

#include <assert.h>

#include "base/clock.h"
#include "claim.h"
#include "destination.h"
#include "local.h"
#include "loop/timer.h"
#include "send.h"
#include "store/record.h"

#define MISSING_MS     3600000 /* an entry without content that is older was never accepted */
#define MISSING_DUE_MS 5000
#define BUSY_DUE_MS    5000  /* our own pool is full */
#define STORE_DUE_MS   30000 /* store or object store is away */
#define WAIT_FIRST_MS  500   /* before a report is tried again; doubles */
#define WAIT_MAX_MS    10000

static const struct actor actor = { .kind = ACTOR_QUEUE };

/* ---- its end ---- */

static void really_free(struct delivery *d)
{
	assert(!d->working && !d->renewing && !d->client && !d->routing);
	timer_free(d->timer);
	letter_unref(d->letter);
	secret_wipe(&d->envelope.key, sizeof(d->envelope.key));
	arena_free(d->arena);
}

static void end(struct delivery *d)
{
	struct mta *mta = d->mta;

	assert(!d->ended);
	d->ended = true;
	list_del(&d->node);
	list_add_tail(&mta->ended, &d->node);
	mta->n_deliveries--;
	destination_leave(d);
	timer_start(mta->undertaker, 0);
	claimer_room(mta->claimer);
}

void deliveries_bury(struct mta *mta)
{
	list_each (&mta->ended, node) {
		struct delivery *d = list_item(node, struct delivery, node);

		if (d->renewing)
			continue;
		list_del(&d->node);
		really_free(d);
	}
}

/* ---- jobs ---- */

bool delivery_work(struct delivery *d, void (*run)(struct job *, void *), void (*done)(struct job *))
{
	assert(!d->working);
	d->job = (struct job){ .run = run, .done = done, .drop = done, .lane = d->job.lane };
	d->fault = FAULT_NONE;
	d->working = job_start(d->mta->daemon->pool, &d->job);
	return d->working;
}

static void renew(struct job *job, void *worker)
{
	struct delivery *d = container_of(job, struct delivery, renewal);
	struct why why;

	(void)worker;
	d->renewed_until = clock_mono_ms() + mta_conf.lease;
	d->renew_fault = queue_renew(d->mta->daemon->stack->store, &actor, &d->entry.id, d->entry.fence,
	                             clock_now() + mta_conf.lease, &why);
}

static void on_renewed(struct job *job)
{
	struct delivery *d = container_of(job, struct delivery, renewal);

	d->renewing = false;
	if (d->ended) {
		timer_start(d->mta->undertaker, 0);
		return;
	}
	if (!d->renew_fault)
		d->lease_until = d->renewed_until;
	d->lost = d->renew_fault == FAULT_STALE;
	/* somebody else has it now: what is not yet with a host had better not get there from here as well */
	if (d->lost && (d->phase == PHASE_WAIT || d->phase == PHASE_ROUTE || d->phase == PHASE_CONNECT))
		delivery_report(d);
}

void delivery_renew(struct delivery *d)
{
	if (d->renewing || d->lost || d->phase == PHASE_REPORT ||
	    d->lease_until - clock_mono_ms() > mta_conf.lease / 2)
		return;
	d->renewing = job_start(d->mta->daemon->pool, &d->renewal);
}

/* ---- the report ---- */

static void write_report(struct delivery *d);

static void on_report_timer(void *arg)
{
	write_report(arg);
}

/* The store is away: the outcome is too dear to lose while nobody else may have the entry. */
static void report_later(struct delivery *d)
{
	d->report_wait = d->report_wait ? MIN_OF(d->report_wait * 2, (int64_t)WAIT_MAX_MS) : WAIT_FIRST_MS;
	if (!d->timer)
		d->timer = timer_new(d->mta->daemon->loop, on_report_timer, d);
	timer_start(d->timer, rand_jitter(d->report_wait));
}

static void report_run(struct job *job, void *worker)
{
	struct delivery *d = container_of(job, struct delivery, job);

	(void)worker;
	d->fault = outcome_write(&d->outcome, &d->why);
}

static void on_written(struct job *job)
{
	struct delivery *d = container_of(job, struct delivery, job);

	d->working = false;
	if (!d->fault) {
		end(d);
	} else if (!fault_row(d->fault)->transient && d->outcome.kind != OUTCOME_HOLD) {
		/* trying again would send the message again, and come to the same */
		log_fault(&d->log, d->fault, &d->why, "an outcome cannot be written: the message is held");
		d->outcome.kind = OUTCOME_HOLD;
		write_report(d);
	} else if (d->fault != FAULT_STALE && clock_mono_ms() < d->lease_until) {
		report_later(d);
	} else {
		log_fault(&d->log, d->fault, &d->why,
		          "an outcome was not written, the message will be tried again");
		end(d);
	}
}

static void write_report(struct delivery *d)
{
	if (!delivery_work(d, report_run, on_written)) {
		if (clock_mono_ms() < d->lease_until)
			report_later(d);
		else
			end(d);
	}
}

static void report(struct delivery *d, enum outcome_kind kind, int64_t due)
{
	send_cancel(d);
	d->phase = PHASE_REPORT;
	destination_leave(d);
	if (d->lost) {
		log_line(&d->log, LOG_WARN, "the lease was lost, another process has the message", NULL);
		end(d);
		return;
	}
	d->outcome.kind = kind;
	d->outcome.due = due;
	d->outcome.stack = d->mta->daemon->stack;
	d->outcome.timeline = d->mta->timeline;
	d->outcome.why_held = d->why.text;
	d->outcome.entry = &d->entry;
	d->outcome.envelope = &d->envelope;
	d->outcome.results = d->results;
	d->retry = d->mta->retry;
	d->outcome.retry = &d->retry;
	d->outcome.postmaster = d->mta->postmaster;
	d->outcome.delay_warning = mta_conf.delay_warning;
	d->outcome.bounce_size = (size_t)mta_conf.bounce_size;
	d->outcome.log = &d->log;
	write_report(d);
}

void delivery_report(struct delivery *d)
{
	report(d, OUTCOME_ATTEMPT, 0);
}

void delivery_give_back(struct delivery *d, int64_t delay_ms)
{
	report(d, OUTCOME_GIVE_BACK, clock_now() + delay_ms);
}

void delivery_hold(struct delivery *d)
{
	report(d, OUTCOME_HOLD, d->entry.due);
}

void delivery_without_content(struct delivery *d)
{
	if (clock_now() - d->entry.created < MISSING_MS) {
		delivery_give_back(d, MISSING_DUE_MS);
		return;
	}
	log_line(&d->log, LOG_WARN, "an entry without content is dropped: its message was never accepted",
	         NULL);
	report(d, OUTCOME_REMOVE, 0);
}

void delivery_fault(struct delivery *d, const char *what)
{
	if (d->fault == FAULT_NOT_FOUND) {
		delivery_without_content(d);
		return;
	}
	log_fault(&d->log, d->fault, &d->why, what);
	if (d->fault == FAULT_CORRUPT)
		delivery_hold(d);
	else
		delivery_give_back(d, rand_jitter(STORE_DUE_MS));
}

/* ---- opening ---- */

static void open_run(struct job *job, void *worker)
{
	struct delivery *d = container_of(job, struct delivery, job);
	struct arena *scratch = arena_new();
	struct record record;

	(void)worker;
	d->fault = envelope_open(d->mta->queue_key, d->entry.state, d->arena, &d->envelope, &d->why);
	if (!d->fault)
		d->fault = record_get(d->mta->daemon->stack->store, &actor, COLL_CONTENTS,
		                      id_slice(&d->entry.content), false, scratch, &record, &d->why);
	arena_free(scratch);
}

static void local_run(struct job *job, void *worker)
{
	struct delivery *d = container_of(job, struct delivery, job);
	const struct local local = {
		.stack = d->mta->daemon->stack,
		.entry = &d->entry,
		.envelope = &d->envelope,
		.results = d->results,
		.arena = d->arena,
	};

	(void)worker;
	d->fault = local_deliver(&local, &d->why);
}

static void on_filed(struct job *job)
{
	struct delivery *d = container_of(job, struct delivery, job);

	d->working = false;
	if (d->fault)
		delivery_fault(d, "a queued local message cannot be read");
	else
		delivery_report(d);
}

static bool anybody_waits(const struct delivery *d)
{
	for (size_t i = 0; i < d->envelope.n; i++) {
		if (d->envelope.recipients[i].state == RCPT_WAITING)
			return true;
	}
	return false;
}

static void on_opened(struct job *job)
{
	struct delivery *d = container_of(job, struct delivery, job);

	d->working = false;
	if (d->fault) {
		delivery_fault(d, "a queued message cannot be opened");
		return;
	}
	d->results = arena_array(d->arena, struct result, d->envelope.n + 1);
	log_set(&d->log, "trace", d->envelope.trace);
	if (d->mta->draining) {
		delivery_give_back(d, 0);
	} else if (!anybody_waits(d)) {
		delivery_report(d);
	} else if (d->domain[0]) {
		destination_enter(d);
	} else {
		d->phase = PHASE_LOCAL;
		if (!delivery_work(d, local_run, on_filed))
			delivery_give_back(d, BUSY_DUE_MS);
	}
}

static void copy_entry(struct delivery *d, const struct queue_entry *entry)
{
	d->entry = *entry;
	d->domain = arena_strz(d->arena, entry->domain);
	d->entry.domain = slice_str(d->domain);
	d->entry.state = arena_copy(d->arena, entry->state);
	d->id = id_print(&entry->id);
}

void delivery_new(struct mta *mta, const struct queue_entry *entry)
{
	struct arena *arena = arena_new();
	struct delivery *d = arena_make(arena, struct delivery);
	uint64_t lane;

	d->mta = mta;
	d->arena = arena;
	copy_entry(d, entry);
	memcpy(&lane, d->entry.id.raw, sizeof(lane));
	d->job.lane = lane | 1;
	d->renewal = (struct job){ .run = renew, .done = on_renewed, .drop = on_renewed, .lane = lane | 1 };
	d->lease_until = clock_mono_ms() + mta_conf.lease;
	log_set(&d->log, "entry", d->id.text);
	log_set(&d->log, "domain", d->domain[0] ? d->domain : "local");
	list_add_tail(&mta->deliveries, &d->node);
	list_init(&d->waiting);
	mta->n_deliveries++;
	if (!delivery_work(d, open_run, on_opened))
		end(d); /* the lease runs out, and it is claimed again */
}

/* ---- going down ---- */

void delivery_drain(struct delivery *d)
{
	if (d->phase == PHASE_WAIT || d->phase == PHASE_ROUTE || d->phase == PHASE_CONNECT)
		delivery_give_back(d, 0);
}

void deliveries_free(struct mta *mta)
{
	list_each (&mta->deliveries, node) {
		struct delivery *d = list_item(node, struct delivery, node);

		list_del(&d->waiting);
		send_cancel(d);
		list_del(&d->node);
		list_add_tail(&mta->ended, &d->node);
	}
	deliveries_bury(mta);
}
