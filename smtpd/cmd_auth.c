/*
 * AUTH (RFC 4954): PLAIN, LOGIN, SCRAM-SHA-256 and its -PLUS, EXTERNAL, OAUTHBEARER and XOAUTH2. The exchange is shared/auth's; here it meets base64, the
 * session and the worker that looks the account up or checks the password.
 */
#include "auth/sasl.h"
#include "base/base64.h"
#include "base/metrics.h"
#include "loop/timer.h"
#include "smtp/command.h"
#include "suite/login.h"
#include "verbs.h"

struct auth {
	struct job job;
	struct timer *timer; /* while the answer is held back after failures; NULL */
	struct session *session;
	struct arena *arena;
	struct sasl *sasl;
	const char *mechanism;
	struct login_check check;
	enum { LOOK_UP, PASSWORD, TOKEN } errand; /* the job's */
	bool refused;                             /* a token was, and the client is being told */
	bool last_sent;                           /* SCRAM: the server's last message is out */
	struct account account;
	uint8_t nobody_salt[SCRAM_SALT]; /* when there is none */
	bool found;
	enum fault fault;
	struct why why;
};

static struct metric metric_good = { .kind = METRIC_COUNTER,
	                             .name = "posthouse_smtpd_logins_total",
	                             .labels = "result=\"good\"",
	                             .help = "logins" };
static struct metric metric_bad = { .kind = METRIC_COUNTER,
	                            .name = "posthouse_smtpd_logins_total",
	                            .labels = "result=\"bad\"",
	                            .help = "logins" };

void auth_drop(struct session *s)
{
	if (!s->auth)
		return;
	timer_free(s->auth->timer);
	arena_free(s->auth->arena);
	s->auth = NULL;
}

void auth_stop_waiting(struct session *s)
{
	if (!s->auth || !s->auth->timer)
		return;
	timer_free(s->auth->timer);
	s->auth->timer = NULL;
	s->busy--;
}

/* ---- the end ---- */

static void finish(struct session *s, int code, const char *status, const char *text)
{
	auth_drop(s);
	session_enter(s, ST_READY);
	reply(s, code, status, "%s", text);
}

static void fail(struct session *s, enum fault fault, const struct why *why)
{
	metric_inc(&metric_bad);
	log_line(&s->log, LOG_WARN, "login failed", "mechanism", s->auth->mechanism, "why", why->text, NULL);
	if (fault == FAULT_AUTH || fault == FAULT_DENIED)
		finish(s, 535, "5.7.8", "Authentication failed");
	else
		finish(s, 454, "4.7.0", "Temporary authentication failure");
}

static void succeed(struct session *s)
{
	struct slice authzid = sasl_authzid(s->auth->sasl);
	struct why why;

	if (authzid.len && !slice_ieq(authzid, slice_str(s->auth->account.login))) {
		fault_set(&why, FAULT_AUTH, "%s may not act as somebody else", s->auth->account.login);
		fail(s, FAULT_AUTH, &why);
		return;
	}
	s->login = arena_strdup(s->arena, s->auth->account.login);
	s->account = (struct outgoing_sender){
		.account = s->auth->account.id,
		.key = s->auth->account.public_key,
		.generation = s->auth->account.generation,
	};
	log_set(&s->log, "user", s->login);
	log_line(&s->log, LOG_INFO, "logged in", "mechanism", s->auth->mechanism, NULL);
	metric_inc(&metric_good);
	finish(s, 235, "2.7.0", "Welcome");
}

/* ---- the worker's part ---- */

static void run(struct job *job, void *worker)
{
	struct auth *auth = container_of(job, struct auth, job);
	struct slice login = sasl_login(auth->sasl);

	(void)worker;
	if (auth->errand == TOKEN) {
		auth->fault = login_token(&auth->check, login, sasl_password(auth->sasl), auth->arena,
		                          &auth->account, &auth->why);
		return;
	}
	if (auth->errand == PASSWORD) {
		auth->fault = login_password(&auth->check, login, sasl_password(auth->sasl), auth->arena,
		                             &auth->account, &auth->why);
		return;
	}
	auth->fault = login_lookup(&auth->check, login, auth->arena, &auth->account, &auth->why);
	auth->found = !auth->fault;
	if (auth->fault == FAULT_AUTH)
		auth->fault = login_nobody(&auth->check, login, auth->arena, auth->nobody_salt, &auth->why);
}

static void step(struct session *s, struct slice response);

static void on_checked(struct job *job)
{
	struct auth *auth = container_of(job, struct auth, job);
	struct session *s = auth->session;

	if (!session_resume(s))
		return;
	if (auth->errand == TOKEN && auth->fault == FAULT_AUTH) {
		auth->refused = true;
		step(s, SLICE(""));
	} else if (auth->fault) {
		fail(s, auth->fault, &auth->why);
	} else if (auth->errand != LOOK_UP) {
		succeed(s);
	} else {
		if (auth->found)
			sasl_user(auth->sasl, &auth->account.password.scram);
		else
			sasl_nobody(auth->sasl, auth->nobody_salt);
		step(s, SLICE(""));
	}
	session_read(s);
}

static void start_job(struct session *s)
{
	session_wait(s);
	if (!job_start(s->smtpd->login_pool, &s->auth->job)) {
		s->busy--;
		finish(s, 454, "4.7.0", "Too busy, try again");
	}
}

