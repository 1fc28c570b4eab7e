/* Encoding bodies for hosts that take 7-bit only (seven_bit.h). */
#include "seven_bit.h"

#include "mail/header.h"
#include "mail/mime.h"
#include "mail/transfer.h"

static bool has_8bit(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] >= 0x80)
			return true;
	}
	return false;
}

/* A Content-Transfer-Encoding that only says how the bytes lie there. */
static bool is_plain(const struct mime_part *part)
{
	return part->encoding <= TRANSFER_BINARY;
}

/* The header of a part with another encoding said in it; at the top, what makes it MIME when nothing did. */
static void add_header(struct buf *out, const struct mime_part *part, struct slice header,
                       const char *encoding)
{
	struct header_iter iter = header_iter_of(header);
	struct header_field field;

	while (header_next(&iter, &field)) {
		if (!slice_is(field.name, "Content-Transfer-Encoding"))
			buf_add(out, header.data + field.start, field.end - field.start);
	}
	if (!part->parent && !header_find(header, "MIME-Version", &field))
		buf_adds(out, "MIME-Version: 1.0\r\n");
	if (!part->parent && !header_find(header, "Content-Type", &field))
		buf_adds(out, "Content-Type: text/plain; charset=unknown-8bit\r\n"); /* RFC 1428 3 */
	buf_printf(out, "Content-Transfer-Encoding: %s\r\n\r\n", encoding);
}

/* What is between `*at` and `to`, as it is. False: it had better not go like that. */
static bool copy_up_to(struct buf *out, struct slice message, uint64_t *at, uint64_t to, bool is_body)
{
	struct slice between = slice_of(message.data + *at, to - *at);

	*at = to;
	buf_add_slice(out, between);
	return !is_body || !has_8bit(between);
}

static bool convert_leaf(struct buf *out, const struct mime_part *part, struct slice message, uint64_t *at)
{
	struct slice header = slice_of(message.data + part->header, part->header_len);
	struct slice body = mime_body(part, message);
	const bool text = mime_is(part, "text", NULL);

	if (!has_8bit(body))
		return true;
	if (!is_plain(part))
		return false;
	add_header(out, part, header, text ? "quoted-printable" : "base64");
	if (text)
		transfer_encode_qp(out, body);
	else
		transfer_encode_base64(out, body);
	*at = part->body + part->body_len;
	return true;
}

static void convert_container(struct buf *out, const struct mime_part *part, struct slice message,
                              uint64_t *at)
{
	struct slice header = slice_of(message.data + part->header, part->header_len);

	if (part->encoding != TRANSFER_8BIT && part->encoding != TRANSFER_BINARY)
		return;
	add_header(out, part, header, "7bit");
	*at = part->body;
}

bool seven_bit_convert(struct slice message, struct arena *arena, struct buf *out)
{
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	const struct mime_part *part;
	struct mime mime;
	uint64_t at = 0;

	mime_parse(arena, message, &limits, &mime);
	if (mime.limited)
		return false;
	for (part = mime.root; part; part = mime_next(part)) {
		if (!copy_up_to(out, message, &at, part->header, part->parent != NULL))
			return false;
		if (part->kind != MIME_LEAF)
			convert_container(out, part, message, &at);
		else if (!convert_leaf(out, part, message, &at))
			return false;
		/* the header that was not written anew; none of it is body */
		if (at < part->body && !copy_up_to(out, message, &at, part->body, false))
			return false;
	}
	return copy_up_to(out, message, &at, message.len, true) && !out->overflow;
}
