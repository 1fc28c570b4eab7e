/* A session's life (session.h): states, reading, replying, ending. */
#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "smtp/reply.h"
#include "suite/oauth.h"
#include "verbs.h"

#define LINE_MAX_LEN  2048  /* RFC 5321 4.5.3.1.4 says 512, extensions add to it */
#define AUTH_LINE_MAX 16384 /* RFC 4954 4.: 12288 at least */
#define REPLY_MAX     4096

enum deadline { DEADLINE_COMMAND, DEADLINE_DATA, DEADLINE_ACCEPT, DEADLINE_CLOSE };

static const struct state_row {
	const char *doing;
	enum deadline deadline;
	unsigned next; /* bits of the states that may follow */
} states[] = {
	/* clang-format off */
	[ST_GREET]  = { "waiting for EHLO",	 DEADLINE_COMMAND, BIT(ST_READY) | BIT(ST_TLS) | BIT(ST_CLOSE) },
	[ST_READY]  = { "waiting for a command", DEADLINE_COMMAND, BIT(ST_READY) | BIT(ST_AUTH) | BIT(ST_TLS) | BIT(ST_DATA) | BIT(ST_CLOSE) },
	[ST_AUTH]   = { "authenticating",	 DEADLINE_COMMAND, BIT(ST_READY) | BIT(ST_CLOSE) },
	[ST_TLS]    = { "shaking hands",	 DEADLINE_COMMAND, BIT(ST_GREET) | BIT(ST_READY) | BIT(ST_CLOSE) },
	[ST_DATA]   = { "reading DATA",		 DEADLINE_DATA,	   BIT(ST_ACCEPT) | BIT(ST_READY) | BIT(ST_CLOSE) },
	[ST_ACCEPT] = { "storing the message",	 DEADLINE_ACCEPT,  BIT(ST_READY) | BIT(ST_CLOSE) },
	[ST_CLOSE]  = { "closing",		 DEADLINE_CLOSE,   0 },
	/* clang-format on */
};

static struct metric metric_sessions = { .kind = METRIC_GAUGE,
	                                 .name = "posthouse_smtpd_sessions",
	                                 .help = "sessions open now" };
static struct metric metric_opened = { .kind = METRIC_COUNTER,
	                               .name = "posthouse_smtpd_sessions_total",
	                               .help = "sessions opened" };

static int64_t deadline_of(enum deadline deadline)
{
	switch (deadline) {
	case DEADLINE_COMMAND:
		return smtpd_conf.command_timeout;
	case DEADLINE_DATA:
		return smtpd_conf.data_timeout;
	case DEADLINE_ACCEPT:
		return smtpd_conf.accept_timeout;
	default:
		return 10000;
	}
}

void session_enter(struct session *s, enum session_state state)
{
	if (s->state != state && !(states[s->state].next & BIT(state))) {
		log_line(&s->log, LOG_ERROR, "a state may not follow another", "from", states[s->state].doing,
		         "to", states[state].doing, NULL);
		state = ST_CLOSE;
	}
	s->state = state;
	log_set(&s->log, "doing", states[state].doing);
	if (s->conn)
		conn_deadline(s->conn, deadline_of(states[state].deadline));
}

bool session_is_submission(const struct session *s)
{
	return s->service != SERVICE_MX;
}

static bool is_loopback(const char *ip)
{
	return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0;
}

bool session_may_login(const struct session *s)
{
	return session_is_submission(s) && s->conn &&
	       (conn_is_tls(s->conn) || (smtpd_conf.plaintext_login && is_loopback(conn_peer_ip(s->conn))));
}

struct sasl_offer session_sasl_offer(const struct session *s, struct arena *arena)
{
	struct sasl_offer offer = { .tls = session_may_login(s) };
	uint8_t *binding = arena_alloc(arena, SASL_BINDING);

	if (!offer.tls)
		return offer;
	if (smtpd_conf.channel_binding && conn_tls_exporter(s->conn, binding))
		offer.binding = binding;
	offer.n_proven = conn_tls_addresses(s->conn, arena, &offer.proven);
	offer.tokens = oauth_hint(s->smtpd->daemon->oauth);
	return offer;
}

/* ---- replies ---- */

void reply(struct session *s, int code, const char *status, const char *format, ...)
{
	char text[REPLY_MAX];
	struct buf out;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!s->conn || s->state == ST_CLOSE)
		return;
	buf_init(&out, REPLY_MAX * 2);
	smtp_reply_add(&out, code, status, slice_str(text));
	conn_write(s->conn, out.data, out.len);
	buf_done(&out);
	/* what is full or away is no error of the peer's */
	if (code >= 500 && ++s->errors > (unsigned)smtpd_conf.errors_max)
		session_close(s, 421, "4.7.0", "Too many errors");
}

void reply_fault(struct session *s, enum fault fault, const struct why *why, const char *doing)
{
	const struct fault_row *row = fault_row(fault);

	log_fault(&s->log, fault, why, doing);
	reply(s, row->smtp, row->smtp_esc, "%s", row->text);
}

/* ---- ending ---- */

static void forget_ip(struct session *s)
{
	struct map *per_ip = s->smtpd->per_ip;
	struct slice ip = slice_str(s->log.fields[1].value ? s->log.fields[1].value : "");
	uintptr_t n = (uintptr_t)map_get(per_ip, ip);

	if (n <= 1)
		map_del(per_ip, ip);
	else
		map_put(per_ip, ip, (void *)(n - 1));
}

