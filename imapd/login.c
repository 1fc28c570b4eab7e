/* Logging in (login.h). */
#include "login.h"

#include "account_ctx.h"
#include "base/metrics.h"
#include "imapd.h"
#include "open_keys.h"
#include "trace.h"

static struct metric logins_ok = { .name = "posthouse_imapd_logins_total",
	                           .labels = "result=\"ok\"",
	                           .help = "logins" };
static struct metric logins_wrong = { .name = "posthouse_imapd_logins_total",
	                              .labels = "result=\"wrong\"",
	                              .help = "logins" };
static struct metric logins_refused = { .name = "posthouse_imapd_logins_total",
	                                .labels = "result=\"refused\"",
	                                .help = "logins" };

/* ---- on the loop, before ---- */

void login_start(struct imap_cmd *cmd, struct login *login, const char *mechanism)
{
	struct session *s = cmd->session;

	login->mechanism = mechanism;
	login->check = (struct login_check){
		.stack = cmd->stack,
		.cache = s->imapd->logins,
		.lockout = s->imapd->lockout,
		.bans = s->imapd->bans,
		.ip = arena_strdup(cmd->arena, conn_peer_ip(s->conn)),
		.oauth = s->imapd->daemon->oauth,
	};
	login->open_keys = s->imapd->open_keys;
	login->account_nudges = s->imapd->account_nudges;
}

enum imap_next login_begin(struct imap_cmd *cmd, struct login *login)
{
	int64_t wait = login_delay(&login->check, login->name);

	if (wait < 0) {
		metric_inc(&logins_refused);
		log_line(&cmd->log, LOG_WARN, "login refused", "login",
		         log_fmt("%.*s", SLICE_FMT(login->name)), "mechanism", login->mechanism, "why",
		         "too many failures lately", NULL);
		return imap_no_code(cmd, "[UNAVAILABLE]", "Too many failed logins, try again later");
	}
	if (wait == 0)
		return IMAP_RUN;
	session_wake_after(cmd->session, wait);
	return IMAP_WAIT;
}

void login_delayed(struct imap_cmd *cmd)
{
	imap_resume(cmd, IMAP_RUN);
}

/* ---- on a worker ---- */

static enum fault unlock(struct login *login, struct why *why)
{
	return open_keys_unlock(login->open_keys, login->check.stack, &login->account, &login->key, why);
}

enum fault login_check(struct imap_cmd *cmd, struct login *login, struct why *why)
{
	enum fault fault =
	    login_password(&login->check, login->name, login->password, cmd->arena, &login->account, why);

	return fault ? fault : unlock(login, why);
}

enum fault login_by_token(struct imap_cmd *cmd, struct login *login, struct why *why)
{
	enum fault fault =
	    login_token(&login->check, login->name, login->password, cmd->arena, &login->account, why);

	return fault ? fault : unlock(login, why);
}

enum fault login_find(struct imap_cmd *cmd, struct login *login, struct why *why)
{
	enum fault fault = login_lookup(&login->check, login->name, cmd->arena, &login->account, why);

	login->found = !fault;
	if (fault == FAULT_AUTH)
		fault = login_nobody(&login->check, login->name, cmd->arena, login->nobody_salt, why);
	return fault;
}

enum fault login_prove(struct login *login, struct why *why)
{
	enum fault fault = login_proved(&login->check, &login->account, why);

	return fault ? fault : unlock(login, why);
}

/* ---- on the loop, behind ---- */

static enum imap_next refuse(struct imap_cmd *cmd, const struct login *login, enum fault fault,
                             const struct why *why)
{
	metric_inc(fault == FAULT_AUTH ? &logins_wrong : &logins_refused);
	log_line(&cmd->log, LOG_WARN, "login failed", "login", log_fmt("%.*s", SLICE_FMT(login->name)),
	         "mechanism", login->mechanism, "fault", fault_name(fault), "why", why->text, NULL);
	if (fault == FAULT_AUTH)
		return imap_no_code(cmd, "[AUTHENTICATIONFAILED]", "Wrong name or password");
	if (fault == FAULT_DENIED)
		return imap_no_code(cmd, "[CONTACTADMIN]", "The account is suspended");
	return imap_no(cmd, fault, why);
}

/* The account lives elsewhere (RFC 2221): only who has proven to be its owner learns that, and where. */
static enum imap_next refer(struct imap_cmd *cmd, const struct login *login)
{
	const char *login_name = login->account.login;
	struct buf url;
	const char *code;

	buf_init(&url, BUF_NO_LIMIT);
	buf_adds(&url, "[REFERRAL imap://");
	for (const char *c = login_name; *c; c++) {
		if (strchr("%/?#@:;&=+\"<>\\^`{|} []", *c) || *c <= 0x20 || *c == 0x7f)
			buf_printf(&url, "%%%02X", (uint8_t)*c);
		else
			buf_addc(&url, (uint8_t)*c);
	}
	buf_printf(&url, ";AUTH=*@%s/]", login->account.referral);
	code = arena_strz(cmd->arena, buf_slice(&url));
	buf_done(&url);
	metric_inc(&logins_refused);
	log_line(&cmd->log, LOG_INFO, "login referred", "login", login_name, "mechanism", login->mechanism,
	         "to", login->account.referral, NULL);
	return imap_no_code(cmd, code, "The account lives on another server");
}

static enum imap_next accept_session(struct imap_cmd *cmd, struct login *login, struct account_ctx *ctx)
{
	struct session *s = cmd->session;

	ctx->sessions++;
	s->account = ctx;
	s->verifier = imapd_verifier(&login->account);
	session_enter(s, ST_AUTH);
	trace_consider(s);
	log_set(&s->log, "user", ctx->login);
	metric_inc(&logins_ok);
	log_line(&cmd->log, LOG_INFO, "login", "mechanism", login->mechanism, NULL);
	if (login->account_nudges != s->imapd->account_nudges)
		imapd_check_account(s->imapd, ctx); /* it may have changed behind what we read */
	return imap_ok_code(
	    cmd, arena_printf(cmd->arena, "[CAPABILITY %s]", imap_capabilities(s, cmd->arena)), "Logged in");
}

enum imap_next login_end(struct imap_cmd *cmd, struct login *login, enum fault fault, const struct why *why)
{
	struct account_ctx *ctx;

	if (fault)
		return refuse(cmd, login, fault, why);
	if (*login->account.referral)
		return refer(cmd, login);
	ctx = account_ctx_get(cmd->session->imapd, &login->account, login->key);
	login->key = NULL;
	if (ctx->sessions < (unsigned)imapd_conf.sessions_per_account)
		return accept_session(cmd, login, ctx);
	account_ctx_unref(ctx);
	metric_inc(&logins_refused);
	log_line(&cmd->log, LOG_WARN, "login refused", "login", login->account.login, "mechanism",
	         login->mechanism, "why", "too many sessions of the account", NULL);
	return imap_no_code(cmd, "[LIMIT]", "Too many sessions of this account");
}

void login_done(struct login *login)
{
	account_key_unref(login->key);
	secret_wipe(&login->account.password, sizeof(login->account.password));
}
