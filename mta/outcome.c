/*
 * Writing what became of an attempt (outcome.h).
 *
 * Everything is worked out anew at each call, from the entry as it was claimed
 * and the results: a call that failed half-way has changed nothing but reports
 * that are made already, and those are found again.
 */
#include "outcome.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/utf8.h"
#include "bounce.h"
#include "smtp/params.h"
#include "suite/directory.h"
#include "suite/nudge.h"
#include "suite/timeline.h"

static const struct actor actor = { .kind = ACTOR_QUEUE };

#define TEXTS_MAX      (128 * 1024)           /* of all replies in an entry, and of all host names */
#define TEXT_MAX       1000                   /* of one */
#define TEXT_MIN       40                     /* less is not worth keeping */
#define TOLD_MAX       200                    /* recipients in one report: more would not fit one */
#define DELAY_ASKED_MS (INT64_C(4) * 3600000) /* NOTIFY=DELAY, where warnings are off */

enum fate { FATE_NONE, FATE_DELIVERED, FATE_DEFERRED, FATE_FAILED, FATE_EXPIRED, FATES };

#define COUNTER(word)                                                                                        \
	{                                                                                                    \
		.kind = METRIC_COUNTER, .name = "posthouse_mta_recipients_total",                            \
		.labels = "fate=\"" word "\"", .help = "recipients by what an attempt came to"               \
	}
static struct metric fate_metrics[FATES] = {
	[FATE_NONE] = COUNTER("untried"),      [FATE_DELIVERED] = COUNTER("delivered"),
	[FATE_DEFERRED] = COUNTER("deferred"), [FATE_FAILED] = COUNTER("failed"),
	[FATE_EXPIRED] = COUNTER("expired"),
};
static struct metric metric_attempts = { .kind = METRIC_COUNTER,
	                                 .name = "posthouse_mta_attempts_total",
	                                 .help = "attempts to deliver a queue entry" };

static const char *const fate_texts[FATES] = {
	[FATE_DELIVERED] = "message delivered",
	[FATE_DEFERRED] = "message deferred",
	[FATE_FAILED] = "message failed",
	[FATE_EXPIRED] = "message failed: it was tried long enough",
};

struct writing {
	const struct outcome *outcome;
	struct arena *arena;
	struct envelope_out envelope; /* as it will be */
	struct outgoing_recipient *recipients;
	enum fate *fates;
	bool *by_host;
	int64_t now, due; /* due: of the next attempt */
};

/* ---- working it out ---- */

static const char *text_or(const char *text, const char *other)
{
	return text ? text : other;
}

/* What hosts say is kept, but never so much that the entry does not fit its record any more. */
static const char *kept(const struct writing *w, const char *text)
{
	size_t room = MIN_OF(TEXTS_MAX / w->envelope.n, (size_t)TEXT_MAX);

	if (!text || room < TEXT_MIN)
		return "";
	return strlen(text) <= room ? text : arena_strz(w->arena, utf8_cut(slice_str(text), room));
}

static void apply_result(struct writing *w, size_t i, bool expired)
{
	const struct result *result = &w->outcome->results[i];
	struct outgoing_recipient *rcpt = &w->recipients[i];

	if (rcpt->state != RCPT_WAITING || result->verdict == VERDICT_NONE)
		return;
	rcpt->reply = kept(w, result->reply);
	rcpt->status = text_or(result->status, "");
	rcpt->host = kept(w, result->host);
	rcpt->at = w->now;
	w->by_host[i] = result->by_host;
	if (result->verdict == VERDICT_DELIVERED) {
		rcpt->state = RCPT_DELIVERED;
		w->fates[i] = FATE_DELIVERED;
	} else if (result->verdict == VERDICT_FAILED) {
		rcpt->state = RCPT_FAILED;
		w->fates[i] = FATE_FAILED;
	} else {
		rcpt->state = expired ? RCPT_FAILED : RCPT_WAITING;
		w->fates[i] = expired ? FATE_EXPIRED : FATE_DEFERRED;
	}
}

static void apply_results(struct writing *w)
{
	const struct envelope_out *before = w->outcome->envelope;
	const size_t n = before->n;

	w->envelope = *before;
	w->recipients = arena_array(w->arena, struct outgoing_recipient, n + 1);
	w->fates = arena_array(w->arena, enum fate, n + 1);
	w->by_host = arena_array(w->arena, bool, n + 1);
	w->envelope.recipients = w->recipients;
	for (size_t i = 0; i < n; i++) {
		w->recipients[i] = before->recipients[i];
		apply_result(w, i, w->now >= before->expires);
	}
}

