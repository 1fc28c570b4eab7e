/*
 * A session's trace (trace.h). What is said is collected and written by a job, one at a time; the trace outlives its
 * session until the last piece is written.
 */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "account_ctx.h"
#include "base/clock.h"
#include "engine.h"
#include "imapd.h"
#include "loop/timer.h"
#include "suite/trace_file.h"
#include "trace_mask.h"

#define SESSION_MAX  (10U << 20) /* bytes of one session */
#define PENDING_MAX  (512 * 1024)
#define PENDING_MANY (16 * 1024) /* written at once */
#define DELAY_MS     1000
#define FULL         "---- the trace of this session is full\n"

struct trace {
	struct job job;
	struct imapd *imapd;
	struct session *session; /* NULL: it is over */
	struct account_ctx *account;
	struct trace_file file;
	struct trace_mask in, out;
	struct timer *timer;
	struct buf pending, writing;
	uint32_t pieces;
	uint64_t bytes;
	bool begun, at_work;
	enum fault fault;
	struct why why;
};

/* ---- writing ---- */

static void run_write(struct job *job, void *worker)
{
	struct trace *trace = container_of(job, struct trace, job);

	(void)worker;
	trace->fault = trace_file_add(&trace->file, trace->account->key, trace->pieces,
	                              buf_slice(&trace->writing), &trace->why);
}

static void trace_free(struct trace *trace)
{
	trace_mask_done(&trace->in);
	trace_mask_done(&trace->out);
	buf_done(&trace->pending);
	buf_done(&trace->writing);
	timer_free(trace->timer);
	account_ctx_unref(trace->account);
	free(trace);
}

static void detach(struct trace *trace)
{
	struct session *s = trace->session;

	if (!s)
		return;
	s->trace = NULL;
	conn_tap(s->conn, NULL, NULL);
	trace->session = NULL;
	timer_stop(trace->timer);
}

static void write_pending(struct trace *trace);

static void on_written(struct job *job)
{
	struct trace *trace = container_of(job, struct trace, job);

	trace->at_work = false;
	trace->pieces++;
	buf_done(&trace->writing);
	if (trace->fault) {
		log_fault(NULL, trace->fault, &trace->why, "a trace could not be written");
		buf_done(&trace->pending);
		detach(trace);
	}
	write_pending(trace);
}

static void on_dropped(struct job *job)
{
	struct trace *trace = container_of(job, struct trace, job);

	trace->at_work = false;
	buf_done(&trace->writing);
	buf_done(&trace->pending);
	write_pending(trace);
}

/* And frees a trace that is over and written. */
static void write_pending(struct trace *trace)
{
	if (trace->at_work)
		return;
	if (!trace->pending.len) {
		if (!trace->session)
			trace_free(trace);
		return;
	}
	trace->writing = trace->pending;
	buf_init(&trace->pending, PENDING_MAX);
	trace->job = (struct job){ .run = run_write, .done = on_written, .drop = on_dropped };
	trace->at_work = true;
	if (!job_start(trace->imapd->daemon->pool, &trace->job))
		on_dropped(&trace->job);
}

static void on_timer(void *arg)
{
	write_pending(arg);
}

/* ---- hearing ---- */

static void clock_text(char out[32], char who)
{
	int64_t now = clock_now();
	time_t seconds = now / 1000;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(out, 32, "%02d:%02d:%02d.%03d %c: ", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now % 1000),
	         who);
}

static bool is_between_commands(const struct session *s)
{
	return !s->assembly && !s->has_held && (!s->cmd || command_wants_line(s->cmd));
}

static void hear(void *arg, bool written, struct slice bytes)
{
	struct trace *trace = arg;
	struct session *s = trace->session;
	size_t before = trace->pending.len;
	char head[32];

	if (s->account->trace_until <= clock_now()) {
		trace_end(s);
		return;
	}
	if (!trace->begun && !is_between_commands(s))
		return;
	trace->begun = true;
	clock_text(head, written ? 'S' : 'C');
	trace_mask_feed(written ? &trace->out : &trace->in, head, bytes, &trace->pending);
	if (trace->out.replied)
		trace_mask_refused(&trace->in, &trace->out);
	trace->out.replied = false;
	trace->bytes += trace->pending.len - before;
	if (trace->pending.overflow || trace->bytes > SESSION_MAX) {
		trace->pending.overflow = false;
		trace->pending.limit += sizeof(FULL);
		buf_adds(&trace->pending, FULL);
		trace_end(s);
	} else if (trace->pending.len > PENDING_MANY) {
		write_pending(trace);
	} else if (!before) {
		timer_start(trace->timer, DELAY_MS);
	}
}

/* ---- beginning and ending ---- */

static void begin(struct session *s)
{
	struct trace *trace = xzalloc(sizeof(*trace));
	struct imapd *imapd = s->imapd;

	trace->imapd = imapd;
	trace->session = s;
	trace->account = account_ctx_ref(s->account);
	trace->file = (struct trace_file){ imapd->trace_dir, s->account->id, id_new() };
	trace_mask_init(&trace->in, true);
	trace_mask_init(&trace->out, false);
	buf_init(&trace->pending, PENDING_MAX);
	trace->timer = timer_new(imapd->daemon->loop, on_timer, trace);
	buf_printf(&trace->pending, "session %s of %s from %s, client \"%s\"\n", s->id, s->account->login,
	           conn_peer_ip(s->conn), s->client_id);
	timer_start(trace->timer, DELAY_MS);
	s->trace = trace;
	conn_tap(s->conn, hear, trace);
	log_line(&s->log, LOG_INFO, "a trace begins", NULL);
}

void trace_end(struct session *s)
{
	struct trace *trace = s->trace;

	if (!trace)
		return;
	detach(trace);
	write_pending(trace);
}

void trace_consider(struct session *s)
{
	bool wanted = s->account && !session_is_closing(s) && s->account->trace_until > clock_now();

	if (wanted && !s->trace)
		begin(s);
	else if (!wanted)
		trace_end(s);
}
