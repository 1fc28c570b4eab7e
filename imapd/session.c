/*
 * A session's life, and what comes in on its connection (session.h).
 *
 * Input is pulled: lines and literal bytes go into the assembly while no command is under way, and to the command
 * while that reads lines of its own (IDLE, AUTHENTICATE). What a client pipelines stays in the
 * connection's buffer until its turn comes.
 *
 * Deadlines: the whole login has login_timeout; afterwards each step of the client renews idle_timeout.
 */
#include "session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "account_ctx.h"
#include "context.h"
#include "notify.h"
#include "base/metrics.h"
#include "base/rand.h"
#include "engine.h"
#include "imapd.h"
#include "trace.h"
#include "suite/oauth.h"

#define BAD_MAX       20          /* malformed commands in a row */
#define INPUT_EXTRA   (16 * 1024) /* beyond the longest command, for what is pipelined behind it */
#define RESPONSE_LINE 16400       /* longest line that a command reads itself: a SASL response in base64 */

static struct metric sessions_now = { .kind = METRIC_GAUGE,
	                              .name = "posthouse_imapd_sessions",
	                              .help = "sessions under way" };

static const struct state_row {
	const char *doing;
	unsigned next; /* who may follow */
} states[] = {
	/* clang-format off */
	[ST_GREET]    = { "connecting",          BIT(ST_TLS) | BIT(ST_PLAIN) | BIT(ST_CLOSE) },
	[ST_TLS]      = { "TLS handshake",       BIT(ST_PLAIN) | BIT(ST_CLOSE) },
	[ST_PLAIN]    = { "not logged in",       BIT(ST_TLS) | BIT(ST_AUTH) | BIT(ST_CLOSE) },
	[ST_AUTH]     = { "logged in",           BIT(ST_PLAIN) | BIT(ST_SELECTED) | BIT(ST_CLOSE) },
	[ST_SELECTED] = { "in a mailbox",        BIT(ST_AUTH) | BIT(ST_SELECTED) | BIT(ST_CLOSE) },
	[ST_CLOSE]    = { "closing",             0 },
	/* clang-format on */
};

/* ---- states and deadlines ---- */

static void rearm(struct session *s)
{
	int64_t left = s->login_until - loop_now(s->imapd->daemon->loop);

	s->waking = false;
	conn_deadline(s->conn, s->state >= ST_AUTH ? imapd_conf.idle_timeout : MAX_OF(left, (int64_t)1));
}

void session_enter(struct session *s, enum imap_state state)
{
	assert(states[s->state].next & BIT(state));
	s->state = state;
	log_line(&s->log, LOG_DEBUG, states[state].doing, NULL);
	if (state != ST_CLOSE)
		rearm(s);
}

bool session_is_closing(const struct session *s)
{
	return s->state == ST_CLOSE;
}

void session_wake_after(struct session *s, int64_t ms)
{
	if (session_is_closing(s))
		return;
	rearm(s);
	if (!ms)
		return;
	s->waking = true;
	conn_deadline(s->conn, ms);
}

static bool is_loopback(const char *ip)
{
	return slice_starts(slice_str(ip), "127.") || strcmp(ip, "::1") == 0 || strcmp(ip, "local") == 0;
}

bool session_may_login(const struct session *s)
{
	return conn_is_tls(s->conn) || (imapd_conf.plaintext_login && is_loopback(conn_peer_ip(s->conn)));
}

struct sasl_offer session_sasl_offer(const struct session *s, struct arena *arena)
{
	struct sasl_offer offer = { .tls = session_may_login(s) };
	uint8_t *binding = arena_alloc(arena, SASL_BINDING);

	if (imapd_conf.channel_binding && conn_tls_exporter(s->conn, binding))
		offer.binding = binding;
	offer.n_proven = conn_tls_addresses(s->conn, arena, &offer.proven);
	offer.tokens = oauth_hint(s->imapd->daemon->oauth);
	return offer;
}

void session_log_out(struct session *s)
{
	selected_close(&s->selected);
	notify_free(s);
	if (s->state == ST_SELECTED)
		session_enter(s, ST_AUTH);
	trace_end(s);
	log_set(&s->log, "user", NULL); /* it goes with the account */
	s->account->sessions--;
	account_ctx_unref(s->account);
	s->account = NULL;
	s->verifier = (struct id){ { 0 } };
	s->enabled = 0;
	s->login_until = loop_now(s->imapd->daemon->loop) + imapd_conf.login_timeout;
	session_enter(s, ST_PLAIN);
}

/* ---- the end ---- */

