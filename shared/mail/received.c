/* The Received field of our own (received.h). */
#include "mail/received.h"

#include "mail/date.h"

enum { SHOWN_MAX = 255 };

static const char *const protocols[2][2][2][2] = {
	/* [lmtp][utf8][tls][auth]; plain SMTP has none of them */
	{ { { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
	  { { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } } },
	{ { { "LMTP", "LMTPA" }, { "LMTPS", "LMTPSA" } },
	  { { "UTF8LMTP", "UTF8LMTPA" }, { "UTF8LMTPS", "UTF8LMTPSA" } } },
};

const char *received_protocol(const struct received *r)
{
	if (!r->esmtp && !r->lmtp)
		return "SMTP";
	return protocols[r->lmtp][r->utf8][r->tls][r->auth];
}

/* Anything printable but what quotes, comments and clauses are made of. */
static void add_safe(struct buf *out, struct slice s)
{
	s = slice_first(s, SHOWN_MAX);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		bool good = c > ' ' && c != 0x7f && c != '(' && c != ')' && c != '\\' && c != '"' &&
		            c != ';' && c != '<' && c != '>';

		buf_addc(out, good ? c : '?');
	}
}

static bool has_colon(struct slice ip)
{
	return slice_chr(ip, ':') >= 0;
}

/* From-domain = "FROM" FWS Extended-Domain; TCP-info = address-literal / ( Domain FWS address-literal ) */
static void add_from(struct buf *out, const struct received *r)
{
	buf_adds(out, "from ");
	if (r->helo.len)
		add_safe(out, r->helo);
	else
		buf_adds(out, "unknown");
	buf_adds(out, " (");
	if (r->client_name.data) {
		add_safe(out, r->client_name);
		buf_addc(out, ' ');
	}
	buf_adds(out, has_colon(r->client_ip) ? "[IPv6:" : "[");
	add_safe(out, r->client_ip);
	buf_adds(out, "])\r\n\t");
}

/* A comment may hold blanks. */
static void add_comment(struct buf *out, struct slice s)
{
	struct slice word;
	bool first = true;

	buf_adds(out, " (");
	while (slice_cut(&s, ' ', &word)) {
		if (!first)
			buf_addc(out, ' ');
		first = false;
		add_safe(out, word);
	}
	buf_addc(out, ')');
}

/* A path is all of the grammar's already, and may be quoted: only line ends must not get through. */
static void add_path(struct buf *out, struct slice path)
{
	buf_adds(out, "\r\n\tfor <");
	for (size_t i = 0; i < path.len; i++)
		buf_addc(out, path.data[i] < ' ' || path.data[i] == 0x7f ? '?' : path.data[i]);
	buf_addc(out, '>');
}

bool received_add(struct buf *out, const struct received *r)
{
	struct date date = { .utc_ms = r->time_ms, .zone = r->zone };
	char when[DATE_TEXT_MAX];

	buf_adds(out, "Received: ");
	if (r->client_ip.data)
		add_from(out, r);
	buf_adds(out, "by ");
	add_safe(out, r->by);
	buf_printf(out, " with %s", received_protocol(r));
	if (r->tls_info.data)
		add_comment(out, r->tls_info);
	if (r->id.data) {
		buf_adds(out, " id ");
		add_safe(out, r->id);
	}
	if (r->recipient.data)
		add_path(out, r->recipient);
	date_print(&date, when);
	buf_printf(out, ";\r\n\t%s\r\n", when);
	return !out->overflow;
}