static void free_if_over(struct session *s)
{
	if (s->conn || s->busy)
		return;
	transaction_free(s->smtpd, s->tx);
	auth_drop(s);
	forget_ip(s);
	list_del(&s->node);
	s->smtpd->n_sessions--;
	metric_add(&metric_sessions, -1);
	arena_free(s->arena);
}

static void on_closed(void *owner)
{
	struct session *s = owner;

	s->conn = NULL;
	s->state = ST_CLOSE;
	auth_stop_waiting(s);
	free_if_over(s);
}

void session_close(struct session *s, int code, const char *status, const char *text)
{
	if (s->closing || !s->conn)
		return;
	if (code)
		reply(s, code, status, "%s", text);
	if (s->closing) /* the reply was one error too many, and closed */
		return;
	s->closing = true;
	auth_stop_waiting(s);
	session_enter(s, ST_CLOSE);
	conn_close(s->conn);
}

/* ---- waiting ---- */

void session_wait(struct session *s)
{
	s->busy++;
}

bool session_resume(struct session *s)
{
	s->busy--;
	if (s->conn && !s->closing)
		return true;
	free_if_over(s);
	return false;
}

/* ---- reading ---- */

static void take_line(struct session *s, struct slice line)
{
	if (s->state == ST_AUTH)
		auth_line(s, line);
	else
		verb_dispatch(s, line);
}

void session_read(struct session *s)
{
	while (!s->busy && !s->closing && s->conn) {
		struct slice line;
		enum conn_got got;

		if (s->state == ST_TLS)
			return;
		if (s->state == ST_DATA) {
			data_read(s);
			if (s->state == ST_DATA)
				break;
			continue;
		}
		got = conn_line(s->conn, s->state == ST_AUTH ? AUTH_LINE_MAX : LINE_MAX_LEN, &line);
		if (got == CONN_NONE)
			break;
		conn_deadline(s->conn, deadline_of(states[s->state].deadline));
		if (got == CONN_LONG)
			reply(s, 500, "5.5.2", "Line too long");
		else
			take_line(s, line);
	}
	if (!s->conn || s->closing || s->busy)
		return;
	if (conn_ended(s->conn))
		session_close(s, 0, NULL, NULL);
	else if (s->smtpd->draining && s->state == ST_READY)
		session_close(s, 421, "4.3.2", "Shutting down, try again");
}

static void on_readable(void *owner)
{
	session_read(owner);
}

static void on_tls(void *owner, enum fault fault, const struct why *why)
{
	struct session *s = owner;

	if (fault) {
		log_fault(&s->log, fault, why, "TLS failed");
		session_close(s, 0, NULL, NULL);
		return;
	}
	session_enter(s, ST_GREET);
	if (s->service == SERVICE_SUBMISSIONS)
		reply(s, 220, NULL, "%s ESMTP Posthouse", s->smtpd->daemon->suite->hostname);
	session_read(s);
}

static void on_timeout(void *owner)
{
	struct session *s = owner;

	if (s->state == ST_ACCEPT && s->busy) {
		/* the answer is on its way: a client that gave up now would send the message twice */
		conn_deadline(s->conn, smtpd_conf.accept_timeout);
		return;
	}
	session_close(s, 421, "4.4.2", "Timed out");
}

static const struct conn_handler handler = {
	.on_readable = on_readable, .on_tls = on_tls, .on_timeout = on_timeout, .on_closed = on_closed
};

/* ---- beginning ---- */

/* Why this peer may not come in now; NULL when it may. */
static const char *refusal(struct smtpd *smtpd, const char *ip)
{
	uintptr_t n = (uintptr_t)map_get(smtpd->per_ip, slice_str(ip));

	if (smtpd->draining)
		return "Shutting down, try again";
	if (smtpd->n_sessions >= (size_t)smtpd_conf.sessions_max)
		return "Too many sessions, try again later";
	if (n >= (uintptr_t)smtpd_conf.sessions_per_ip)
		return "Too many sessions from your address";
	return NULL;
}

struct session *session_new(struct smtpd *smtpd, struct conn *conn, enum service service)
{
	struct arena *arena = arena_new();
	struct session *s = arena_make(arena, struct session);
	const struct conn_conf conf = { .input_max = 128 * 1024 };
	const char *ip = arena_strdup(arena, conn_peer_ip(conn)), *refused = refusal(smtpd, ip);
	struct id id = id_new();

	*s = (struct session){
		.smtpd = smtpd, .conn = conn, .service = service, .client_name = "", .arena = arena
	};
	snprintf(s->id, sizeof(s->id), "%.12s", id_print(&id).text);
	log_set(&s->log, "session", s->id);
	log_set(&s->log, "ip", ip);
	list_add_tail(&smtpd->sessions, &s->node);
	smtpd->n_sessions++;
	map_put(smtpd->per_ip, slice_str(ip), (void *)((uintptr_t)map_get(smtpd->per_ip, slice_str(ip)) + 1));
	metric_add(&metric_sessions, 1);
	metric_inc(&metric_opened);
	conn_own(conn, &conf, &handler, s);
	session_enter(s, ST_GREET);
	if (refused) {
		session_close(s, 421, "4.7.0", refused);
	} else if (service == SERVICE_SUBMISSIONS) {
		session_enter(s, ST_TLS);
		conn_begin_tls(conn, smtpd->daemon->tls);
	} else {
		reply(s, 220, NULL, "%s ESMTP Posthouse", smtpd->daemon->suite->hostname);
	}
	return s;
}