static void free_when_over(struct session *s)
{
	if (s->conn || s->cmd || s->aside)
		return;
	account_ctx_unref(s->account);
	arena_free(s->arena);
	free(s);
}

static void drop_assembly(struct session *s)
{
	if (s->assembly)
		session_release(s, assembly_reserved(s->assembly));
	assembly_free(s->assembly);
	s->assembly = NULL;
}

/* Out of everything that knows the session. */
static void leave(struct session *s)
{
	session_enter(s, ST_CLOSE);
	selected_close(&s->selected);
	notify_free(s);
	drop_assembly(s);
	list_del(&s->node);
	metric_set(&sessions_now, (int64_t)--s->imapd->n_sessions);
	imapd_peer_leave(s->imapd, conn_peer_ip(s->conn));
	trace_end(s);
	if (s->account)
		s->account->sessions--;
}

void session_close(struct session *s, const char *bye_code, const char *bye_text)
{
	if (session_is_closing(s))
		return;
	if (bye_text && s->state != ST_TLS && s->state != ST_GREET)
		imap_untagged(s, "BYE %s%s%s", bye_code ? bye_code : "", bye_code ? " " : "", bye_text);
	leave(s);
	log_line(&s->log, LOG_INFO, "session ends", "why", bye_text, NULL);
	conn_close(s->conn);
	if (s->aside && !s->aside->busy)
		command_abandon(s->aside);
	if (s->cmd && !s->cmd->busy)
		command_abandon(s->cmd);
}

void session_count_bad(struct session *s)
{
	s->bad_commands++;
}

/* ---- what comes in ---- */

static const char *refusal_of(const struct session *s, const struct imap_verb *verb, bool uid)
{
	if (!verb || (verb->capability && !imap_capability_on(s, slice_str(verb->capability))))
		return "BAD Unknown command";
	if (uid && !(verb->flags & UID_FORM))
		return "BAD There is no UID form of this command";
	if (!(verb->states & BIT(s->state)))
		return s->state == ST_PLAIN                                 ? "BAD Log in first"
		       : s->state == ST_AUTH && verb->states == IN_SELECTED ? "BAD Select a mailbox first"
		                                                            : "BAD You are logged in already";
	if (!uid && (verb->flags & USES_SEQ) && (s->enabled & ENABLED_UIDONLY))
		return "BAD [UIDREQUIRED] Message numbers are off since ENABLE UIDONLY";
	if ((verb->flags & NEEDS_PRIVACY) && !session_may_login(s))
		return "NO [PRIVACYREQUIRED] Passwords are taken over TLS only: STARTTLS first";
	return NULL;
}

static const struct imap_verb *find_verb(void *arg, struct slice name, bool uid, const char **ret_refusal)
{
	const struct imap_verb *verb = imap_verb_find(name);
	const char *refusal = refusal_of(arg, verb, uid);

	if (!refusal)
		return verb;
	*ret_refusal = refusal;
	return NULL;
}

static bool reserve(void *arg, uint64_t bytes)
{
	return session_reserve(arg, bytes);
}

bool session_reserve(struct session *s, uint64_t bytes)
{
	struct imapd *imapd = s->imapd;

	if (imapd->receiving + bytes > (uint64_t)imapd_conf.receive_memory)
		return false;
	imapd->receiving += bytes;
	return true;
}

void session_release(struct session *s, uint64_t bytes)
{
	assert(s->imapd->receiving >= bytes);
	s->imapd->receiving -= bytes;
}

/* An empty line, and a DONE that crossed our reply to IDLE, mean nothing. */
static bool means_nothing(struct slice line)
{
	return line.len == 0 || slice_is(line, "DONE");
}

static void command_is_whole(struct session *s)
{
	struct assembled made = assembly_take(s->assembly);
	unsigned bad = s->bad_commands;

	s->assembly = NULL;
	if (made.refusal)
		command_refuse(s, &made);
	else
		command_start(s, &made);
	if (session_is_closing(s))
		return;
	if (s->bad_commands >= BAD_MAX)
		session_close(s, NULL, "Too many malformed commands");
	else if (s->bad_commands == bad)
		s->bad_commands = 0;
}

static void go_on(struct session *s, int next)
{
	switch ((enum assembly_next)next) {
	case ASSEMBLY_LINE:
	case ASSEMBLY_BYTES:
		break;
	case ASSEMBLY_CONTINUE:
		imap_continue(s, "OK");
		break;
	case ASSEMBLY_WHOLE:
		command_is_whole(s);
		break;
	case ASSEMBLY_HOPELESS:
		session_close(s, "[TOOBIG]", "A literal is larger than will ever be read");
		break;
	}
}

