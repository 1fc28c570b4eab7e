/* Sealing, queueing and filing one message (deliver.h). */
#include "deliver.h"

#include "auth_results.h"
#include "base/clock.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/msgid.h"
#include "suite/message.h"
#include "suite/timeline.h"
#include "usage.h"

/* ---- the text ---- */

static void add_message(const struct deliver *deliver, struct buf *out)
{
	struct slice message = buf_slice(&deliver->tx->message);
	size_t at = 0;

	for (size_t i = 0; i < deliver->n_drop; i++) {
		buf_add(out, message.data + at, deliver->drop[i].start - at);
		at = deliver->drop[i].end;
	}
	buf_add(out, message.data + at, message.len - at);
}

/* RFC 6409 8.2, 8.3: a submitted message gets what its client left out. */
static void add_missing(const struct deliver *deliver, struct buf *out)
{
	struct slice message = buf_slice(&deliver->tx->message);
	const struct date now = date_utc(clock_now());
	struct header_field field;
	char text[DATE_TEXT_MAX];

	if (!header_find(message, "Date", &field)) {
		buf_adds(out, "Date: ");
		buf_add(out, text, date_print(&now, text));
		buf_adds(out, "\r\n");
	}
	if (!header_find(message, "Message-ID", &field)) {
		buf_adds(out, "Message-ID: ");
		msgid_new(out, slice_str(deliver->hostname));
		buf_adds(out, "\r\n");
	}
}

/* What everybody gets: Received above the message. */
static void add_common(const struct deliver *deliver, struct buf *out)
{
	received_add(out, &deliver->received);
	if (deliver->submission)
		add_missing(deliver, out);
	add_message(deliver, out);
}

static void add_local(const struct deliver *deliver, struct buf *out)
{
	buf_printf(out, "Return-Path: <%s>\r\n", deliver->tx->from_text);
	if (deliver->junk)
		buf_printf(out, "X-Posthouse-Junk: %s\r\n", deliver->junk);
	buf_add_slice(out, deliver->results);
	add_common(deliver, out);
}

/* ---- what became of it ---- */

static void note(struct deliver *deliver, enum timeline_kind kind, const char *address, const char *where,
                 const char *text)
{
	deliver->events[deliver->n_events++] =
	    (struct timeline_event){ .kind = kind, .address = address, .where = where, .text = text };
}

/* ---- going out ---- */

static void base_envelope(const struct deliver *deliver, struct envelope_out *ret)
{
	const struct transaction *tx = deliver->tx;
	const int64_t now = clock_now();
	struct id_text trace = id_print(&tx->trace);

	*ret = (struct envelope_out){
		.from = tx->from_text,
		.trace = arena_strdup(tx->arena, trace.text),
		.envid = "",
		.eight_bit = tx->params.body != SMTP_BODY_7BIT,
		.smtputf8 = tx->params.smtputf8,
		.accepted = now,
		.expires = now + deliver->queue_lifetime,
	};
}

static struct outgoing_recipient outgoing_of(const struct recipient *r)
{
	return (struct outgoing_recipient){
		.address = r->address,
		.orcpt = r->orcpt,
		.reply = "",
		.status = "",
		.host = "",
		.local_account = r->account, /* zero when it goes out */
	};
}

static enum fault seal(const struct deliver *deliver, void (*add_text)(const struct deliver *, struct buf *),
                       struct arena *arena, struct sealed_message *ret, struct why *why)
{
	struct buf text;
	enum fault fault;

	buf_init(&text, BUF_NO_LIMIT); /* the message is bounded already */
	add_text(deliver, &text);
	fault = message_seal(deliver->stack->conf, buf_slice(&text), arena, ret, why);
	buf_done(&text);
	return fault;
}

static enum fault send_out(struct deliver *deliver, size_t n_remote, struct arena *arena, struct why *why)
{
	const struct outgoing_sender *sender = id_is_zero(&deliver->sender.account) ? NULL : &deliver->sender;
	struct sealed_message sealed;
	struct envelope_out envelope;
	enum fault fault = seal(deliver, add_common, arena, &sealed, why);

	if (fault)
		return fault;
	base_envelope(deliver, &envelope);
	envelope.recipients = arena_array(arena, struct outgoing_recipient, n_remote);
	for (const struct recipient *r = deliver->tx->recipients; r; r = r->next) {
		if (!r->local)
			envelope.recipients[envelope.n++] = outgoing_of(r);
	}
	envelope.key = sealed.key;
	fault = outgoing_put(deliver->stack, &sealed, &envelope, sender, NULL, 0, arena, why);
	for (size_t i = 0; i < envelope.n && !fault; i++)
		note(deliver, TIMELINE_QUEUED, envelope.recipients[i].address, NULL, NULL);
	if (!fault)
		deliver->queued += envelope.n;
	secret_wipe(&envelope.key, sizeof(envelope.key));
	sealed_message_done(&sealed);
	return fault;
}

/* ---- staying ---- */

struct locals {
	const struct recipient **list;
	struct id *accounts;
	bool *pending; /* not filed yet */
	size_t n, n_pending;
	struct sealed_message sealed;
	struct record content;
	bool stored; /* else `content` is stored with the only filing */
};