/* ---- reports ---- */

/* The attempt that crosses the line is the one that warns: so once, without having to remember it. */
static bool is_late(const struct writing *w, size_t i)
{
	const struct outcome *outcome = w->outcome;
	const bool asked = w->recipients[i].notify & SMTP_NOTIFY_DELAY;
	int64_t wait = outcome->delay_warning ? outcome->delay_warning : asked ? DELAY_ASKED_MS : 0;
	int64_t line = outcome->envelope->accepted + wait;

	return wait && w->now >= line && outcome->envelope->recipients[i].at < line;
}

static bool is_told(const struct writing *w, size_t i, enum bounce_kind kind)
{
	const struct result *result = &w->outcome->results[i];

	switch (kind) {
	case BOUNCE_FAILED:
		return w->fates[i] == FATE_FAILED || w->fates[i] == FATE_EXPIRED;
	case BOUNCE_DELAYED:
		return w->fates[i] == FATE_DEFERRED && is_late(w, i);
	case BOUNCE_DELIVERED:
		return w->fates[i] == FATE_DELIVERED && result->local;
	case BOUNCE_RELAYED:
		return w->fates[i] == FATE_DELIVERED && result->relayed;
	default:
		return false;
	}
}

/* A report that can never be made must not keep the outcome from being written: then the log has it. */
static enum fault put_report(const struct writing *w, const struct bounce *bounce, struct why *why)
{
	enum fault fault = bounce_put(bounce, why);

	if (!fault || (fault_row(fault)->transient && fault != FAULT_CORRUPT))
		return fault;
	log_fault(w->outcome->log, fault, why, "a report to the sender could not be made");
	return FAULT_NONE;
}

static enum fault tell(const struct writing *w, enum bounce_kind kind, struct why *why)
{
	const struct outcome *outcome = w->outcome;
	const struct outgoing_recipient *told[TOLD_MAX];
	bool by_host[TOLD_MAX];
	struct bounce bounce = {
		.kind = kind,
		.stack = outcome->stack,
		.entry = outcome->entry,
		.envelope = &w->envelope,
		.recipients = told,
		.by_host = by_host,
		.postmaster = outcome->postmaster,
		.return_max = outcome->bounce_size,
		.now = w->now,
	};
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < w->envelope.n && !fault; i++) {
		if (!is_told(w, i, kind) || !bounce_wanted(kind, &w->envelope, &w->recipients[i]))
			continue;
		by_host[bounce.n] = w->by_host[i];
		told[bounce.n++] = &w->recipients[i];
		if (bounce.n < TOLD_MAX)
			continue;
		fault = put_report(w, &bounce, why);
		bounce.n = 0;
	}
	return bounce.n && !fault ? put_report(w, &bounce, why) : fault;
}

static enum fault tell_all(const struct writing *w, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (int kind = 0; kind < BOUNCE_KINDS && !fault; kind++)
		fault = tell(w, (enum bounce_kind)kind, why);
	return fault;
}

/* ---- the entry ---- */

static bool all_final(const struct writing *w)
{
	for (size_t i = 0; i < w->envelope.n; i++) {
		if (w->recipients[i].state == RCPT_WAITING)
			return false;
	}
	return true;
}

static enum fault finish(const struct outcome *outcome, struct queue_outcome *queue, struct why *why)
{
	enum fault fault;

	queue->id = outcome->entry->id;
	queue->fence = outcome->entry->fence;
	fault = queue_finish(outcome->stack->store, &actor, queue, why);
	if (!fault)
		nudge_outbox(outcome->stack, &outcome->entry->account);
	return fault;
}

static enum fault seal(const struct writing *w, struct slice *ret, struct why *why)
{
	struct account_public key;
	uint8_t generation;
	enum fault fault = queue_public_key(w->outcome->stack, &key, &generation, why);

	if (!fault)
		*ret = envelope_seal(&w->envelope, &key, w->arena);
	return fault;
}

static enum fault finish_attempt(struct writing *w, struct why *why)
{
	const struct outcome *outcome = w->outcome;
	struct queue_outcome queue = {
		.remove = all_final(w),
		.attempts = outcome->entry->attempts + 1,
		.due = retry_due(outcome->retry, outcome->entry->attempts + 1, w->now, w->envelope.expires),
	};
	enum fault fault = queue.remove ? FAULT_NONE : seal(w, &queue.state, why);

	w->due = queue.due;
	return fault ? fault : finish(outcome, &queue, why);
}

