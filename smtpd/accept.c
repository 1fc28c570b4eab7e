/*
 * From the final dot to the answer (accept.h).
 *
 * On the loop: what the text itself rules out; then, for mail from outside, the judgement of the sender (judge.h);
 * for submissions, the From address. Then deliver_run() on a worker, and the reply. A message is answered once, and the
 * transaction ends with the answer.
 */
#include "accept.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "deliver.h"
#include "judge.h"
#include "mail/address_list.h"
#include "mail/header.h"
#include "route.h"
#include "suite/timeline.h"

#define FROM_MAX 100 /* addresses in From */

struct accept {
	struct job job;
	struct session *session;
	struct arena *arena; /* the job's: freed with the answer */
	struct deliver deliver;
	struct timeline *timeline;
	bool check_from;          /* submission: the worker looks whether From is the account's own */
	const char *foreign_from; /* it is not: this address */
	int64_t started;
	enum fault fault;
	struct why why;
};

static struct metric metric_accepted = { .kind = METRIC_COUNTER,
	                                 .name = "posthouse_smtpd_accepted_total",
	                                 .help = "messages accepted" };
static struct metric metric_junk = { .kind = METRIC_COUNTER,
	                             .name = "posthouse_smtpd_junk_total",
	                             .help = "messages filed as junk" };
static struct metric metric_refused = { .kind = METRIC_COUNTER,
	                                .name = "posthouse_smtpd_refused_total",
	                                .help = "messages refused after their end" };
static struct metric metric_time = {
	.kind = METRIC_HISTOGRAM,
	.name = "posthouse_smtpd_accept_seconds",
	.help = "from the final dot to the answer",
};

/* ---- the end ---- */

static void end_transaction(struct session *s)
{
	transaction_free(s->smtpd, s->tx);
	s->tx = NULL;
	session_enter(s, ST_READY);
}

static void note_refused(struct timeline *timeline, const struct transaction *tx, const char *status,
                         const char *text)
{
	const struct timeline_event event = {
		.kind = TIMELINE_REFUSED, .address = tx->from_text, .status = status, .text = text
	};

	timeline_note(timeline, id_print(&tx->trace).text, 0, &event, 1);
}

static void refuse(struct session *s, int code, const char *status, const char *text)
{
	struct id_text trace = id_print(&s->tx->trace);

	note_refused(s->smtpd->timeline, s->tx, status, text);
	metric_inc(&metric_refused);
	log_line(&s->log, LOG_INFO, "message refused", "trace", trace.text, "status", status, "why", text,
	         NULL);
	end_transaction(s);
	reply(s, code, status, "%s", text);
}

static void refuse_fault(struct session *s, enum fault fault, const struct why *why)
{
	metric_inc(&metric_refused);
	end_transaction(s);
	reply_fault(s, fault, why, "the message was not accepted");
}

static void say_accepted(struct session *s, const struct accept *accept)
{
	struct id_text trace = id_print(&s->tx->trace);
	const struct deliver *deliver = &accept->deliver;

	metric_inc(&metric_accepted);
	metric_observe(&metric_time, (double)(clock_mono_ms() - accept->started) / 1000);
	if (deliver->junk)
		metric_inc(&metric_junk);
	log_line(&s->log, LOG_INFO, "message accepted", "trace", trace.text, "size",
	         log_num((int64_t)s->tx->message.len), "filed", log_num((int64_t)deliver->filed), "queued",
	         log_num((int64_t)deliver->queued), "junk", deliver->junk, "ms",
	         log_num(clock_mono_ms() - accept->started), NULL);
	end_transaction(s);
	reply(s, 250, "2.0.0", "Accepted as %s", trace.text);
}

