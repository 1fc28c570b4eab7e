/* Text parts to plain UTF-8 (text.h). HTML is text_html.c. */
#include "mail/text.h"

#include "base/utf8.h"
#include "mail/charset.h"

enum { TEXT_SPENDS = 16, HTML_SPENDS = 64, READ_AT_LEAST = 64 * 1024 };

static bool is_html(const struct mime_part *part)
{
	return mime_is(part, "text", "html");
}

/* Adds as much of `text` as fits, in whole characters. */
static bool add_fitting(struct buf *out, struct slice text)
{
	size_t room = out->overflow || out->len > out->limit ? 0 : out->limit - out->len;

	if (text.len <= room)
		return buf_add_slice(out, text);
	buf_add_slice(out, utf8_cut(text, room));
	return false;
}

/* How much of an encoded body can matter for `room` bytes of text: markup and encodings spend the rest. */
static size_t worth_reading(size_t room, bool html)
{
	size_t factor = html ? HTML_SPENDS : TEXT_SPENDS;

	return room > SIZE_MAX / factor ? SIZE_MAX : MAX_OF(room * factor, (size_t)READ_AT_LEAST);
}

bool text_of_part(struct buf *out, const struct mime_part *part, struct slice message)
{
	struct slice body = mime_body(part, message), charset = content_value(&part->params, "charset");
	size_t read = worth_reading(out->limit - MIN_OF(out->len, out->limit), is_html(part));
	bool whole, cut = body.len > read;
	struct buf raw, text;

	if (!mime_is(part, "text", NULL))
		return true;
	body = slice_first(body, read);
	buf_init(&raw, BUF_NO_LIMIT);  /* never longer than what is read */
	buf_init(&text, BUF_NO_LIMIT); /* three times that at most */
	if (part->encoding == TRANSFER_BASE64 || part->encoding == TRANSFER_QUOTED_PRINTABLE) {
		transfer_decode(&raw, part->encoding, body);
		body = buf_slice(&raw);
	}
	charset_to_utf8(&text, charset, body);
	if (is_html(part))
		whole = text_of_html(out, buf_slice(&text));
	else
		whole = add_fitting(out, buf_slice(&text));
	buf_done(&raw);
	buf_done(&text);
	return whole && !cut;
}
