/*
 * A message's commands and what their replies come to (RFC 5321 3.3, with 2920, 1870, 6152, 6531, 3461): part of
 * the table in states.c. Here each recipient gets its verdict.
 *
 * With PIPELINING, MAIL, all RCPT and DATA go out at once and the states are
 * walked through all the same: the replies are there already. So what follows a
 * refused command has been sent, is answered, and must be waited for: `refused`.
 */
#include <stdio.h>

#include "base/utf8.h"
#include "client_internal.h"
#include "mail/idna.h"

static void flush_out(struct client *c)
{
	conn_write(c->conn, c->out.data, c->out.len);
	buf_clear(&c->out);
}

static void command(struct client *c, enum client_state state, const char *text)
{
	conn_puts(c->conn, text);
	client_enter(c, state);
}

/* ---- what the host cannot take, known without asking it ---- */

static bool local_part_is_utf8(const char *address)
{
	const char *at = strrchr(address, '@');

	return !utf8_is_ascii(slice_of(address, at ? (size_t)(at - address) : strlen(address)));
}

static bool needs_smtputf8(const struct sending *sending)
{
	return sending->smtputf8 && (sending->letter->header_8bit || local_part_is_utf8(sending->from));
}

static void judge_one(struct sending *sending, struct sent_to *to, const char *status, const char *reply)
{
	to->verdict = VERDICT_FAILED;
	to->by_host = false;
	to->reply = arena_strdup(sending->arena, reply);
	snprintf(to->status, sizeof(to->status), "%s", status);
}

/* Nothing of an address may end the command's line early; smtpd has seen to that, and this sees to it again. */
static bool is_sendable(const char *address)
{
	for (; *address; address++) {
		if ((uint8_t)*address < ' ' || *address == 0x7f || *address == '<' || *address == '>')
			return false;
	}
	return true;
}

static void judge_addresses(const struct client *c, struct sending *sending)
{
	for (size_t i = 0; i < sending->n; i++) {
		struct sent_to *to = &sending->to[i];

		if (to->verdict != VERDICT_NONE)
			continue;
		if (!is_sendable(to->address))
			judge_one(sending, to, "5.1.3", "the address cannot be sent");
		else if (!(c->ext & SMTP_EXT_SMTPUTF8) && local_part_is_utf8(to->address))
			judge_one(sending, to, "5.6.7", "the host does not take addresses in UTF-8");
	}
}

static void judge_message(const struct client *c, struct sending *sending)
{
	const struct letter *letter = sending->letter;

	if (letter->bare)
		sending_verdict(sending, VERDICT_FAILED, "5.6.11", false,
		                "the message has a line end that is not CRLF, and cannot be sent safely");
	else if (!is_sendable(sending->from))
		sending_verdict(sending, VERDICT_FAILED, "5.1.7", false,
		                "the sender's address cannot be sent");
	else if (c->size_max && letter->size > c->size_max)
		sending_verdict(
		    sending, VERDICT_FAILED, "5.3.4", false,
		    arena_printf(sending->arena, "the message has %llu bytes, the host takes %llu",
		                 (unsigned long long)letter->size, (unsigned long long)c->size_max));
	else if (letter->body_8bit && !client_takes_8bit(c))
		sending_verdict(
		    sending, VERDICT_FAILED, "5.6.3", false,
		    "the host does not take 8-bit text, and the message cannot be encoded for it");
	else if (!(c->ext & SMTP_EXT_SMTPUTF8) && needs_smtputf8(sending))
		sending_verdict(sending, VERDICT_FAILED, "5.6.7", false,
		                "the host does not take senders or headers in UTF-8");
}

/* ---- commands of a transaction ---- */

/* The domain goes as A-labels unless the host knows UTF-8: then any spelling is fine. */
static void add_path(struct client *c, const char *address)
{
	const char *at = strrchr(address, '@');
	struct slice domain;

	if (at && !(c->ext & SMTP_EXT_SMTPUTF8) && !utf8_is_ascii(slice_str(at + 1)) &&
	    idna_to_ascii(c->scratch, slice_str(at + 1), &domain)) {
		buf_add(&c->out, address, (size_t)(at + 1 - address));
		buf_add_slice(&c->out, domain);
	} else {
		buf_adds(&c->out, address);
	}
}

