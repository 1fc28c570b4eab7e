/* Logging in (login.h). */
#include "login.h"

#include "account_ctx.h"
#include "base/metrics.h"
#include "imapd.h"

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

enum imap_next login_begin(struct imap_cmd *cmd, struct login *login)
{
	struct imapd *imapd = cmd->session->imapd;
	int64_t wait = lockout_delay(imapd->lockout, conn_peer_ip(cmd->session->conn), login->name);

	login->cache = imapd->logins;
	login->account_nudges = imapd->account_nudges;
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

enum fault login_find(struct imap_cmd *cmd, struct stack *stack, struct login *login, struct why *why)
{
	enum fault fault = account_by_login(stack, login->name, cmd->arena, &login->account, why);

	login->found = !fault;
	return fault == FAULT_NOT_FOUND || fault == FAULT_INPUT ? FAULT_NONE : fault;
}

static enum fault check_password(struct login *login, struct why *why)
{
	const struct account *account = &login->account;
	enum fault fault;

	if (login_cache_knows(login->cache, &account->id, account->password.argon, login->password))
		return FAULT_NONE;
	fault = password_check(account->password.argon, login->password);
	if (fault)
		return fault_set(why, fault,
		                 fault == FAULT_AUTH ? "wrong password" : "no memory to check the password");
	login_cache_add(login->cache, &account->id, account->password.argon, login->password);
	return FAULT_NONE;
}

enum fault login_unlock(struct stack *stack, struct login *login, struct why *why)
{
	login->suspended = login->account.state == ACCOUNT_SUSPENDED;
	if (login->suspended)
		return fault_set(why, FAULT_DENIED, "the account is suspended");
	return account_unlock(stack, &login->account, &login->key, why);
}

enum fault login_check(struct imap_cmd *cmd, struct stack *stack, struct login *login, struct why *why)
{
	enum fault fault = login_find(cmd, stack, login, why);

	if (fault)
		return fault;
	if (!login->found) {
		password_check_nobody(login->password);
		return fault_set(why, FAULT_AUTH, "no such account");
	}
	fault = check_password(login, why);
	return fault ? fault : login_unlock(stack, login, why);
}

/* ---- on the loop, behind ---- */

static enum imap_next refuse(struct imap_cmd *cmd, const struct login *login, enum fault fault,
                             const struct why *why)
{
	struct session *s = cmd->session;

	metric_inc(fault == FAULT_AUTH ? &logins_wrong : &logins_refused);
	log_line(&cmd->log, LOG_WARN, "login failed", "login", log_fmt("%.*s", SLICE_FMT(login->name)),
	         "mechanism", login->mechanism, "fault", fault_name(fault), "why", why->text, NULL);
	if (fault == FAULT_AUTH) {
		lockout_failed(s->imapd->lockout, conn_peer_ip(s->conn), login->name);
		return imap_no_code(cmd, "[AUTHENTICATIONFAILED]", "Wrong name or password");
	}
	if (login->suspended)
		return imap_no_code(cmd, "[CONTACTADMIN]", "The account is suspended");
	return imap_no(cmd, fault, why);
}

static enum imap_next accept_session(struct imap_cmd *cmd, struct login *login, struct account_ctx *ctx)
{
	struct session *s = cmd->session;

	ctx->sessions++;
	s->account = ctx;
	s->verifier = imapd_verifier(&login->account);
	session_enter(s, ST_AUTH);
	log_set(&s->log, "user", ctx->login);
	lockout_succeeded(s->imapd->lockout, conn_peer_ip(s->conn), login->name);
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