static enum fault seal_locals(struct deliver *deliver, size_t n, bool any_remote, struct locals *locals,
                              struct arena *arena, struct why *why)
{
	struct actor actor = { .kind = ACTOR_DELIVERY };
	enum fault fault = seal(deliver, add_local, arena, &locals->sealed, why);

	if (fault)
		return fault;
	locals->list = (const struct recipient **)arena_array(arena, struct recipient *, n);
	locals->accounts = arena_array(arena, struct id, n);
	locals->pending = arena_array(arena, bool, n);
	for (const struct recipient *r = deliver->tx->recipients; r; r = r->next) {
		if (!r->local)
			continue;
		locals->list[locals->n] = r;
		locals->accounts[locals->n++] = r->account;
	}
	actor.account = locals->accounts[0];
	locals->stored = n > 1 || any_remote;
	if (locals->stored)
		fault =
		    message_store(deliver->stack, &actor, &locals->sealed, locals->accounts, n, arena, why);
	else
		fault = message_prepare(deliver->stack, &locals->sealed, locals->accounts, n, arena,
		                        &locals->content, why);
	if (fault)
		sealed_message_done(&locals->sealed);
	return fault;
}

static enum fault file_one(struct deliver *deliver, const struct locals *locals, const struct recipient *to,
                           struct why *why)
{
	const bool junk = deliver->junk && !id_is_zero(&to->junk);
	const struct filing filing = {
		.account = to->account,
		.mailbox = junk ? to->junk : to->inbox,
		.fallback = junk ? to->inbox : (struct id){ { 0 } },
		.public_key = &to->public_key,
		.generation = to->generation,
		.internal_date = clock_now(),
		.content = locals->stored ? NULL : &locals->content,
	};
	struct mailbox_appended appended;
	enum fault fault = message_file(deliver->stack, &locals->sealed, &filing, &appended, why);

	if (!fault) {
		usage_added(deliver->usage, &to->account, locals->sealed.size);
		note(deliver, TIMELINE_FILED, to->address, junk ? "Junk" : "INBOX", deliver->junk);
	}
	return fault;
}

/* The recipients that failed for now, as queued local deliveries of the content that is already there. */
static enum fault queue_pending(struct deliver *deliver, const struct locals *locals, const char *reason,
                                struct arena *arena, struct why *why)
{
	struct envelope_out envelope;
	enum fault fault;

	base_envelope(deliver, &envelope);
	envelope.key = locals->sealed.key;
	envelope.recipients = arena_array(arena, struct outgoing_recipient, locals->n_pending);
	for (size_t i = 0; i < locals->n; i++) {
		if (locals->pending[i])
			envelope.recipients[envelope.n++] = outgoing_of(locals->list[i]);
	}
	fault = outgoing_put(deliver->stack, &locals->sealed, &envelope, NULL, locals->accounts, locals->n,
	                     arena, why);
	for (size_t i = 0; i < envelope.n && !fault; i++)
		note(deliver, TIMELINE_QUEUED, envelope.recipients[i].address, NULL, reason);
	if (!fault)
		deliver->queued += envelope.n;
	secret_wipe(&envelope.key, sizeof(envelope.key));
	return fault;
}

static enum fault file_all(struct deliver *deliver, struct locals *locals, struct arena *arena,
                           struct why *why)
{
	enum fault worst = FAULT_NONE;
	bool any_failed = false;

	for (size_t i = 0; i < locals->n; i++) {
		struct why one = { "" };
		enum fault fault = FAULT_NONE;

		if (!locals->list[i]->deferred)
			fault = file_one(deliver, locals, locals->list[i], &one);
		locals->pending[i] = fault || locals->list[i]->deferred;
		locals->n_pending += locals->pending[i];
		deliver->filed += !locals->pending[i];
		any_failed = any_failed || fault;
		/* what may pass decides: a sender that comes again is told then about what will not */
		if (fault && (!worst || !fault_row(worst)->transient)) {
			worst = fault;
			*why = one;
		}
	}
	if (!locals->n_pending)
		return FAULT_NONE;
	/* nobody has it yet: the sender keeps it, with the reason */
	if (any_failed && !deliver->filed && !deliver->queued)
		return worst;
	return queue_pending(deliver, locals,
	                     any_failed ? arena_strdup(arena, why->text) : "the mailbox is full", arena, why);
}

enum fault deliver_run(struct deliver *deliver, struct arena *arena, struct why *why)
{
	struct locals locals = { .n = 0 };
	size_t n_local = 0, n_remote = 0;
	enum fault fault = FAULT_NONE;

	for (const struct recipient *r = deliver->tx->recipients; r; r = r->next) {
		n_local += r->local;
		n_remote += !r->local;
	}
	deliver->events = arena_array(arena, struct timeline_event, n_local + n_remote);
	if (n_local)
		fault = seal_locals(deliver, n_local, n_remote > 0, &locals, arena, why);
	if (fault)
		return fault;
	if (n_remote)
		fault = send_out(deliver, n_remote, arena, why);
	if (n_local) {
		if (!fault)
			fault = file_all(deliver, &locals, arena, why);
		sealed_message_done(&locals.sealed);
	}
	return fault;
}
