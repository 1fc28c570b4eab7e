/* A client's life: connecting, lines, deadlines, failing and closing (client.h). */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "client_internal.h"

#define LINE_LIMIT 4096 /* RFC 5321 allows 512; some say more */
#define QUIT_MS    5000

/* ---- states ---- */

static int64_t wait_ms(const struct client *c, int wait)
{
	switch (wait) {
	case WAIT_CONNECT:
		return c->conf.connect_timeout;
	case WAIT_DATA:
		return c->conf.data_timeout;
	case WAIT_QUIT:
		return QUIT_MS;
	default:
		return c->conf.command_timeout;
	}
}

void client_enter(struct client *c, enum client_state state)
{
	assert(client_states[c->state].next & BIT(state));
	c->state = state;
	if (state != ST_CLOSED)
		conn_deadline(c->conn, wait_ms(c, client_states[state].timeout));
}

/* ---- ends ---- */

void client_close(struct client *c, bool at_once)
{
	if (c->state == ST_CLOSED)
		return;
	client_enter(c, ST_CLOSED);
	c->owner = NULL;
	c->sending = NULL;
	body_free(c->body);
	c->body = NULL;
	if (at_once)
		conn_abort(c->conn);
	else
		conn_close(c->conn);
}

/* Whoever was judged until now, was by this host. */
static void name_host(const struct client *c, struct sending *sending)
{
	const char *host = arena_strdup(sending->arena, c->host);

	for (size_t i = 0; i < sending->n; i++) {
		if (sending->to[i].verdict != VERDICT_NONE && !sending->to[i].host)
			sending->to[i].host = host;
	}
}

/* A message half sent, or TLS half made: then nothing may follow on the wire. */
static bool must_abort(const struct client *c)
{
	return c->state == ST_CONNECT || c->state == ST_TLS || c->state == ST_BODY;
}

static void judge(struct sent_to *to, enum verdict verdict, const char *status, bool by_host,
                  const char *reply)
{
	to->verdict = verdict;
	to->by_host = by_host;
	to->reply = reply;
	snprintf(to->status, sizeof(to->status), "%s", status);
}

static bool all_judged(const struct sending *sending)
{
	for (size_t i = 0; i < sending->n; i++) {
		if (sending->to[i].verdict == VERDICT_NONE)
			return false;
	}
	return true;
}

static enum client_stage stage_of(const struct client *c)
{
	return c->state == ST_CONNECT ? CLIENT_CONNECTING
	       : c->state == ST_TLS   ? CLIENT_SECURING
	                              : CLIENT_TALKING;
}

/* With the final dot out, only an answer could have told what became of the message. */
static void fail_after_dot(struct client *c, const char *reply)
{
	const char *text =
	    arena_printf(c->sending->arena, "%s after the message was sent: it may have arrived", reply);

	for (size_t i = 0; i < c->n_batch; i++) {
		struct sent_to *to = &c->sending->to[c->batch[i]];

		if (client_has_accepted(to))
			judge(to, VERDICT_DEFERRED, "4.4.2", false, text);
	}
}

void client_fail(struct client *c, bool permanent, bool by_host, const char *status, const char *reply)
{
	struct client_failure failure = { stage_of(c), permanent, by_host, status, reply };
	const struct client_handler *handler = c->handler;
	struct sending *sending = c->sending;
	void *owner = c->owner;
	bool judged;

	if (sending && c->state == ST_DOT)
		fail_after_dot(c, reply);
	if (sending)
		name_host(c, sending);
	judged = sending && all_judged(sending);
	if (!must_abort(c) && c->state != ST_QUIT)
		conn_puts(c->conn, "QUIT\r\n");
	client_close(c, must_abort(c));
	if (!owner)
		return;
	if (judged)
		handler->on_sent(owner, false);
	else
		handler->on_failed(owner, &failure);
}

void client_fail_reply(struct client *c, const struct smtp_reply *reply)
{
	char status[SMTP_STATUS_TEXT] = "4.0.0";
	struct slice text = smtp_reply_text(c->scratch, reply, '\n');
	bool permanent = reply->code >= 500;

	/* a host that greets with 5xx is of no use today; only these two say that it never will be (RFC 7504) */
	if (c->state == ST_GREETING && reply->code != 521 && reply->code != 556)
		permanent = false;
	if (reply->status.class == 4 || (reply->status.class == 5 && permanent))
		smtp_status_print(reply->status, status);
	else if (permanent)
		snprintf(status, sizeof(status), "5.0.0");
	client_fail(c, permanent, true, status, (const char *)text.data);
}

void client_sent(struct client *c)
{
	const struct client_handler *handler = c->handler;
	void *owner = c->owner;

	assert(all_judged(c->sending));
	name_host(c, c->sending);
	c->messages++;
	c->sending = NULL;
	client_enter(c, ST_READY);
	handler->on_sent(owner, true);
}

