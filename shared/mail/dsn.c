/* Delivery status notifications (dsn.h). */
#include "mail/dsn.h"

#include <stdio.h>

#include "base/rand.h"
#include "base/utf8.h"
#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/header.h"
#include "mail/transfer.h"

enum { VALUE_MAX = 900, REPLY_MAX = 4000 }; /* a line may be 998 long */

static const char *const actions[] = {
	[DSN_FAILED] = "failed",   [DSN_DELAYED] = "delayed",   [DSN_DELIVERED] = "delivered",
	[DSN_RELAYED] = "relayed", [DSN_EXPANDED] = "expanded",
};

static const char *const subjects[] = {
	[DSN_FAILED] = "Undelivered mail: returned to sender",
	[DSN_DELAYED] = "Delayed mail: still being tried",
	[DSN_DELIVERED] = "Mail was delivered",
	[DSN_RELAYED] = "Mail was relayed",
	[DSN_EXPANDED] = "Mail was delivered to a list",
};

const char *dsn_action_name(enum dsn_action action)
{
	return actions[action];
}

/* A value on its line: control characters become blanks; without utf8, so do other bytes "?". */
static void add_clean(struct buf *out, struct slice value, bool utf8)
{
	value = utf8_cut(value, VALUE_MAX);
	utf8 = utf8 && utf8_valid(value);
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];

		if (c < ' ' || c == 0x7f)
			c = ' ';
		else if (c >= 0x80 && !utf8)
			c = '?';
		buf_addc(out, c);
	}
}

static void add_field(struct buf *out, const char *name, struct slice value, bool utf8)
{
	if (!value.data)
		return;
	buf_printf(out, "%s: ", name);
	add_clean(out, value, utf8);
	buf_adds(out, "\r\n");
}

static void add_date(struct buf *out, const char *name, int64_t ms, int16_t zone)
{
	struct date date = { .utc_ms = ms, .zone = zone };
	char text[DATE_TEXT_MAX];

	if (ms == 0)
		return;
	date_print(&date, text);
	buf_printf(out, "%s: %s\r\n", name, text);
}

/* unicode address in an ASCII field, RFC 6533 3: \x{HEX} for what is not ASCII, and for "\" */
static void add_utf8_xtext(struct buf *out, struct slice address)
{
	while (address.len) {
		uint32_t code;
		size_t len = utf8_decode(address, &code);

		if (len == 0 || code < ' ' || code == 0x7f)
			buf_addc(out, '?');
		else if (code >= 0x80 || code == '\\' || code == '+' || code == '=')
			buf_printf(out, "\\x{%02X}", code);
		else
			buf_addc(out, (uint8_t)code);
		address = slice_from(address, len ? len : 1);
	}
}

/* Original-Recipient and Final-Recipient: address-type ";" generic-address */
static void add_recipient_field(struct buf *out, const char *name, struct slice type, struct slice address,
                                bool utf8)
{
	bool ascii = utf8_is_ascii(address);

	if (!address.data)
		return;
	address = utf8_cut(address, VALUE_MAX / 2);
	buf_printf(out, "%s: ", name);
	if (type.data)
		add_clean(out, type, false);
	else
		buf_adds(out, ascii ? "rfc822" : "utf-8");
	buf_adds(out, ";");
	if (ascii || utf8)
		add_clean(out, address, utf8);
	else
		add_utf8_xtext(out, address);
	buf_adds(out, "\r\n");
}

/* Diagnostic-Code: smtp; the reply, a line of it on a line of its own */
static void add_reply(struct buf *out, struct slice reply, bool utf8)
{
	struct slice line;
	bool first = true;

	if (!reply.data)
		return;
	buf_adds(out, "Diagnostic-Code: smtp; ");
	reply = slice_first(slice_trim(reply), REPLY_MAX);
	while (slice_cut(&reply, '\n', &line)) {
		line = slice_trim(line);
		if (line.len == 0)
			continue;
		if (!first)
			buf_adds(out, "\r\n ");
		first = false;
		add_clean(out, line, utf8);
	}
	buf_adds(out, "\r\n");
}

static void add_dns_field(struct buf *out, const char *name, struct slice host, bool utf8)
{
	if (!host.data)
		return;
	buf_printf(out, "%s: dns; ", name);
	add_clean(out, host, utf8);
	buf_adds(out, "\r\n");
}

static void add_recipient(struct buf *out, const struct dsn *dsn, const struct dsn_recipient *r)
{
	buf_adds(out, "\r\n");
	add_recipient_field(out, "Original-Recipient", r->original_type, r->original, dsn->utf8);
	add_recipient_field(out, "Final-Recipient", slice_of(NULL, 0), r->final, dsn->utf8);
	buf_printf(out, "Action: %s\r\n", actions[r->action]);
	add_field(out, "Status", r->status, false);
	add_dns_field(out, "Remote-MTA", r->remote_mta, dsn->utf8);
	add_reply(out, r->reply, dsn->utf8);
	add_date(out, "Last-Attempt-Date", r->last_attempt_ms, dsn->zone);
	add_field(out, "Final-Log-ID", r->log_id, false);
	if (r->action == DSN_DELAYED)
		add_date(out, "Will-Retry-Until", r->retry_until_ms, dsn->zone);
}

