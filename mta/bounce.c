/*
 * Reports (bounce.h): whether, what they say, and putting them.
 *
 * The content id is made from what the report is about. A report whose content
 * is there was put, since outgoing_put() puts the content last. Entries without
 * it are what a process left that died in between, sealed with a key that died
 * with it: they go, and the report is put anew.
 */
#include "bounce.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mail/dsn.h"
#include "mail/header.h"
#include "mail/msgid.h"
#include "sender.h"
#include "smtp/params.h"
#include "store/queue.h"
#include "store/record.h"

#define TEXT_MAX     (900 * 1024) /* sealed, it fits a record */
#define LIFETIME_MIN 3600000
#define LIFETIME_MAX (INT64_C(5) * 86400000)
#define SHOWN_MAX    20 /* recipients in the text for people; the report has all */

static const struct actor actor = { .kind = ACTOR_QUEUE };

static struct metric metric_reports[BOUNCE_KINDS] = {
#define COUNTER(word)                                                                                        \
	{                                                                                                    \
		.kind = METRIC_COUNTER, .name = "posthouse_mta_reports_total",                               \
		.labels = "kind=\"" word "\"", .help = "delivery reports to senders"                         \
	}
	[BOUNCE_FAILED] = COUNTER("failed"),
	[BOUNCE_DELAYED] = COUNTER("delayed"),
	[BOUNCE_DELIVERED] = COUNTER("delivered"),
	[BOUNCE_RELAYED] = COUNTER("relayed"),
};

static const struct {
	const char *name, *intro, *outro;
	enum dsn_action action;
} kinds[BOUNCE_KINDS] = {
	[BOUNCE_FAILED] = { "failed", "Your message could not be delivered to:",
	                    "It will not be tried again. What the other side said may tell what to change.",
	                    DSN_FAILED },
	[BOUNCE_DELAYED] = { "delayed", "Your message could not be delivered yet to:",
	                     "It will be tried again. You need not send it again; you will be told if it "
	                     "fails.",
	                     DSN_DELAYED },
	[BOUNCE_DELIVERED] = { "delivered", "Your message was delivered to:", "You asked to be told.",
	                       DSN_DELIVERED },
	[BOUNCE_RELAYED] = { "relayed", "Your message was handed to the next host for:",
	                     "You asked to be told. That host does not send such reports, so this is the "
	                     "last one.",
	                     DSN_RELAYED },
};

bool bounce_wanted(enum bounce_kind kind, const struct envelope_out *envelope,
                   const struct outgoing_recipient *rcpt)
{
	static const unsigned wants[BOUNCE_KINDS] = {
		[BOUNCE_FAILED] = SMTP_NOTIFY_FAILURE,
		[BOUNCE_DELAYED] = SMTP_NOTIFY_DELAY,
		[BOUNCE_DELIVERED] = SMTP_NOTIFY_SUCCESS,
		[BOUNCE_RELAYED] = SMTP_NOTIFY_SUCCESS,
	};

	if (!envelope->from[0] || envelope->is_dsn)
		return false;
	if (rcpt->notify)
		return rcpt->notify & wants[kind];
	return wants[kind] !=
	       SMTP_NOTIFY_SUCCESS; /* RFC 3461 4.1: what nobody asked for is failure and delay */
}

/* ---- the text ---- */

static void add_people_text(const struct bounce *b, struct buf *out)
{
	buf_printf(out, "This is the mail system of %s.\n\n%s\n\n", b->stack->conf->hostname,
	           kinds[b->kind].intro);
	for (size_t i = 0; i < b->n && i < SHOWN_MAX; i++) {
		const struct outgoing_recipient *rcpt = b->recipients[i];

		buf_printf(out, "  <%s>\n", rcpt->address);
		if (rcpt->reply[0] && b->by_host[i])
			buf_printf(out, "    The host %s said:\n    %s\n", rcpt->host, rcpt->reply);
		else if (rcpt->reply[0])
			buf_printf(out, "    %s\n", rcpt->reply);
	}
	if (b->n > SHOWN_MAX)
		buf_printf(out, "  and %zu more\n", b->n - SHOWN_MAX);
	buf_printf(out, "\n%s\n", kinds[b->kind].outro);
}

/* "type;address", or the address alone. */
static void set_original(struct dsn_recipient *to, const char *orcpt)
{
	struct slice rest = slice_str(orcpt), type;

	if (!rest.len)
		return;
	to->original = rest;
	if (slice_cut(&rest, ';', &type) && rest.len && slice_chr(type, '@') < 0 &&
	    slice_chr(type, '"') < 0) {
		to->original_type = type;
		to->original = rest;
	}
}

