/* Parameters of MAIL and RCPT (params.h): a row for each keyword. */
#include "smtp/params.h"

#include "base/arena.h"
#include "base/utf8.h"

enum { SIZE_DIGITS = 20, ENVID_MAX = 100, ORCPT_MAX = 500 };

struct reading {
	struct arena *arena;
	struct smtp_mail_params *mail;
	struct smtp_rcpt_params *rcpt;
	bool smtputf8;
	struct why *why;
};

struct row {
	const char *keyword;
	unsigned needs; /* any of these extensions offered */
	enum fault (*read)(struct reading *, struct slice value);
};

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	/* RFC 3461 wants capitals; small ones are met, and mean the same */
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum fault xtext_decode(struct arena *arena, struct slice text, struct slice *ret, struct why *why)
{
	uint8_t *out = arena_alloc(arena, text.len);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		int high, low;

		out[len] = text.data[i];
		if (out[len] <= ' ' || out[len] == 0x7f || out[len] == '=')
			return fault_set(why, FAULT_INPUT, "malformed xtext");
		if (text.data[i] == '+') {
			high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
			low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return fault_set(why, FAULT_INPUT, "malformed xtext");
			out[len] = (uint8_t)(high << 4 | low);
			i += 2;
		}
		len++;
	}
	*ret = slice_of(out, len);
	return FAULT_NONE;
}

bool xtext_add(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c <= ' ' || c >= 0x7f || c == '+' || c == '=')
			buf_printf(out, "+%02X", c);
		else
			buf_addc(out, c);
	}
	return !out->overflow;
}

static enum fault no_value(struct reading *r, struct slice value)
{
	return value.data ? fault_set(r->why, FAULT_INPUT, "parameter takes no value") : FAULT_NONE;
}

static enum fault read_size(struct reading *r, struct slice value)
{
	if (value.len > SIZE_DIGITS || !slice_u64(value, UINT64_MAX, &r->mail->size))
		return fault_set(r->why, FAULT_INPUT, "malformed SIZE");
	r->mail->has_size = true;
	return FAULT_NONE;
}

static enum fault read_body(struct reading *r, struct slice value)
{
	if (slice_is(value, "7BIT"))
		r->mail->body = SMTP_BODY_7BIT;
	else if (slice_is(value, "8BITMIME"))
		r->mail->body = SMTP_BODY_8BITMIME;
	else if (slice_is(value, "BINARYMIME"))
		r->mail->body = SMTP_BODY_BINARYMIME;
	else
		return fault_set(r->why, FAULT_INPUT, "malformed BODY");
	return FAULT_NONE;
}

static enum fault read_smtputf8(struct reading *r, struct slice value)
{
	r->mail->smtputf8 = true;
	return no_value(r, value);
}

static enum fault read_requiretls(struct reading *r, struct slice value)
{
	r->mail->requiretls = true;
	return no_value(r, value);
}

/* AUTH=<> or the xtext of a mailbox */
static enum fault read_auth(struct reading *r, struct slice value)
{
	struct address address;
	struct slice text;
	enum fault fault;

	if (slice_is(value, "<>")) {
		r->mail->auth = SLICE("");
		return FAULT_NONE;
	}
	fault = xtext_decode(r->arena, value, &text, r->why);
	if (!fault)
		fault = address_parse(r->arena, text, &address, r->why);
	if (!fault)
		r->mail->auth = text;
	return fault;
}

static enum fault read_ret(struct reading *r, struct slice value)
{
	r->mail->ret = slice_is(value, "FULL") ? SMTP_RET_FULL : SMTP_RET_HDRS;
	if (!slice_is(value, "FULL") && !slice_is(value, "HDRS"))
		return fault_set(r->why, FAULT_INPUT, "malformed RET");
	return FAULT_NONE;
}

/* Decoded, it must be printable: it is shown in reports. */
static bool is_printable(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < ' ' || s.data[i] >= 0x7f)
			return false;
	}
	return true;
}

static enum fault read_envid(struct reading *r, struct slice value)
{
	enum fault fault = xtext_decode(r->arena, value, &r->mail->envid, r->why);

	if (fault)
		return fault;
	if (value.len == 0 || value.len > ENVID_MAX || !is_printable(r->mail->envid))
		return fault_set(r->why, FAULT_INPUT, "malformed ENVID");
	return FAULT_NONE;
}