static void add_status(struct buf *out, const struct dsn *dsn)
{
	add_field(out, "Original-Envelope-Id", dsn->envelope_id, dsn->utf8);
	add_dns_field(out, "Reporting-MTA", dsn->reporting_mta, dsn->utf8);
	add_dns_field(out, "Received-From-MTA", dsn->received_from, dsn->utf8);
	add_date(out, "Arrival-Date", dsn->arrival_ms, dsn->zone);
	for (size_t i = 0; i < dsn->n_recipients; i++)
		add_recipient(out, dsn, &dsn->recipients[i]);
}

static void add_subject(struct buf *out, const struct dsn *dsn)
{
	struct slice subject = dsn->subject;

	if (subject.len == 0)
		subject = slice_str(subjects[dsn->n_recipients ? dsn->recipients[0].action : DSN_FAILED]);
	buf_adds(out, "Subject: ");
	encoded_add_text(out, subject, 9);
	buf_adds(out, "\r\n");
}

static bool is_7bit(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] >= 0x80)
			return false;
	}
	return true;
}

static void add_header(struct buf *out, const struct dsn *dsn, const char *boundary)
{
	buf_adds(out, "From: ");
	encoded_add_phrase(out, SLICE("Mail Delivery System"), 6);
	buf_adds(out, " <");
	add_clean(out, dsn->from, dsn->utf8);
	buf_adds(out, ">\r\nTo: <");
	add_clean(out, dsn->to, dsn->utf8);
	buf_adds(out, ">\r\n");
	add_subject(out, dsn);
	add_date(out, "Date", dsn->date_ms, dsn->zone);
	add_field(out, "Message-ID", dsn->message_id, dsn->utf8);
	add_field(out, "In-Reply-To", dsn->in_reply_to, dsn->utf8);
	buf_adds(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	if (dsn->utf8 || !is_7bit(dsn->original))
		buf_adds(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_printf(out,
	           "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"%s\"\r\n\r\n",
	           boundary);
}

static void begin_part(struct buf *out, const char *boundary, const char *description, const char *type)
{
	buf_printf(out, "--%s\r\nContent-Description: %s\r\nContent-Type: %s\r\n", boundary, description,
	           type);
}

static void add_text_part(struct buf *out, const struct dsn *dsn, const char *boundary)
{
	begin_part(out, boundary, "Notification", "text/plain; charset=utf-8");
	buf_adds(out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	transfer_encode_qp(out, dsn->text);
	buf_adds(out, "\r\n");
}

static void add_status_part(struct buf *out, const struct dsn *dsn, const char *boundary)
{
	begin_part(out, boundary, "Delivery report",
	           dsn->utf8 ? "message/global-delivery-status" : "message/delivery-status");
	buf_adds(out, dsn->utf8 ? "Content-Transfer-Encoding: 8bit\r\n\r\n" : "\r\n");
	add_status(out, dsn);
	buf_adds(out, "\r\n");
}

/* message/rfc822 may not be encoded, so 8-bit goes as it is and says so; a header with raw UTF-8 is a global one. */
static void add_original_part(struct buf *out, const struct dsn *dsn, const char *boundary)
{
	size_t header_len = header_end(dsn->original);
	bool global = dsn->utf8 && !is_7bit(slice_first(dsn->original, header_len));
	struct slice shown = dsn->original;
	const char *type;

	if (dsn->returned == DSN_RETURN_HEADERS) {
		shown = slice_first(shown, header_len);
		type = global ? "message/global-headers" : "text/rfc822-headers";
	} else {
		type = global ? "message/global" : "message/rfc822";
	}
	begin_part(out, boundary, dsn->returned == DSN_RETURN_FULL ? "Undelivered message" : "Message header",
	           type);
	if (!is_7bit(shown))
		buf_adds(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_adds(out, "\r\n");
	buf_add_slice(out, shown);
	buf_adds(out, "\r\n");
}

bool dsn_add(struct buf *out, const struct dsn *dsn)
{
	struct id id = id_new(); /* so nothing in the original can be taken for the boundary */
	char boundary[48];

	snprintf(boundary, sizeof(boundary), "=_dsn_%s", id_print(&id).text);
	add_header(out, dsn, boundary);
	add_text_part(out, dsn, boundary);
	add_status_part(out, dsn, boundary);
	if (dsn->original.data)
		add_original_part(out, dsn, boundary);
	buf_printf(out, "--%s--\r\n", boundary);
	return !out->overflow;
}