static struct slice some(const char *text)
{
	return text[0] ? slice_str(text) : slice_of(NULL, 0);
}

static struct dsn_recipient dsn_recipient(const struct bounce *b, size_t i)
{
	const struct outgoing_recipient *rcpt = b->recipients[i];
	struct dsn_recipient to = {
		.final = slice_str(rcpt->address),
		.action = kinds[b->kind].action,
		.status = slice_str(rcpt->status[0] ? rcpt->status : "4.0.0"),
		.remote_mta = some(rcpt->host),
		.last_attempt_ms = rcpt->at,
		.log_id = some(b->envelope->trace),
	};

	set_original(&to, rcpt->orcpt);
	if (b->by_host[i])
		to.reply = some(rcpt->reply);
	if (b->kind == BOUNCE_DELAYED)
		to.retry_until_ms = b->envelope->expires;
	return to;
}

static bool add_dsn(const struct bounce *b, struct dsn *dsn, struct arena *arena, struct buf *out)
{
	struct dsn_recipient *list = arena_array(arena, struct dsn_recipient, b->n);
	struct buf people, id;
	bool fits;

	buf_init(&people, TEXT_MAX);
	buf_init(&id, MSGID_MAX);
	add_people_text(b, &people);
	msgid_new(&id, slice_str(b->stack->conf->hostname));
	for (size_t i = 0; i < b->n; i++)
		list[i] = dsn_recipient(b, i);
	dsn->text = buf_slice(&people);
	dsn->message_id = buf_slice(&id);
	dsn->recipients = list;
	dsn->n_recipients = b->n;
	fits = dsn_add(out, dsn);
	buf_done(&people);
	buf_done(&id);
	return fits;
}

bool bounce_text(const struct bounce *b, const char *to, struct slice original, bool whole, struct buf *out)
{
	const struct envelope_out *envelope = b->envelope;
	struct arena *arena = arena_new();
	struct header_field field;
	struct slice msgid;
	struct dsn dsn = {
		.from = slice_str(b->postmaster),
		.to = slice_str(to),
		.date_ms = b->now,
		.reporting_mta = slice_str(b->stack->conf->hostname),
		.envelope_id = some(envelope->envid),
		.arrival_ms = envelope->accepted,
		.original = original,
		.returned = whole ? DSN_RETURN_FULL : DSN_RETURN_HEADERS,
		.utf8 = envelope->smtputf8,
	};
	bool fits;

	if (header_find(original, "Message-ID", &field) && msgid_first(arena, field.value, &msgid))
		dsn.in_reply_to = slice_str(arena_printf(arena, "<%.*s>", SLICE_FMT(msgid)));
	fits = add_dsn(b, &dsn, arena, out);
	arena_free(arena);
	return fits;
}

/* ---- the original ---- */

/* What is returned: a small message whole when it failed and RET does not say HDRS, else the header. What cannot be
 * read is not returned; the report matters more. */
static enum fault read_original(const struct bounce *b, struct arena *arena, struct buf *text,
                                bool *ret_whole, struct why *why)
{
	struct message_summary summary;
	struct message message;
	struct record record;
	enum fault fault = record_get(b->stack->store, &actor, COLL_CONTENTS, id_slice(&b->entry->content),
	                              true, arena, &record, why);

	if (!fault)
		fault = message_open_with(&b->envelope->key, &record, arena, &message, why);
	if (fault)
		return fault;
	*ret_whole = b->kind == BOUNCE_FAILED && !b->envelope->ret_headers && message.size <= b->return_max;
	if (*ret_whole)
		return message_read(b->stack, &actor, &message, 0, message.size, arena, text, why);
	fault = message_summary(&message, arena, &summary, why);
	if (!fault)
		buf_add_slice(text, summary.header);
	return fault;
}

static enum fault make_text(const struct bounce *b, const char *return_path, struct arena *arena,
                            struct buf *out, struct why *why)
{
	struct buf original;
	bool whole = false;
	enum fault fault;

	buf_init(&original, TEXT_MAX);
	fault = read_original(b, arena, &original, &whole, why);
	if (fault && fault != FAULT_CORRUPT && fault != FAULT_NOT_FOUND) {
		buf_done(&original);
		return fault;
	}
	buf_adds(out, return_path);
	if (!bounce_text(b, b->envelope->from, buf_slice(&original), whole, out))
		fault = fault_set(why, FAULT_TOO_BIG, "a report is too large");
	else
		fault = FAULT_NONE;
	buf_done(&original);
	return fault;
}