/* "NEVER" / 1#( "SUCCESS" / "FAILURE" / "DELAY" ) */
static enum fault read_notify(struct reading *r, struct slice value)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE", "DELAY" };
	struct slice word;

	while (slice_cut(&value, ',', &word)) {
		unsigned bit = 0;

		for (unsigned i = 0; i < ARRAY_LEN(words); i++)
			bit |= slice_is(word, words[i]) ? BIT(i) : 0;
		if (!bit)
			return fault_set(r->why, FAULT_INPUT, "malformed NOTIFY");
		r->rcpt->notify |= bit;
	}
	if (!r->rcpt->notify || (r->rcpt->notify & SMTP_NOTIFY_NEVER && r->rcpt->notify != SMTP_NOTIFY_NEVER))
		return fault_set(r->why, FAULT_INPUT, "malformed NOTIFY");
	return FAULT_NONE;
}

/* EmbeddedUnicodeChar = "\x{" HEXPOINT "}" (RFC 6533 3); gives its length, 0 when it is none */
static size_t unicode_escape(struct slice s, uint32_t *ret)
{
	ptrdiff_t close = slice_chr(slice_first(s, 10), '}');
	uint32_t code = 0;

	if (!slice_starts(s, "\\x{") || close < 5)
		return 0;
	for (ptrdiff_t i = 3; i < close; i++) {
		if (hex_value(s.data[i]) < 0)
			return 0;
		code = code << 4 | (uint32_t)hex_value(s.data[i]);
	}
	*ret = code;
	return (size_t)close + 1;
}

/* utf-8-addr-xtext or utf-8-addr-unitext: "\x{...}" for what neither ASCII nor plain UTF-8 should show */
static void decode_utf8_address(struct reading *r, struct slice text, struct slice *ret)
{
	struct buf out;

	buf_init(&out, text.len * 2 + 4);
	while (text.len) {
		uint32_t code;
		size_t len = unicode_escape(text, &code);

		if (len)
			utf8_encode(&out, code);
		else
			buf_addc(&out, text.data[0]);
		text = slice_from(text, len ? len : 1);
	}
	*ret = arena_copy(r->arena, buf_slice(&out));
	buf_done(&out);
}

/* original-recipient-address = addr-type ";" xtext */
static enum fault read_orcpt(struct reading *r, struct slice value)
{
	struct slice type, address = SLICE("");
	enum fault fault = FAULT_NONE;

	if (value.len > ORCPT_MAX || !slice_cut(&value, ';', &type) || !value.len || !type.len ||
	    !is_printable(type))
		return fault_set(r->why, FAULT_INPUT, "malformed ORCPT");
	if (slice_is(type, "utf-8"))
		decode_utf8_address(r, value, &address);
	else
		fault = xtext_decode(r->arena, value, &address, r->why);
	if (fault)
		return fault;
	for (size_t i = 0; i < address.len; i++) {
		if (address.data[i] < ' ' || address.data[i] == 0x7f)
			return fault_set(r->why, FAULT_INPUT, "control character in ORCPT");
	}
	if (!utf8_valid(address) || (!utf8_is_ascii(value) && !r->smtputf8))
		return fault_set(r->why, FAULT_INPUT, "malformed ORCPT");
	r->rcpt->orcpt_type = type;
	r->rcpt->orcpt = address;
	return FAULT_NONE;
}

static const struct row mail_rows[] = {
	{ "SIZE", SMTP_EXT_SIZE, read_size },
	{ "BODY", SMTP_EXT_8BITMIME | SMTP_EXT_BINARYMIME, read_body },
	{ "SMTPUTF8", SMTP_EXT_SMTPUTF8, read_smtputf8 },
	{ "AUTH", SMTP_EXT_AUTH, read_auth },
	{ "RET", SMTP_EXT_DSN, read_ret },
	{ "ENVID", SMTP_EXT_DSN, read_envid },
	{ "REQUIRETLS", SMTP_EXT_REQUIRETLS, read_requiretls },
};

static const struct row rcpt_rows[] = {
	{ "NOTIFY", SMTP_EXT_DSN, read_notify },
	{ "ORCPT", SMTP_EXT_DSN, read_orcpt },
};

static enum fault read_params(struct reading *r, const struct smtp_path_args *args, const struct row *rows,
                              size_t n_rows, unsigned offered)
{
	for (uint32_t i = 0; i < args->n_params; i++) {
		const struct smtp_param *param = &args->params[i];
		const struct row *row = rows;
		enum fault fault;

		while (row < rows + n_rows && !slice_is(param->keyword, row->keyword))
			row++;
		if (row == rows + n_rows || !(row->needs & offered))
			return fault_set(r->why, FAULT_UNSUPPORTED, "parameter %.*s is not known here",
			                 SLICE_FMT(slice_first(param->keyword, 40)));
		fault = row->read(r, param->value);
		if (fault)
			return fault;
	}
	return FAULT_NONE;
}