static void on_delivered(struct job *job)
{
	struct accept *accept = container_of(job, struct accept, job);
	struct session *s = accept->session;
	struct arena *arena = accept->arena;

	if (session_resume(s)) {
		if (accept->foreign_from)
			refuse(s, 550, "5.7.1",
			       arena_printf(arena, "From: <%s> is no address of %s", accept->foreign_from,
			                    s->login));
		else if (accept->fault)
			refuse_fault(s, accept->fault, &accept->why);
		else
			say_accepted(s, accept);
		session_read(s);
	}
	arena_free(arena);
}

/* ---- the worker's part ---- */

/* Submission: every person in From is the one who logged in. A message without From passes: it names nobody. */
static enum fault look_at_from(struct accept *accept, struct why *why)
{
	const struct address_entry *entry;
	struct header_field field;
	struct address_list list;
	enum fault fault = FAULT_NONE;
	bool own = true;

	if (!header_find(buf_slice(&accept->deliver.tx->message), "From", &field))
		return FAULT_NONE;
	address_list_parse(accept->arena, field.value, FROM_MAX, &list);
	for (uint32_t i = 0; !fault && own && (entry = address_list_mailbox(&list, i)); i++) {
		const struct address address = { .local = entry->local, .domain = entry->domain };

		fault = route_may_send_as(accept->deliver.stack, &accept->deliver.sender.account, &address,
		                          accept->arena, &own, why);
		if (!fault && !own)
			accept->foreign_from =
			    arena_strz(accept->arena, address_text(accept->arena, &address));
	}
	if (!fault && own && list.cut)
		accept->foreign_from = "more than can be looked at";
	return fault;
}

/* Here and not with the answer: a client that has gone does not undo what was done. With the time of the final dot:
 * mta may have news of what was queued before we are through. */
static void note_outcome(const struct accept *accept)
{
	const struct deliver *deliver = &accept->deliver;
	const struct timeline_event accepted = {
		.kind = TIMELINE_ACCEPTED,
		.address = deliver->tx->from_text,
		.where = arena_strz(accept->arena, deliver->received.client_ip),
	};
	struct id_text trace = id_print(&deliver->tx->trace);
	int64_t at = deliver->received.time_ms;

	if (!accept->fault)
		timeline_note(accept->timeline, trace.text, at, &accepted, 1);
	timeline_note(accept->timeline, trace.text, at, deliver->events, deliver->n_events);
	if (accept->fault)
		note_refused(accept->timeline, deliver->tx, fault_row(accept->fault)->smtp_esc,
		             accept->why.text);
}

static void run(struct job *job, void *worker)
{
	struct accept *accept = container_of(job, struct accept, job);

	(void)worker;
	if (accept->check_from)
		accept->fault = look_at_from(accept, &accept->why);
	if (!accept->fault && !accept->foreign_from)
		accept->fault = deliver_run(&accept->deliver, accept->arena, &accept->why);
	if (!accept->foreign_from)
		note_outcome(accept);
}

static void start_delivery(struct accept *accept)
{
	struct session *s = accept->session;

	accept->job = (struct job){ .run = run, .done = on_delivered, .drop = on_delivered };
	session_wait(s);
	if (job_start(s->smtpd->daemon->pool, &accept->job))
		return;
	s->busy--;
	refuse(s, 451, "4.3.2", "Too busy, try again");
	arena_free(accept->arena);
}

/* ---- judging ---- */

/* The session may have ended meanwhile: the judgement is let run out, since it holds the message. */
static void on_dropped(void *arg)
{
	struct accept *accept = arg;

	(void)session_resume(accept->session);
	arena_free(accept->arena);
}

static void on_judged(void *arg, const struct judgement *judgement)
{
	struct accept *accept = arg;
	struct session *s = accept->session;

	if (!session_resume(s)) {
		arena_free(accept->arena);
		return;
	}
	accept->deliver.results = judgement->headers;
	if (judgement->verdict == JUDGE_REJECT || judgement->verdict == JUDGE_TEMP) {
		bool for_good = judgement->verdict == JUDGE_REJECT;

		refuse(s, for_good ? 550 : 451, for_good ? "5.7.1" : "4.7.1", judgement->why);
		arena_free(accept->arena);
	} else {
		if (judgement->verdict == JUDGE_JUNK)
			accept->deliver.junk = judgement->why;
		start_delivery(accept);
	}
	session_read(s);
}