static bool uses_utf8(const struct sending *sending)
{
	if (needs_smtputf8(sending))
		return true;
	for (size_t i = 0; i < sending->n; i++) {
		if (sending->smtputf8 && !utf8_is_ascii(slice_str(sending->to[i].address)))
			return true;
	}
	return sending->smtputf8 && !utf8_is_ascii(slice_str(sending->from));
}

static void add_mail(struct client *c)
{
	const struct sending *sending = c->sending;
	const struct letter *letter = sending->letter;
	const struct smtp_mail_params params = {
		.has_size = true,
		.size = letter->size,
		.body = letter->body_8bit || letter->header_8bit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT,
		.smtputf8 = uses_utf8(sending),
		.ret = sending->ret_headers ? SMTP_RET_HDRS : SMTP_RET_UNSET,
		.envid = sending->envid[0] ? slice_str(sending->envid) : slice_of(NULL, 0),
	};

	buf_adds(&c->out, "MAIL FROM:<");
	add_path(c, sending->from);
	buf_adds(&c->out, ">");
	smtp_mail_params_add(&c->out, &params, c->ext);
	buf_adds(&c->out, "\r\n");
}

/* ORCPT is kept as "type;address", or as the address alone. */
static struct smtp_rcpt_params rcpt_params(const struct sent_to *to)
{
	struct smtp_rcpt_params params = { .notify = to->notify };
	struct slice rest = slice_str(to->orcpt), type;

	if (!rest.len)
		return params;
	params.orcpt_type = utf8_is_ascii(rest) ? SLICE("rfc822") : SLICE("utf-8");
	params.orcpt = rest;
	if (slice_cut(&rest, ';', &type) && rest.len && slice_chr(type, '@') < 0 &&
	    slice_chr(type, '"') < 0) {
		params.orcpt_type = type;
		params.orcpt = rest;
	}
	return params;
}

static void add_rcpt(struct client *c, const struct sent_to *to)
{
	const struct smtp_rcpt_params params = rcpt_params(to);

	buf_adds(&c->out, "RCPT TO:<");
	add_path(c, to->address);
	buf_adds(&c->out, ">");
	smtp_rcpt_params_add(&c->out, &params, c->ext);
	buf_adds(&c->out, "\r\n");
}

static struct sent_to *batched(struct client *c, size_t i)
{
	return &c->sending->to[c->batch[i]];
}

/* Marks of a transaction before, here or at another host, must not count in this one. */
static void choose_batch(struct client *c)
{
	struct sending *sending = c->sending;

	c->batch = xrealloc(c->batch, (sending->n + 1) * sizeof(*c->batch));
	c->n_batch = c->at = c->accepted = 0;
	c->refused = c->more = false;
	for (size_t i = 0; i < sending->n; i++) {
		if (sending->to[i].verdict != VERDICT_NONE)
			continue;
		sending->to[i].status[0] = '\0';
		if (c->n_batch < c->conf.recipients_max)
			c->batch[c->n_batch++] = i;
	}
}

void transaction_begin(struct client *c)
{
	judge_message(c, c->sending);
	judge_addresses(c, c->sending);
	choose_batch(c);
	if (!c->n_batch) {
		client_sent(c);
		return;
	}
	add_mail(c);
	if (c->pipelining) {
		for (size_t i = 0; i < c->n_batch; i++)
			add_rcpt(c, batched(c, i));
		buf_adds(&c->out, "DATA\r\n");
	}
	flush_out(c);
	client_enter(c, ST_MAIL);
}

/* ---- replies of a transaction ---- */

static void judge_by_reply(struct client *c, struct sent_to *to, const struct smtp_reply *reply)
{
	static const enum verdict verdicts[] = { VERDICT_DEFERRED, VERDICT_DEFERRED, VERDICT_DELIVERED,
		                                 VERDICT_DEFERRED, VERDICT_DEFERRED, VERDICT_FAILED };
	const unsigned class = (unsigned)reply->code / 100;

	to->verdict = verdicts[class];
	to->by_host = true;
	to->reply = (const char *)smtp_reply_text(c->sending->arena, reply, '\n').data;
	if (reply->status.class == class)
		smtp_status_print(reply->status, to->status);
	else
		snprintf(to->status, sizeof(to->status), "%c.0.0", class == 2 ? '2' : class == 5 ? '5' : '4');
	to->relayed =
	    to->verdict == VERDICT_DELIVERED && to->notify & SMTP_NOTIFY_SUCCESS && !(c->ext & SMTP_EXT_DSN);
}