enum fault smtp_mail_params(struct arena *arena, const struct smtp_path_args *args, unsigned offered,
                            struct smtp_mail_params *ret, struct why *why)
{
	struct smtp_mail_params got = { .has_size = false };
	struct reading r = { .arena = arena, .mail = &got, .why = why };
	enum fault fault = read_params(&r, args, mail_rows, ARRAY_LEN(mail_rows), offered);

	if (fault)
		return fault;
	if (got.body == SMTP_BODY_BINARYMIME && !(offered & SMTP_EXT_BINARYMIME))
		return fault_set(why, FAULT_UNSUPPORTED, "BODY=BINARYMIME is not offered");
	if (args->path.address.utf8 && !got.smtputf8)
		return fault_set(why, FAULT_INPUT, "address in UTF-8 without SMTPUTF8");
	if (!got.smtputf8 && got.auth.len && !is_printable(got.auth))
		return fault_set(why, FAULT_INPUT, "AUTH in UTF-8 without SMTPUTF8");
	*ret = got;
	return FAULT_NONE;
}

enum fault smtp_rcpt_params(struct arena *arena, const struct smtp_path_args *args, unsigned offered,
                            bool smtputf8, struct smtp_rcpt_params *ret, struct why *why)
{
	struct smtp_rcpt_params got = { .notify = 0 };
	struct reading r = { .arena = arena, .rcpt = &got, .smtputf8 = smtputf8, .why = why };
	enum fault fault = read_params(&r, args, rcpt_rows, ARRAY_LEN(rcpt_rows), offered);

	if (fault)
		return fault;
	if (args->path.address.utf8 && !smtputf8)
		return fault_set(why, FAULT_INPUT, "address in UTF-8 without SMTPUTF8");
	*ret = got;
	return FAULT_NONE;
}

bool smtp_mail_params_add(struct buf *out, const struct smtp_mail_params *p, unsigned offered)
{
	if (p->has_size && offered & SMTP_EXT_SIZE)
		buf_printf(out, " SIZE=%llu", (unsigned long long)p->size);
	if (p->body == SMTP_BODY_8BITMIME && offered & SMTP_EXT_8BITMIME)
		buf_adds(out, " BODY=8BITMIME");
	if (p->body == SMTP_BODY_BINARYMIME && offered & SMTP_EXT_BINARYMIME)
		buf_adds(out, " BODY=BINARYMIME");
	if (p->smtputf8 && offered & SMTP_EXT_SMTPUTF8)
		buf_adds(out, " SMTPUTF8");
	if (p->requiretls && offered & SMTP_EXT_REQUIRETLS)
		buf_adds(out, " REQUIRETLS");
	if (p->auth.data && offered & SMTP_EXT_AUTH) {
		buf_adds(out, " AUTH=");
		if (p->auth.len)
			xtext_add(out, p->auth);
		else
			buf_adds(out, "<>");
	}
	if (p->ret != SMTP_RET_UNSET && offered & SMTP_EXT_DSN)
		buf_adds(out, p->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
	if (p->envid.data && offered & SMTP_EXT_DSN) {
		buf_adds(out, " ENVID=");
		xtext_add(out, p->envid);
	}
	return !out->overflow;
}

/* utf-8-addr-xtext: an ASCII form that every host with DSN can carry */
static void add_utf8_address(struct buf *out, struct slice address)
{
	while (address.len) {
		uint32_t code;
		size_t len = utf8_decode(address, &code);

		if (len == 0)
			buf_addc(out, '?');
		else if (code <= ' ' || code >= 0x7f || code == '+' || code == '=' || code == '\\')
			buf_printf(out, "\\x{%02X}", code);
		else
			buf_addc(out, (uint8_t)code);
		address = slice_from(address, len ? len : 1);
	}
}

bool smtp_rcpt_params_add(struct buf *out, const struct smtp_rcpt_params *p, unsigned offered)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE", "DELAY" };
	char before = '=';

	if (!(offered & SMTP_EXT_DSN))
		return !out->overflow;
	if (p->notify)
		buf_adds(out, " NOTIFY");
	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		if (!(p->notify & BIT(i)))
			continue;
		buf_printf(out, "%c%s", before, words[i]);
		before = ',';
	}
	if (p->orcpt_type.data) {
		buf_printf(out, " ORCPT=%.*s;", SLICE_FMT(p->orcpt_type));
		if (slice_is(p->orcpt_type, "utf-8"))
			add_utf8_address(out, p->orcpt);
		else
			xtext_add(out, p->orcpt);
	}
	return !out->overflow;
}
