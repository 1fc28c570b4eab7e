/*
 * The protocol (RFC 5321 3, 3207), a row for each state, and getting acquainted
 * with a host. A handler gets the whole reply to what its state has sent and
 * either enters the next state or fails the client.
 */
#include <stdio.h>

#include "client_internal.h"

static void command(struct client *c, enum client_state state, const char *text)
{
	conn_puts(c->conn, text);
	client_enter(c, state);
}

/* ---- getting acquainted ---- */

void states_begin(struct client *c)
{
	client_enter(c, ST_GREETING);
}

static void say_hello(struct client *c, enum client_state state)
{
	conn_printf(c->conn, "%s %s\r\n", state == ST_EHLO ? "EHLO" : "HELO", c->conf.helo);
	client_enter(c, state);
}

static void on_greeting(struct client *c, const struct smtp_reply *reply)
{
	if (reply->code == 220)
		say_hello(c, ST_EHLO);
	else
		client_fail_reply(c, reply);
}

static void learn_extensions(struct client *c, const struct smtp_reply *reply)
{
	static const struct {
		const char *keyword;
		unsigned ext;
	} known[] = {
		{ "8BITMIME", SMTP_EXT_8BITMIME },
		{ "SMTPUTF8", SMTP_EXT_SMTPUTF8 },
		{ "DSN", SMTP_EXT_DSN },
	};
	struct slice args;

	c->ext = 0;
	c->size_max = 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		c->ext |= smtp_reply_keyword(reply, known[i].keyword, &args) ? known[i].ext : 0;
	if (smtp_reply_keyword(reply, "SIZE", &args)) {
		c->ext |= SMTP_EXT_SIZE;
		(void)slice_u64(slice_trim(args), UINT64_MAX, &c->size_max);
	}
	c->pipelining = smtp_reply_keyword(reply, "PIPELINING", &args);
	c->starttls = smtp_reply_keyword(reply, "STARTTLS", &args);
}

static void be_ready(struct client *c)
{
	client_enter(c, ST_READY);
	c->handler->on_ready(c->owner);
}

static void on_ehlo(struct client *c, const struct smtp_reply *reply)
{
	if (reply->code >= 500 && reply->code != 521 && !conn_is_tls(c->conn)) {
		say_hello(c, ST_HELO);
		return;
	}
	if (reply->code / 100 != 2) {
		client_fail_reply(c, reply);
		return;
	}
	learn_extensions(c, reply);
	if (c->starttls && c->conf.tls && !c->tls_tried)
		command(c, ST_STARTTLS, "STARTTLS\r\n");
	else
		be_ready(c);
}

static void on_helo(struct client *c, const struct smtp_reply *reply)
{
	if (reply->code / 100 == 2)
		be_ready(c);
	else
		client_fail_reply(c, reply);
}

/* A host that offers STARTTLS and then will not is talked to without: opportunistic TLS hinders nobody. */
static void on_starttls(struct client *c, const struct smtp_reply *reply)
{
	c->tls_tried = true;
	if (reply->code == 421) {
		client_fail_reply(c, reply);
	} else if (reply->code != 220) {
		be_ready(c);
	} else {
		client_enter(c, ST_TLS);
		conn_start_tls(c->conn, c->conf.tls, c->host);
	}
}

void states_secured(struct client *c)
{
	struct conn_tls_info info;

	if (conn_tls_info(c->conn, &info)) {
		snprintf(c->tls_version, sizeof(c->tls_version), "%s", info.version);
		c->verified = info.verified;
	}
	say_hello(c, ST_EHLO);
}

/* ---- the end ---- */

static void on_quit(struct client *c, const struct smtp_reply *reply)
{
	(void)reply;
	client_close(c, false);
}

/* ---- the table ---- */

#define CLOSE BIT(ST_CLOSED)

const struct state_row client_states[ST_COUNT] = {
	/* clang-format off */
	[ST_CONNECT]  = { "connecting",		      WAIT_CONNECT, BIT(ST_GREETING) | CLOSE, NULL },
	[ST_GREETING] = { "waiting for the greeting", WAIT_COMMAND, BIT(ST_EHLO) | CLOSE, on_greeting },
	[ST_EHLO]     = { "saying EHLO",	      WAIT_COMMAND, BIT(ST_HELO) | BIT(ST_STARTTLS) | BIT(ST_READY) | CLOSE, on_ehlo },
	[ST_HELO]     = { "saying HELO",	      WAIT_COMMAND, BIT(ST_READY) | CLOSE, on_helo },
	[ST_STARTTLS] = { "saying STARTTLS",	      WAIT_COMMAND, BIT(ST_TLS) | BIT(ST_READY) | CLOSE, on_starttls },
	[ST_TLS]      = { "starting TLS",	      WAIT_COMMAND, BIT(ST_EHLO) | CLOSE, NULL },
	[ST_READY]    = { "waiting for a message",    WAIT_COMMAND, BIT(ST_MAIL) | BIT(ST_READY) | BIT(ST_QUIT) | CLOSE, NULL },
	[ST_MAIL]     = { "saying MAIL",	      WAIT_COMMAND, BIT(ST_RCPT) | BIT(ST_RSET) | CLOSE, transaction_on_mail },
	[ST_RCPT]     = { "saying RCPT",	      WAIT_COMMAND, BIT(ST_RCPT) | BIT(ST_DATA) | BIT(ST_RSET) | CLOSE, transaction_on_rcpt },
	[ST_DATA]     = { "saying DATA",	      WAIT_COMMAND, BIT(ST_BODY) | BIT(ST_DOT) | BIT(ST_RSET) | CLOSE, transaction_on_data },
	[ST_BODY]     = { "sending the message",      WAIT_COMMAND, BIT(ST_BODY) | BIT(ST_DOT) | CLOSE, transaction_on_early_reply },
	[ST_DOT]      = { "waiting for the answer",   WAIT_DATA,    BIT(ST_MAIL) | BIT(ST_READY) | CLOSE, transaction_on_dot },
	[ST_RSET]     = { "saying RSET",	      WAIT_COMMAND, BIT(ST_MAIL) | BIT(ST_READY) | CLOSE, transaction_on_rset },
	[ST_QUIT]     = { "saying QUIT",	      WAIT_QUIT,    CLOSE, on_quit },
	[ST_CLOSED]   = { "closed",		      WAIT_QUIT,    0, NULL },
	/* clang-format on */
};