/* ---- putting it ---- */

static struct id report_id(const struct bounce *b)
{
	struct buf about;
	struct id id;

	buf_init(&about, BUF_NO_LIMIT);
	buf_adds(&about, kinds[b->kind].name);
	for (size_t i = 0; i < b->n; i++)
		buf_add_block(&about, slice_str(b->recipients[i]->address));
	id = id_derive(&b->entry->id, buf_slice(&about));
	buf_done(&about);
	return id;
}

/* The entry that outgoing_put() would make for this recipient; see the head. */
static enum fault clear_entry(const struct bounce *b, const struct id *content,
                              const struct outgoing_recipient *to, struct arena *arena, struct why *why)
{
	const char *at = strrchr(to->address, '@');
	struct slice domain = id_is_zero(&to->local_account) && at ? slice_str(at + 1) : SLICE("");
	struct id id = id_derive(content, domain);
	struct queue_entry entry;
	enum fault fault = queue_get(b->stack->store, &actor, &id, arena, &entry, why);

	if (!fault)
		fault = queue_remove(b->stack->store, &actor, &id, entry.fence, why);
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault == FAULT_STALE ? FAULT_TEMP : fault;
}

static enum fault put_sealed(const struct bounce *b, struct sealed_message *sealed,
                             struct outgoing_recipient *to, size_t n, struct arena *arena, struct why *why)
{
	const struct envelope_out *original = b->envelope;
	int64_t lifetime = MIN_OF(MAX_OF(original->expires - original->accepted, LIFETIME_MIN), LIFETIME_MAX);
	struct envelope_out envelope = {
		.from = "",
		.trace = original->trace,
		.envid = "",
		.ret_headers = true,
		.smtputf8 = original->smtputf8,
		.is_dsn = true,
		.accepted = b->now,
		.expires = b->now + lifetime,
		.recipients = to,
		.n = n,
	};
	struct id *accounts = arena_array(arena, struct id, n);
	size_t n_accounts = 0;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n && !fault; i++) {
		if (!id_is_zero(&to[i].local_account))
			accounts[n_accounts++] = to[i].local_account;
		fault = clear_entry(b, &sealed->content, &to[i], arena, why);
	}
	return fault ? fault
	             : outgoing_put(b->stack, sealed, &envelope, NULL, accounts, n_accounts, arena, why);
}

/* In the record itself whatever its size: a blob would be another thing that can be there without the rest. */
static enum fault seal(const struct bounce *b, const struct id *id, struct slice text, struct arena *arena,
                       struct sealed_message *ret, struct why *why)
{
	struct suite_conf conf = *b->stack->conf;
	enum fault fault;

	conf.inline_max = RECORD_BODY_MAX;
	fault = message_seal(&conf, text, arena, ret, why);
	if (fault)
		return fault;
	ret->content = *id;
	ret->record.key = arena_copy(arena, id_slice(id));
	return FAULT_NONE;
}

static enum fault put(const struct bounce *b, const struct id *id, struct arena *arena, struct why *why)
{
	struct outgoing_recipient *to;
	struct sealed_message sealed;
	struct buf text;
	size_t n;
	enum fault fault = sender_resolve(b->stack, b->envelope->from, arena, &to, &n, why);

	if (fault)
		return fault;
	if (!n) {
		log_line(NULL, LOG_WARN, "a message failed and its sender is nobody who could be told",
		         "trace", b->envelope->trace, "kind", kinds[b->kind].name, NULL);
		return FAULT_NONE;
	}
	buf_init(&text, TEXT_MAX);
	/* the final host's mark belongs on what goes to a mailbox here */
	fault =
	    make_text(b, id_is_zero(&to[0].local_account) ? "" : "Return-Path: <>\r\n", arena, &text, why);
	if (!fault)
		fault = seal(b, id, buf_slice(&text), arena, &sealed, why);
	buf_done(&text);
	if (fault)
		return fault;
	fault = put_sealed(b, &sealed, to, n, arena, why);
	sealed_message_done(&sealed);
	if (!fault)
		metric_inc(&metric_reports[b->kind]);
	return fault;
}

enum fault bounce_put(const struct bounce *b, struct why *why)
{
	struct arena *arena = arena_new();
	const struct id id = report_id(b);
	struct record record;
	enum fault fault =
	    record_get(b->stack->store, &actor, COLL_CONTENTS, id_slice(&id), false, arena, &record, why);

	if (fault == FAULT_NOT_FOUND)
		fault = put(b, &id, arena, why);
	arena_free(arena);
	return fault;
}