static void start_judging(struct accept *accept)
{
	static const struct judge_handler handler = { .on_judged = on_judged, .on_dropped = on_dropped };
	struct session *s = accept->session;
	const struct judge_request request = {
		.client_ip = arena_strdup(accept->arena, conn_peer_ip(s->conn)),
		.helo = s->helo,
		.mail_from = slice_str(s->tx->from_text),
		.message = buf_slice(&s->tx->message),
		.pool = s->smtpd->daemon->pool,
		.arena = accept->arena,
	};

	session_wait(s);
	judge_start(s->smtpd->judge, &request, &handler, accept);
}

/* ---- the beginning ---- */

static void find_forged(struct session *s, struct accept *accept)
{
	struct byte_range *drop;

	accept->deliver.n_drop = auth_results_forged(buf_slice(&s->tx->message),
	                                             s->smtpd->daemon->suite->hostname, accept->arena, &drop);
	accept->deliver.drop = drop;
}

static void describe_way(struct session *s, struct accept *accept)
{
	struct conn_tls_info tls;
	struct received *received = &accept->deliver.received;

	*received = (struct received){
		.helo = slice_str(s->helo),
		.client_ip = slice_str(arena_strdup(accept->arena, conn_peer_ip(s->conn))),
		.client_name = s->client_name[0] ? slice_str(s->client_name) : slice_of(NULL, 0),
		.by = slice_str(s->smtpd->daemon->suite->hostname),
		.esmtp = s->esmtp,
		.auth = s->login != NULL,
		.utf8 = s->tx->params.smtputf8,
		.id = slice_str(arena_strdup(accept->arena, id_print(&s->tx->trace).text)),
		.time_ms = clock_now(),
	};
	if (conn_tls_info(s->conn, &tls)) {
		received->tls = true;
		received->tls_info = slice_str(arena_printf(accept->arena, "%s %s", tls.version, tls.cipher));
	}
}

/* What needs no look at anything else; true: refused. */
static bool refused_at_once(struct session *s)
{
	const struct transaction *tx = s->tx;

	if (tx->too_big)
		refuse(s, 552, "5.3.4", "The message is too large");
	else if (tx->no_memory)
		refuse(s, 452, "4.3.1", "Too many messages at once, try again");
	else if (tx->data.bare_cr || tx->data.bare_lf)
		refuse(s, 550, "5.6.11", "A line ends in a bare CR or LF; lines end in CRLF");
	else if (s->login && header_count(buf_slice(&tx->message), "From") > 1)
		refuse(s, 550, "5.6.0", "A message has one From");
	else if (header_count(buf_slice(&tx->message), "Received") > (size_t)smtpd_conf.hops_max)
		refuse(s, 554, "5.4.6", "Too many hops: the message goes in a circle");
	else
		return false;
	return true;
}

void accept_message(struct session *s)
{
	struct arena *arena;
	struct accept *accept;

	if (refused_at_once(s))
		return;
	arena = arena_new();
	accept = arena_make(arena, struct accept);
	accept->session = s;
	accept->arena = arena;
	accept->started = clock_mono_ms();
	accept->timeline = s->smtpd->timeline;
	accept->deliver = (struct deliver){
		.stack = s->smtpd->daemon->stack,
		.usage = s->smtpd->usage,
		.tx = s->tx,
		.hostname = s->smtpd->daemon->suite->hostname,
		.submission = s->login != NULL,
		.queue_lifetime = smtpd_conf.queue_lifetime,
	};
	describe_way(s, accept);
	find_forged(s, accept);
	if (s->login) {
		accept->deliver.sender = s->account;
		accept->check_from = true;
		start_delivery(accept);
	} else {
		start_judging(accept);
	}
}