static struct assembly *get_assembly(struct session *s)
{
	const struct assembly_conf conf = {
		.command_max = (size_t)imapd_conf.command_max,
		.message_max = (size_t)s->imapd->daemon->suite->message_max,
		.find = find_verb,
		.reserve = reserve,
		.arg = s,
	};

	if (!s->assembly)
		s->assembly = assembly_new(&conf);
	return s->assembly;
}

static void take_line(struct session *s, struct slice line)
{
	if (s->assembly || !means_nothing(line))
		go_on(s, assembly_line(get_assembly(s), line));
}

static bool pull_bytes(struct session *s)
{
	struct slice bytes = conn_peek(s->conn, assembly_wants(s->assembly));
	enum assembly_next next;

	if (!bytes.len)
		return false;
	next = assembly_bytes(s->assembly, bytes);
	conn_take(s->conn, bytes.len);
	go_on(s, next);
	return true;
}

static bool pull_line(struct session *s)
{
	size_t max = s->assembly ? assembly_line_max(s->assembly) : (size_t)imapd_conf.command_max;
	struct slice line;
	enum conn_got got = conn_line(s->conn, max, &line);

	if (got == CONN_LONG)
		go_on(s, assembly_long_line(get_assembly(s)));
	else if (got == CONN_LINE)
		take_line(s, line);
	return got != CONN_NONE;
}

static bool pull_command_line(struct session *s)
{
	struct arena *arena;
	struct slice line;
	enum conn_got got = conn_line(s->conn, RESPONSE_LINE, &line);

	if (got == CONN_NONE)
		return false;
	arena = arena_new();
	line = got == CONN_LINE ? arena_copy(arena, line) : SLICE("\001"); /* too long: nothing valid */
	if (command_line(s->cmd, line) && !session_is_closing(s)) {
		s->has_held = true; /* its own reply may still have to wait for the client to read */
		s->held = assembly_line(get_assembly(s), line);
	}
	arena_free(arena);
	return true;
}

static bool go_on_with_held(struct session *s)
{
	s->has_held = false;
	go_on(s, s->held);
	return true;
}

static bool pull_one(struct session *s)
{
	if (s->cmd)
		return command_wants_line(s->cmd) && pull_command_line(s);
	if (s->has_held)
		return go_on_with_held(s);
	if (conn_congested(s->conn))
		return false; /* who does not read the replies gets no more of them */
	if (s->assembly && assembly_wants(s->assembly))
		return pull_bytes(s);
	return pull_line(s);
}

static bool is_listening(const struct session *s)
{
	return s->state == ST_PLAIN || s->state == ST_AUTH || s->state == ST_SELECTED;
}

void session_take_input(struct session *s)
{
	bool any = false;

	if (s->pumping)
		return;
	s->pumping = true;
	while (is_listening(s) && pull_one(s))
		any = true;
	s->pumping = false;
	if (!is_listening(s))
		return;
	if (conn_ended(s->conn) && (!s->cmd || command_wants_line(s->cmd)) && !conn_congested(s->conn))
		session_close(s, NULL, NULL);
	else if (any && !s->waking)
		rearm(s);
}

void session_command_over(struct session *s)
{
	if (!s->conn) {
		free_when_over(s);
		return;
	}
	if (!session_is_closing(s) && s->imapd->draining)
		session_close(s, "[UNAVAILABLE]", "The server restarts, connect again");
	else if (!session_is_closing(s))
		session_take_input(s);
	if (!s->cmd && s->notify)
		session_news(s); /* what the command has not allowed */
}

void session_news(struct session *s)
{
	if (session_is_closing(s))
		return;
	if (s->cmd)
		command_news(s->cmd);
	else if (s->notify || (s->selected.view && s->selected.view->gone))
		session_tell_news(s, notify_expunges_at_once(s));
}

static void on_news(void *arg)
{
	session_news(arg);
}

void session_aside_over(struct session *s)
{
	if (!s->conn) {
		free_when_over(s);
		return;
	}
	if (session_is_closing(s))
		return;
	if (s->cmd)
		command_drained(s->cmd); /* or it hears of the news */
	else
		session_news(s);
	if (!session_is_closing(s) && s->selected.view)
		notify_go_on(s);
}

void session_drain(struct session *s)
{
	if (!s->cmd || command_wants_line(s->cmd))
		session_close(s, "[UNAVAILABLE]", "The server restarts, connect again");
}