/* For those whose RCPT was accepted and who wait for the message's fate. */
static void judge_accepted(struct client *c, const struct smtp_reply *reply)
{
	for (size_t i = 0; i < c->n_batch; i++) {
		if (client_has_accepted(batched(c, i)))
			judge_by_reply(c, batched(c, i), reply);
	}
}

static void reset(struct client *c)
{
	command(c, ST_RSET, "RSET\r\n");
}

void transaction_on_mail(struct client *c, const struct smtp_reply *reply)
{
	if (reply->code / 100 == 4) { /* another host may feel otherwise */
		client_fail_reply(c, reply);
		return;
	}
	if (reply->code / 100 != 2) {
		c->refused = true;
		for (size_t i = 0; i < c->n_batch; i++)
			judge_by_reply(c, batched(c, i), reply);
		if (!c->pipelining) {
			reset(c);
			return;
		}
	}
	if (!c->pipelining) {
		add_rcpt(c, batched(c, 0));
		flush_out(c);
	}
	client_enter(c, ST_RCPT);
}

/* RFC 5321 4.5.3.1.10: no more recipients at once. Those accepted get the message, the others the next one. */
static bool is_too_many(const struct client *c, const struct smtp_reply *reply)
{
	const struct smtp_status *status = &reply->status;

	return reply->code == 452 && c->accepted &&
	       (status->class == 0 || (status->subject == 5 && status->detail == 3));
}

static void take_rcpt(struct client *c, const struct smtp_reply *reply)
{
	struct sent_to *to = batched(c, c->at);

	if (reply->code / 100 == 2) {
		snprintf(to->status, sizeof(to->status), "2.1.5");
		c->accepted++;
	} else if (is_too_many(c, reply)) {
		c->more = true;
	} else {
		judge_by_reply(c, to, reply);
	}
}

void transaction_on_rcpt(struct client *c, const struct smtp_reply *reply)
{
	if (reply->code == 421 && !c->refused) {
		client_fail_reply(c, reply);
		return;
	}
	if (!c->refused)
		take_rcpt(c, reply);
	if (++c->at < c->n_batch) {
		if (!c->pipelining) {
			add_rcpt(c, batched(c, c->at));
			flush_out(c);
		}
		client_enter(c, ST_RCPT);
	} else if (c->pipelining) {
		client_enter(c, ST_DATA);
	} else if (c->accepted) {
		command(c, ST_DATA, "DATA\r\n");
	} else {
		reset(c);
	}
}

void transaction_on_data(struct client *c, const struct smtp_reply *reply)
{
	if (reply->code == 354 && c->accepted) {
		client_enter(c, ST_BODY);
		stream_start(c);
	} else if (reply->code == 354) { /* RFC 2920 3.1: an empty message to nobody ends it */
		command(c, ST_DOT, ".\r\n");
	} else if (reply->code < 400) { /* above all, 250 here is no delivery */
		client_fail(c, false, false, "4.5.0", "the host answered DATA with something else than 354");
	} else if (reply->code == 421 && c->accepted) {
		client_fail_reply(c, reply);
	} else {
		judge_accepted(c, reply);
		reset(c);
	}
}

/* Before the message is whole: whatever it says, it does not take the rest. */
void transaction_on_early_reply(struct client *c, const struct smtp_reply *reply)
{
	if (reply->code >= 400)
		judge_accepted(c, reply);
	client_fail_reply(c, reply);
}

void transaction_on_dot(struct client *c, const struct smtp_reply *reply)
{
	judge_accepted(c, reply);
	if (reply->code == 421)
		client_fail_reply(c, reply);
	else
		transaction_begin(c);
}

void transaction_on_rset(struct client *c, const struct smtp_reply *reply)
{
	if (reply->code / 100 == 2)
		transaction_begin(c);
	else
		client_fail_reply(c, reply);
}
