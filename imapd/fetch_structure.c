/*
 * BODYSTRUCTURE and BODY (RFC 3501 7.4.2) from the tree of parts.
 *
 *   body    = "(" (part / 1*body SP subtype) [SP extension data] ")"
 *   part    = type SP subtype SP params SP id SP description SP encoding SP octets
 *             [message/rfc822: SP envelope SP body SP lines] [text: SP lines]
 *   leaf's extension      = md5 SP disposition SP language SP location
 *   multipart's extension = params SP disposition SP language SP location
 *
 * The tree is no deeper than its parser allows (mail/mime.h), so neither is the recursion here.
 */
#include "command.h"
#include "fetch_item.h"

#define NAME_MAX_STARRED 200

static void add_number(struct buf *out, uint64_t number)
{
	buf_printf(out, " %llu", (unsigned long long)number);
}

static void add_text(struct buf *out, struct slice text)
{
	buf_addc(out, ' ');
	imap_add_string(out, text);
}

/* An extended parameter (RFC 2231) keeps its star, and its value is charset'language'%C3%A4. */
static void add_param_name(struct buf *out, const struct content_param *param)
{
	char starred[NAME_MAX_STARRED + 1];

	if (!param->extended || param->name.len > NAME_MAX_STARRED) {
		imap_add_string(out, param->name);
		return;
	}
	memcpy(starred, param->name.data, param->name.len);
	starred[param->name.len] = '*';
	imap_add_string(out, slice_of(starred, param->name.len + 1));
}

/* body-fld-param = "(" string SP string *(SP string SP string) ")" / nil */
static void add_params(struct buf *out, const struct content_params *params)
{
	if (!params->n) {
		buf_adds(out, " NIL");
		return;
	}
	for (uint32_t i = 0; i < params->n; i++) {
		const struct content_param *param = &params->params[i];

		buf_adds(out, i ? " " : " (");
		add_param_name(out, param);
		add_text(out, param->raw.data ? param->raw : SLICE(""));
	}
	buf_addc(out, ')');
}

/* body-fld-dsp = "(" string SP body-fld-param ")" / nil */
static void add_disposition(struct buf *out, const struct mime_part *part)
{
	if (!part->disposition.data) {
		buf_adds(out, " NIL");
		return;
	}
	buf_adds(out, " (");
	imap_add_string(out, part->disposition);
	add_params(out, &part->disposition_params);
	buf_addc(out, ')');
}

/* body-fld-lang = nstring / "(" string *(SP string) ")" */
static void add_languages(struct buf *out, struct slice list)
{
	struct slice one;
	uint32_t n = 0;

	while (slice_cut(&list, ',', &one)) {
		one = slice_trim(one);
		if (!one.len)
			continue;
		buf_adds(out, n++ ? " " : " (");
		imap_add_string(out, one);
	}
	buf_adds(out, n ? ")" : " NIL");
}

static void add_tail(struct buf *out, const struct mime_part *part)
{
	add_disposition(out, part);
	add_languages(out, part->language);
	add_text(out, part->location);
}

static void add_multipart(struct buf *out, const struct mime_part *part, bool extended)
{
	for (const struct mime_part *child = part->children; child; child = child->next)
		fetch_add_structure(out, child, extended);
	add_text(out, part->subtype);
	if (!extended)
		return;
	add_params(out, &part->params);
	add_tail(out, part);
}

static void add_leaf(struct buf *out, const struct mime_part *part, bool extended)
{
	imap_add_string(out, part->type);
	add_text(out, part->subtype);
	add_params(out, &part->params);
	add_text(out, part->id);
	add_text(out, part->description);
	add_text(out, part->encoding_name.len ? part->encoding_name : SLICE("7bit"));
	add_number(out, part->body_len);
	/* message/global is a message to RFC 9051; RFC 3501's clients know of one kind only */
	if (part->kind == MIME_MESSAGE && slice_is(part->subtype, "rfc822")) {
		buf_addc(out, ' ');
		fetch_add_envelope(out, part->envelope);
		buf_addc(out, ' ');
		fetch_add_structure(out, part->children, extended);
		add_number(out, part->lines);
	} else if (slice_is(part->type, "text")) {
		add_number(out, part->lines);
	}
	if (!extended)
		return;
	add_text(out, part->md5);
	add_tail(out, part);
}

void fetch_add_structure(struct buf *out, const struct mime_part *part, bool extended)
{
	buf_addc(out, '(');
	if (part->kind == MIME_MULTIPART)
		add_multipart(out, part, extended);
	else
		add_leaf(out, part, extended);
	buf_addc(out, ')');
}
