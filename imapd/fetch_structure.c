/*
 * BODYSTRUCTURE and BODY (RFC 3501 7.4.2, RFC 9051 7.5.2) from the tree of parts.
 *
 *   body    = "(" (part / 1*body SP subtype) [SP extension data] ")"
 *   part    = type SP subtype SP params SP id SP description SP encoding SP octets
 *             [message/rfc822: SP envelope SP body SP lines] [text: SP lines]
 *   leaf's extension      = md5 SP disposition SP language SP location
 *   multipart's extension = params SP disposition SP language SP location
 *
 * The tree is no deeper than its parser allows (mail/mime.h), so neither is the recursion here.
 */
#include "base/buf.h"
#include "base/utf8.h"
#include "command.h"
#include "fetch_item.h"
#include "mail/downgrade.h"

#define NAME_MAX_STARRED 200

static void add_number(struct buf *out, uint64_t number)
{
	buf_printf(out, " %llu", (unsigned long long)number);
}

static void add_text(struct buf *out, struct slice text, unsigned style)
{
	buf_addc(out, ' ');
	fetch_add_text(out, text, style);
}

/* An extended parameter (RFC 2231) keeps its star, and its value is charset'language'%C3%A4. */
static void add_starred(struct buf *out, struct slice name)
{
	char starred[NAME_MAX_STARRED + 1];

	memcpy(starred, name.data, name.len);
	starred[name.len] = '*';
	imap_add_string(out, slice_of(starred, name.len + 1));
}

/* Raw UTF-8 becomes what it should have been. */
static void add_extended(struct buf *out, const struct content_param *param)
{
	struct buf value;

	buf_init(&value, BUF_NO_LIMIT);
	add_starred(out, param->name);
	buf_addc(out, ' ');
	downgrade_add_param(&value, param->raw);
	imap_add_string(out, buf_slice(&value));
	buf_done(&value);
}

static void add_param(struct buf *out, const struct content_param *param, unsigned style)
{
	const bool starred = param->extended && param->name.len <= NAME_MAX_STARRED;
	const struct slice raw = param->raw.data ? param->raw : SLICE("");

	if ((style & FETCH_REV2) && utf8_valid(param->value)) {
		fetch_add_text(out, param->name, style);
		add_text(out, param->value.data ? param->value : SLICE(""), style);
	} else if (!(style & FETCH_UTF8) && !param->extended && downgrade_is_due(raw) &&
	           param->name.len <= NAME_MAX_STARRED) {
		add_extended(out, param);
	} else {
		if (starred)
			add_starred(out, param->name);
		else
			fetch_add_text(out, param->name, style);
		add_text(out, raw, style);
	}
}

/* Decoded, both spellings of a parameter have one name: the extended one is told. */
static bool is_told(const struct content_params *params, uint32_t i, unsigned style)
{
	const struct content_param *param = &params->params[i];

	if (!(style & FETCH_REV2) || param->extended)
		return true;
	for (uint32_t k = 0; k < params->n; k++)
		if (params->params[k].extended && slice_ieq(params->params[k].name, param->name))
			return false;
	return true;
}

/* body-fld-param = "(" string SP string *(SP string SP string) ")" / nil */
static void add_params(struct buf *out, const struct content_params *params, unsigned style)
{
	const char *between = " (";

	for (uint32_t i = 0; i < params->n; i++) {
		if (!is_told(params, i, style))
			continue;
		buf_adds(out, between);
		add_param(out, &params->params[i], style);
		between = " ";
	}
	buf_adds(out, params->n ? ")" : " NIL");
}

/* body-fld-dsp = "(" string SP body-fld-param ")" / nil */
static void add_disposition(struct buf *out, const struct mime_part *part, unsigned style)
{
	if (!part->disposition.data) {
		buf_adds(out, " NIL");
		return;
	}
	buf_adds(out, " (");
	fetch_add_text(out, part->disposition, style);
	add_params(out, &part->disposition_params, style);
	buf_addc(out, ')');
}

/* body-fld-lang = nstring / "(" string *(SP string) ")" */
static void add_languages(struct buf *out, struct slice list, unsigned style)
{
	struct slice one;
	uint32_t n = 0;

	while (slice_cut(&list, ',', &one)) {
		one = slice_trim(one);
		if (!one.len)
			continue;
		buf_adds(out, n++ ? " " : " (");
		fetch_add_text(out, one, style);
	}
	buf_adds(out, n ? ")" : " NIL");
}

static void add_tail(struct buf *out, const struct mime_part *part, unsigned style)
{
	add_disposition(out, part, style);
	add_languages(out, part->language, style);
	add_text(out, part->location, style);
}

static void add_multipart(struct buf *out, const struct mime_part *part, unsigned style)
{
	for (const struct mime_part *child = part->children; child; child = child->next)
		fetch_add_structure(out, child, style);
	add_text(out, part->subtype, style);
	if (!(style & FETCH_EXTENDED))
		return;
	add_params(out, &part->params, style);
	add_tail(out, part, style);
}

/* message/global is a message to RFC 9051; RFC 3501's clients know of one kind only. */
static bool is_message(const struct mime_part *part, unsigned style)
{
	return part->kind == MIME_MESSAGE && (style & FETCH_REV2 || slice_is(part->subtype, "rfc822"));
}

static void add_leaf(struct buf *out, const struct mime_part *part, unsigned style)
{
	fetch_add_text(out, part->type, style);
	add_text(out, part->subtype, style);
	add_params(out, &part->params, style);
	add_text(out, part->id, style);
	add_text(out, part->description, style);
	add_text(out, part->encoding_name.len ? part->encoding_name : SLICE("7bit"), style);
	add_number(out, part->body_len);
	if (is_message(part, style)) {
		buf_addc(out, ' ');
		fetch_add_envelope(out, part->envelope, style);
		buf_addc(out, ' ');
		fetch_add_structure(out, part->children, style);
		add_number(out, part->lines);
	} else if (slice_is(part->type, "text")) {
		add_number(out, part->lines);
	}
	if (!(style & FETCH_EXTENDED))
		return;
	add_text(out, part->md5, style);
	add_tail(out, part, style);
}

void fetch_add_structure(struct buf *out, const struct mime_part *part, unsigned style)
{
	buf_addc(out, '(');
	if (part->kind == MIME_MULTIPART)
		add_multipart(out, part, style);
	else
		add_leaf(out, part, style);
	buf_addc(out, ')');
}