/* ---- the connection's callbacks ---- */

static void on_connected(void *owner, enum fault fault, const struct why *why)
{
	struct client *c = owner;

	if (c->state != ST_CONNECT)
		return;
	if (fault)
		client_fail(c, false, false, "4.4.1", why->text);
	else
		states_begin(c);
}

static void on_reply(struct client *c)
{
	const struct smtp_reply reply = c->reply;

	c->reply = (struct smtp_reply){ 0 };
	client_states[c->state].on_reply(c, &reply);
	arena_reset(c->scratch);
}

static void on_line(struct client *c, struct slice line)
{
	struct why why;

	if (!client_states[c->state].on_reply) {
		client_fail(c, false, false, "4.5.0", "the host spoke out of turn");
		return;
	}
	if (smtp_reply_line(&c->reply, c->scratch, line, &why))
		client_fail(c, false, false, "4.5.0",
		            arena_printf(c->scratch, "no SMTP reply: %s", why.text));
	else if (c->reply.done)
		on_reply(c);
}

static void on_readable(void *owner)
{
	struct client *c = owner;
	enum conn_got got;
	struct slice line;

	while (c->state != ST_CLOSED && c->state != ST_TLS &&
	       (got = conn_line(c->conn, LINE_LIMIT, &line)) != CONN_NONE) {
		if (got == CONN_LONG)
			client_fail(c, false, false, "4.5.0", "the host's reply has a line without end");
		else
			on_line(c, line);
	}
	if (c->state != ST_CLOSED && c->state != ST_TLS && conn_ended(c->conn))
		client_fail(
		    c, false, false, "4.4.2",
		    arena_printf(c->scratch, "connection lost while %s", client_states[c->state].doing));
}

static void on_drained(void *owner)
{
	struct client *c = owner;

	if (c->state == ST_BODY)
		stream_pump(c);
}

static void on_tls(void *owner, enum fault fault, const struct why *why)
{
	struct client *c = owner;

	if (c->state != ST_TLS)
		return;
	if (fault)
		client_fail(c, false, false, "4.7.5", why->text);
	else
		states_secured(c);
}

static void on_timeout(void *owner)
{
	struct client *c = owner;

	if (c->state == ST_CLOSED)
		return;
	client_fail(c, false, false, c->state == ST_CONNECT ? "4.4.1" : "4.4.2",
	            arena_printf(c->scratch, "timed out while %s", client_states[c->state].doing));
}

static void on_closed(void *owner)
{
	struct client *c = owner;

	arena_free(c->scratch);
	buf_done(&c->out);
	free(c->batch);
	free(c);
}

static const struct conn_handler handler = { on_connected, on_readable, on_drained,
	                                     on_tls,       on_timeout,  on_closed };

/* ---- the owner's side ---- */

struct client *client_new(const struct client_conf *conf, const struct client_handler *client_handler,
                          void *owner)
{
	struct client *c = xzalloc(sizeof(*c));

	c->conf = *conf;
	snprintf(c->host, sizeof(c->host), "%s", conf->host);
	c->conf.host = c->host;
	c->handler = client_handler;
	c->owner = owner;
	c->scratch = arena_new();
	buf_init(&c->out, BUF_NO_LIMIT);
	c->conn = conn_connect(conf->loop, conf->address, conf->source, NULL, &handler, c);
	c->conf.address = c->conf.source = NULL;
	conn_bare_lf(c->conn, true);
	conn_deadline(c->conn, conf->connect_timeout);
	return c;
}

void client_own(struct client *c, void *owner)
{
	c->owner = owner;
}

void client_send(struct client *c, struct sending *sending)
{
	assert(c->state == ST_READY && !c->sending);
	c->sending = sending;
	transaction_begin(c);
}

void client_quit(struct client *c)
{
	if (c->state != ST_READY) {
		client_abort(c);
		return;
	}
	c->owner = NULL;
	conn_puts(c->conn, "QUIT\r\n");
	client_enter(c, ST_QUIT);
}

void client_abort(struct client *c)
{
	client_close(c, true);
}

const char *client_tls(const struct client *c, bool *ret_verified)
{
	*ret_verified = c->verified;
	return c->tls_version;
}

bool client_takes_8bit(const struct client *c)
{
	return c->ext & SMTP_EXT_8BITMIME;
}

const char *client_host(const struct client *c)
{
	return c->host;
}

const char *client_ip(const struct client *c)
{
	return conn_peer_ip(c->conn);
}

uint64_t client_messages(const struct client *c)
{
	return c->messages;
}

void sending_verdict(struct sending *sending, enum verdict verdict, const char *status, bool by_host,
                     const char *reply)
{
	const char *kept = arena_strdup(sending->arena, reply);

	for (size_t i = 0; i < sending->n; i++) {
		if (sending->to[i].verdict == VERDICT_NONE)
			judge(&sending->to[i], verdict, status, by_host, kept);
	}
}