/* One line a recipient; nothing of an address but its domain, which the context has. No host's words: they often name
 * the recipient, and `posthouse queue list` shows them. */
static void log_fates(const struct writing *w)
{
	const struct outcome *outcome = w->outcome;

	metric_inc(&metric_attempts);
	for (size_t i = 0; i < w->envelope.n; i++) {
		const struct outgoing_recipient *rcpt = &w->recipients[i];

		if (w->fates[i] == FATE_NONE)
			continue;
		metric_inc(&fate_metrics[w->fates[i]]);
		log_line(outcome->log, LOG_INFO, fate_texts[w->fates[i]], "status", rcpt->status, "host",
		         rcpt->host[0] ? rcpt->host : NULL, "attempt", log_num(outcome->entry->attempts + 1),
		         "tls", outcome->tls && outcome->tls[0] ? outcome->tls : NULL, "tls_verified",
		         outcome->tls && outcome->tls[0] ? (outcome->tls_verified ? "yes" : "no") : NULL,
		         NULL);
	}
}

/* ---- the timeline ---- */

static enum timeline_kind kind_of(const struct writing *w, size_t i)
{
	switch (w->fates[i]) {
	case FATE_DELIVERED:
		return w->outcome->results[i].local ? TIMELINE_FILED : TIMELINE_DELIVERED;
	case FATE_DEFERRED:
		return TIMELINE_DEFERRED;
	default:
		return bounce_wanted(BOUNCE_FAILED, &w->envelope, &w->recipients[i]) ? TIMELINE_BOUNCED
		                                                                     : TIMELINE_FAILED;
	}
}

/* A report goes under the trace of the message that it is about. */
static const char *text_of(const struct writing *w, const char *reply)
{
	return w->envelope.is_dsn ? arena_printf(w->arena, "the report on this message: %s", reply) : reply;
}

static void note_fates(const struct writing *w)
{
	struct timeline_event *events = arena_array(w->arena, struct timeline_event, w->envelope.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < w->envelope.n; i++) {
		const struct outgoing_recipient *rcpt = &w->recipients[i];

		if (w->fates[i] == FATE_NONE)
			continue;
		events[n++] = (struct timeline_event){
			.kind = kind_of(w, i),
			.address = rcpt->address,
			.where = text_or(w->outcome->results[i].mailbox, rcpt->host),
			.status = rcpt->status,
			.text = text_of(w, rcpt->reply),
			.next = w->fates[i] == FATE_DEFERRED ? w->due : 0,
		};
	}
	timeline_note(w->outcome->timeline, w->envelope.trace, w->now, events, n);
}

/* One whose envelope does not open has no trace: then the queue alone shows it. */
static void note_held(const struct outcome *outcome)
{
	const struct envelope_out *envelope = outcome->envelope;

	for (size_t i = 0; i < envelope->n; i++) {
		const struct timeline_event event = { .kind = TIMELINE_HELD,
			                              .address = envelope->recipients[i].address,
			                              .text = outcome->why_held };

		if (envelope->recipients[i].state == RCPT_WAITING)
			timeline_note(outcome->timeline, envelope->trace, 0, &event, 1);
	}
}

static enum fault write_attempt(const struct outcome *outcome, struct arena *arena, struct why *why)
{
	struct writing w = { .outcome = outcome, .arena = arena, .now = clock_now() };
	enum fault fault;

	apply_results(&w);
	fault = tell_all(&w, why);
	if (!fault)
		fault = finish_attempt(&w, why);
	if (!fault) {
		log_fates(&w);
		note_fates(&w);
	}
	secret_wipe(&w.envelope.key, sizeof(w.envelope.key));
	return fault;
}

enum fault outcome_write(const struct outcome *outcome, struct why *why)
{
	struct queue_outcome queue = {
		.status = outcome->kind == OUTCOME_HOLD ? QUEUE_HELD : QUEUE_WAITING,
		.remove = outcome->kind == OUTCOME_REMOVE,
		.due = outcome->due,
		.attempts = outcome->entry->attempts,
		.state = outcome->entry->state,
	};
	struct arena *arena;
	enum fault fault;

	if (outcome->kind != OUTCOME_ATTEMPT) {
		fault = finish(outcome, &queue, why);
		if (!fault && outcome->kind == OUTCOME_HOLD)
			note_held(outcome);
		return fault;
	}
	arena = arena_new();
	fault = write_attempt(outcome, arena, why);
	arena_free(arena);
	return fault;
}