/* ---- the connection's callbacks ---- */

static void on_readable(void *owner)
{
	struct session *s = owner;

	if (conn_ended(s->conn) && (s->state == ST_TLS || s->state == ST_GREET))
		session_close(s, NULL, NULL);
	else
		session_take_input(s);
}

static void on_drained(void *owner)
{
	struct session *s = owner;

	if (session_is_closing(s))
		return;
	if (s->aside)
		command_drained(s->aside);
	if (session_is_closing(s))
		return;
	if (s->cmd) {
		command_drained(s->cmd);
		return;
	}
	session_news(s);
	if (!session_is_closing(s))
		session_take_input(s);
}

static void on_timeout(void *owner)
{
	struct session *s = owner;

	if (s->cmd && command_timeout(s->cmd))
		return;
	if (!session_is_closing(s))
		session_close(s, s->state == ST_PLAIN ? NULL : "[UNAVAILABLE]",
		              s->state == ST_PLAIN ? "Too slow to log in" : "Idle for too long");
}

/* Behind session_close(); or the loop has ended and took the connection away. */
static void on_closed(void *owner)
{
	struct session *s = owner;
	struct imap_cmd *cmd = s->cmd, *aside = s->aside;
	bool cut = !session_is_closing(s);

	if (cut)
		leave(s);
	s->conn = NULL;
	if (!cut || (!cmd && !aside))
		free_when_over(s);
	if (cut && aside)
		command_abandon(aside); /* the session goes with it, unless there is a command as well */
	if (cut && cmd)
		command_abandon(cmd);
}

static void greet(struct session *s)
{
	struct arena *arena = arena_new();

	session_enter(s, ST_PLAIN);
	imap_untagged(s, "OK [CAPABILITY %s] Posthouse ready", imap_capabilities(s, arena));
	arena_free(arena);
}

static void on_tls(void *owner, enum fault fault, const struct why *why)
{
	struct session *s = owner;
	struct conn_tls_info tls;

	if (fault) {
		log_line(&s->log, LOG_INFO, "TLS handshake failed", "why", why->text, NULL);
		session_close(s, NULL, NULL);
		return;
	}
	if (conn_tls_info(s->conn, &tls))
		log_set(&s->log, "tls", tls.version);
	if (s->tls_from_start)
		greet(s);
	else
		session_enter(s, ST_PLAIN);
	session_take_input(s);
}

static const struct conn_handler handler = {
	.on_readable = on_readable,
	.on_drained = on_drained,
	.on_tls = on_tls,
	.on_timeout = on_timeout,
	.on_closed = on_closed,
};

/* ---- the beginning ---- */

static void on_close(void *arg)
{
	contexts_free(arg);
	notify_leave_mailbox(arg);
}

static bool admit(struct session *s, const char *ip)
{
	struct imapd *imapd = s->imapd;

	metric_set(&sessions_now, (int64_t)++imapd->n_sessions);
	list_add_tail(&imapd->sessions, &s->node);
	return imapd_peer_enter(imapd, ip) && imapd->n_sessions <= (size_t)imapd_conf.sessions_max &&
	       !imapd->draining;
}

struct session *session_new(struct imapd *imapd, struct conn *conn, bool tls_from_start)
{
	const struct conn_conf conf = { .input_max = (size_t)imapd_conf.command_max + INPUT_EXTRA };
	struct session *s = xzalloc(sizeof(*s));
	const struct id id = id_new();

	s->imapd = imapd;
	s->conn = conn;
	s->arena = arena_new();
	s->client_id = "";
	s->tls_from_start = tls_from_start;
	s->selected.on_news = on_news;
	s->selected.on_close = on_close;
	s->selected.session = s;
	s->login_until = loop_now(imapd->daemon->loop) + imapd_conf.login_timeout;
	snprintf(s->id, sizeof(s->id), "%.12s", id_print(&id).text);
	log_set(&s->log, "session", s->id);
	log_set(&s->log, "ip", arena_strdup(s->arena, conn_peer_ip(conn)));
	conn_own(conn, &conf, &handler, s);
	conn_bare_lf(conn, true);
	if (!admit(s, conn_peer_ip(conn))) {
		s->state = ST_PLAIN; /* so that BYE is said; TLS clients see it as a failed handshake */
		session_close(s, "[UNAVAILABLE]", "Too many sessions");
	} else if (tls_from_start) {
		session_enter(s, ST_TLS);
		conn_begin_tls(conn, imapd->daemon->tls);
	} else {
		greet(s);
	}
	return s;
}