static void on_delayed(void *arg)
{
	struct session *s = arg;

	auth_stop_waiting(s);
	start_job(s);
	session_read(s);
}

/* After failures the answer is held back: here on the loop, where it costs nobody else anything. */
static void check_user(struct session *s, int errand)
{
	struct auth *auth = s->auth;
	int64_t delay = login_delay(&auth->check, sasl_login(auth->sasl));

	auth->errand = errand;
	auth->job = (struct job){ .run = run, .done = on_checked, .drop = on_checked };
	if (delay < 0) {
		fault_set(&auth->why, FAULT_AUTH, "too many failures from %s or for this name",
		          auth->check.ip);
		fail(s, FAULT_AUTH, &auth->why);
	} else if (delay == 0) {
		start_job(s);
	} else {
		auth->timer = timer_new(s->smtpd->daemon->loop, on_delayed, s);
		timer_start(auth->timer, delay);
		session_wait(s);
	}
}

/* ---- the exchange ---- */

static void challenge(struct session *s, struct slice text)
{
	struct buf line;

	buf_init(&line, SASL_RESPONSE_MAX * 2);
	base64_encode(&line, text);
	buf_addc(&line, '\0');
	reply(s, 334, NULL, "%s", (const char *)line.data);
	buf_done(&line);
	if (s->state != ST_AUTH && !s->closing)
		session_enter(s, ST_AUTH);
}

static void proved(struct session *s, struct slice last)
{
	struct auth *auth = s->auth;

	auth->fault = login_proved(&auth->check, &auth->account, &auth->why);
	if (auth->fault) {
		fail(s, auth->fault, &auth->why);
	} else if (!last.len) {
		succeed(s);
	} else {
		auth->last_sent = true;
		challenge(s, last);
	}
}

static void step(struct session *s, struct slice response)
{
	struct auth *auth = s->auth;
	struct slice text = { NULL, 0 };

	if (auth->last_sent) {
		succeed(s);
		return;
	}
	switch (sasl_step(auth->sasl, response, &text)) {
	case SASL_CHALLENGE:
		challenge(s, text);
		break;
	case SASL_NEED_USER:
		check_user(s, LOOK_UP);
		break;
	case SASL_CHECK:
		check_user(s, PASSWORD);
		break;
	case SASL_TOKEN:
		check_user(s, TOKEN);
		break;
	case SASL_OK:
		proved(s, text);
		break;
	case SASL_FAILED:
		if (!auth->refused) {
			login_failed(&auth->check, sasl_login(auth->sasl));
			fault_set(&auth->why, FAULT_AUTH, "%s", sasl_error(auth->sasl));
		}
		fail(s, FAULT_AUTH, &auth->why);
		break;
	}
}

static void decode_and_step(struct session *s, struct slice text)
{
	struct buf raw;

	buf_init(&raw, SASL_RESPONSE_MAX);
	if (base64_decode(&raw, text)) {
		/* never {NULL, 0}, which would say that there was no response at all; sasl keeps what it needs */
		step(s, raw.len ? buf_slice(&raw) : SLICE(""));
	} else {
		finish(s, 501, "5.5.2", "Not base64");
	}
	secret_wipe(raw.data, raw.len);
	buf_done(&raw);
}

void auth_line(struct session *s, struct slice line)
{
	if (slice_eq(line, SLICE("*")))
		finish(s, 501, "5.7.0", "Cancelled");
	else
		decode_and_step(s, line);
}

static bool begin(struct session *s, struct slice mechanism)
{
	struct arena *arena = arena_new();
	const struct sasl_offer offer = session_sasl_offer(s, arena);
	struct auth *auth = arena_make(arena, struct auth);

	auth->arena = arena;
	auth->session = s;
	auth->sasl = sasl_new(arena, mechanism, &offer);
	auth->mechanism = arena_strz(arena, mechanism);
	auth->check = (struct login_check){
		.stack = s->smtpd->daemon->stack,
		.cache = s->smtpd->logins,
		.lockout = s->smtpd->lockout,
		.bans = s->smtpd->bans,
		.ip = arena_strdup(arena, conn_peer_ip(s->conn)),
		.oauth = s->smtpd->daemon->oauth,
	};
	s->auth = auth;
	if (auth->sasl)
		return true;
	reply(s, 504, "5.5.4", "Mechanisms: %s", sasl_mechanisms(arena, &offer));
	auth_drop(s);
	return false;
}

void cmd_auth(struct session *s, struct slice args)
{
	struct slice mechanism, initial;
	bool has_initial;

	if (!session_is_submission(s)) {
		reply(s, 503, "5.5.1", "No logins on this port: use submission");
		return;
	}
	if (!session_may_login(s)) {
		reply(s, 538, "5.7.11", "Start TLS first");
		return;
	}
	if (s->login) {
		reply(s, 503, "5.5.1", "Logged in already");
		return;
	}
	if (!smtp_word(&args, &mechanism)) {
		reply(s, 501, "5.5.4", "AUTH mechanism [initial-response]");
		return;
	}
	has_initial = smtp_word(&args, &initial);
	if (!begin(s, mechanism))
		return;
	session_enter(s, ST_AUTH);
	if (!has_initial)
		step(s, slice_of(NULL, 0));
	else if (slice_eq(initial, SLICE("=")))
		step(s, SLICE(""));
	else
		decode_and_step(s, initial);
}
