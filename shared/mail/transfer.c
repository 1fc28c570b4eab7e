/* Content transfer encodings (transfer.h). */
#include "mail/transfer.h"

#include "base/base64.h"

enum { QP_TEXT, QP_ESCAPE, QP_ESCAPE_HEX, QP_SOFT_BLANK, QP_SOFT_CR };

enum { LINE_MAX_LEN = 76, BASE64_LINE = 57, PIECE = 8192 };

static const char *const names[TRANSFER_COUNT] = {
	[TRANSFER_7BIT] = "7bit",     [TRANSFER_8BIT] = "8bit",
	[TRANSFER_BINARY] = "binary", [TRANSFER_QUOTED_PRINTABLE] = "quoted-printable",
	[TRANSFER_BASE64] = "base64", [TRANSFER_UNKNOWN] = "x-unknown",
};

enum transfer transfer_of(struct slice name)
{
	if (name.len == 0)
		return TRANSFER_7BIT;
	for (enum transfer t = 0; t < TRANSFER_UNKNOWN; t++) {
		if (slice_is(name, names[t]))
			return t;
	}
	return TRANSFER_UNKNOWN;
}

const char *transfer_name(enum transfer kind)
{
	return names[kind < TRANSFER_COUNT ? kind : TRANSFER_UNKNOWN];
}

void transfer_init(struct transfer_decoder *d, enum transfer kind)
{
	d->kind = kind;
	d->state = QP_TEXT;
	d->bits = 0;
	d->n = 0;
}

/* 0-63, or 64 for '=', or 65 for what is no letter */
static const uint8_t *letter_values(void)
{
	/* clang-format off */
#define X 65
#define XX X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X
	static const uint8_t values[256] = {
		XX, XX,
		X, X, X, X, X, X, X, X, X, X, X, 62, X, X, X, 63,
		52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X, X, X, 64, X, X,
		X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
		15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X, X, X, X, X,
		X, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
		41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X, X, X, X, X,
		XX, XX, XX, XX, XX, XX, XX, XX,
	};
#undef XX
#undef X
	/* clang-format on */
	return values;
}

/* The whole bytes of an unfinished group, at its padding or at the end. */
static uint8_t *flush_group(struct transfer_decoder *d, uint8_t *to)
{
	if (d->n >= 2)
		*to++ = (uint8_t)(d->bits >> (d->n == 2 ? 4 : 10));
	if (d->n == 3)
		*to++ = (uint8_t)(d->bits >> 2);
	d->n = 0;
	d->bits = 0;
	return to;
}

static uint8_t *base64_piece(struct transfer_decoder *d, struct slice in, uint8_t *to)
{
	const uint8_t *values = letter_values();

	for (size_t i = 0; i < in.len; i++) {
		uint8_t v = values[in.data[i]];

		if (v < 64) {
			d->bits = d->bits << 6 | v;
			if (++d->n < 4)
				continue;
			*to++ = (uint8_t)(d->bits >> 16);
			*to++ = (uint8_t)(d->bits >> 8);
			*to++ = (uint8_t)d->bits;
			d->n = 0;
			d->bits = 0;
		} else if (v == 64) {
			to = flush_group(d, to); /* two base64 texts may stand behind one another */
		}
	}
	return to;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint8_t *flush_blanks(struct transfer_decoder *d, uint8_t *to)
{
	memcpy(to, d->blanks, d->n);
	to += d->n;
	d->n = 0;
	return to;
}

/* Blanks before a line end were added in transport and go; others stay. */
static uint8_t *qp_text(struct transfer_decoder *d, uint8_t c, uint8_t *to)
{
	if (c == ' ' || c == '\t') {
		if (d->n == TRANSFER_BLANKS)
			to = flush_blanks(d, to);
		d->blanks[d->n++] = c;
		return to;
	}
	if (c == '\r' && d->n < TRANSFER_BLANKS) {
		/* held with the blanks: only LF tells whether it is a line end */
		d->blanks[d->n++] = c;
		return to;
	}
	if (c == '\n') {
		bool cr = d->n && d->blanks[d->n - 1] == '\r';

		d->n -= cr;
		while (d->n && d->blanks[d->n - 1] != '\r')
			d->n--;
		to = flush_blanks(d, to);
		if (cr)
			*to++ = '\r';
		*to++ = '\n';
		return to;
	}
	to = flush_blanks(d, to);
	if (c == '=')
		d->state = QP_ESCAPE;
	else
		*to++ = c;
	return to;
}

/* Behind '=': two hex digits, or a line end (with blanks before it) that is to vanish; else it is as written. */
static uint8_t *qp_escape(struct transfer_decoder *d, uint8_t c, uint8_t *to)
{
	if (hex_value(c) >= 0) {
		d->bits = c;
		d->state = QP_ESCAPE_HEX;
	} else if (c == '\n') {
		d->state = QP_TEXT;
	} else if (c == '\r' || c == ' ' || c == '\t') {
		d->blanks[d->n++] = c;
		d->state = c == '\r' ? QP_SOFT_CR : QP_SOFT_BLANK;
	} else {
		*to++ = '=';
		d->state = QP_TEXT;
		to = qp_text(d, c, to);
	}
	return to;
}

static uint8_t *qp_hex(struct transfer_decoder *d, uint8_t c, uint8_t *to)
{
	d->state = QP_TEXT;
	if (hex_value(c) >= 0) {
		*to++ = (uint8_t)(hex_value((uint8_t)d->bits) << 4 | hex_value(c));
		return to;
	}
	*to++ = '=';
	*to++ = (uint8_t)d->bits;
	return qp_text(d, c, to);
}

static uint8_t *qp_soft(struct transfer_decoder *d, uint8_t c, uint8_t *to)
{
	bool room = d->n < TRANSFER_BLANKS;

	if (c == '\n') {
		d->n = 0;
		d->state = QP_TEXT;
		return to;
	}
	if (d->state == QP_SOFT_BLANK && room && (c == ' ' || c == '\t' || c == '\r')) {
		d->blanks[d->n++] = c;
		d->state = c == '\r' ? QP_SOFT_CR : QP_SOFT_BLANK;
		return to;
	}
	*to++ = '=';
	to = flush_blanks(d, to);
	d->state = QP_TEXT;
	return qp_text(d, c, to);
}

static uint8_t *qp_piece(struct transfer_decoder *d, struct slice in, uint8_t *to)
{
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];

		if (d->state == QP_TEXT)
			to = d->n == 0 && c > ' ' && c != '=' ? (*to = c, to + 1) : qp_text(d, c, to);
		else if (d->state == QP_ESCAPE)
			to = qp_escape(d, c, to);
		else if (d->state == QP_ESCAPE_HEX)
			to = qp_hex(d, c, to);
		else
			to = qp_soft(d, c, to);
	}
	return to;
}

/* The most that one piece can give: itself, and what was held back. */
static size_t most_of(size_t len)
{
	return len + TRANSFER_BLANKS + 3;
}

/* Decodes aside when `out` may be too small for the most there can be, so that its limit holds to the byte. */
static bool feed_piece(struct transfer_decoder *d, struct slice in, struct buf *out)
{
	uint8_t aside[PIECE + TRANSFER_BLANKS + 3], *to = aside, *end;
	bool direct = out->limit - MIN_OF(out->len, out->limit) >= most_of(in.len);

	if (direct) {
		to = buf_room(out, most_of(in.len));
		if (!to)
			return false;
	}
	end = d->kind == TRANSFER_BASE64 ? base64_piece(d, in, to) : qp_piece(d, in, to);
	if (!direct)
		return buf_add(out, aside, (size_t)(end - aside));
	out->len += (size_t)(end - to);
	return true;
}

bool transfer_feed(struct transfer_decoder *d, struct slice chunk, struct buf *out)
{
	if (d->kind != TRANSFER_BASE64 && d->kind != TRANSFER_QUOTED_PRINTABLE)
		return buf_add_slice(out, chunk);
	while (chunk.len) {
		if (!feed_piece(d, slice_first(chunk, PIECE), out))
			return false;
		chunk = slice_from(chunk, PIECE);
	}
	return !out->overflow;
}

bool transfer_finish(struct transfer_decoder *d, struct buf *out)
{
	uint8_t last[TRANSFER_BLANKS + 3], *to = last;

	if (d->kind == TRANSFER_BASE64) {
		to = flush_group(d, to);
	} else if (d->kind == TRANSFER_QUOTED_PRINTABLE) {
		if (d->state == QP_ESCAPE_HEX) {
			*to++ = '=';
			*to++ = (uint8_t)d->bits;
		} else if (d->state != QP_TEXT) {
			d->n = 0; /* a soft line end at the very end */
		}
		while (d->n && d->blanks[d->n - 1] != '\r')
			d->n--;
		to = flush_blanks(d, to);
	}
	transfer_init(d, d->kind);
	return buf_add(out, last, (size_t)(to - last));
}

bool transfer_decode(struct buf *out, enum transfer kind, struct slice in)
{
	struct transfer_decoder d;

	transfer_init(&d, kind);
	return transfer_feed(&d, in, out) && transfer_finish(&d, out);
}

uint64_t transfer_decoded_len(enum transfer kind, struct slice in)
{
	struct transfer_decoder d;
	uint64_t total = 0;
	struct buf piece;

	if (kind != TRANSFER_BASE64 && kind != TRANSFER_QUOTED_PRINTABLE)
		return in.len;
	transfer_init(&d, kind);
	buf_init(&piece, BUF_NO_LIMIT);
	while (in.len) {
		transfer_feed(&d, slice_first(in, PIECE), &piece);
		total += piece.len;
		buf_clear(&piece);
		in = slice_from(in, PIECE);
	}
	transfer_finish(&d, &piece);
	total += piece.len;
	buf_done(&piece);
	return total;
}

bool transfer_encode_base64(struct buf *out, struct slice in)
{
	while (in.len) {
		base64_encode(out, slice_first(in, BASE64_LINE));
		if (!buf_adds(out, "\r\n"))
			return false;
		in = slice_from(in, BASE64_LINE);
	}
	return !out->overflow;
}

/* Whether the byte at `i` goes as it is; `at_end`: a line end or the text's end follows. */
static bool qp_is_plain(struct slice text, size_t i, size_t column, bool at_end)
{
	uint8_t c = text.data[i];

	if (c == ' ' || c == '\t')
		return !at_end;
	if (c <= ' ' || c >= 0x7f || c == '=')
		return false;
	if (column == 0 && c == 'F')
		return !slice_starts(slice_from(text, i), "From ");
	return column != 0 || c != '.';
}

static size_t line_end_at(struct slice text, size_t i)
{
	if (i < text.len && text.data[i] == '\n')
		return 1;
	return i + 1 < text.len && text.data[i] == '\r' && text.data[i + 1] == '\n' ? 2 : 0;
}

bool transfer_encode_qp(struct buf *out, struct slice text)
{
	size_t column = 0, i = 0;

	while (i < text.len) {
		size_t line_end = line_end_at(text, i), width;
		bool at_end, plain;

		if (line_end) {
			buf_adds(out, "\r\n");
			column = 0;
			i += line_end;
			continue;
		}
		at_end = i + 1 == text.len || line_end_at(text, i + 1);
		plain = qp_is_plain(text, i, column, at_end);
		width = plain ? 1 : 3;
		if (column + width > LINE_MAX_LEN - (at_end ? 0 : 1)) {
			buf_adds(out, "=\r\n");
			column = 0;
			continue; /* the byte is the first of its line now, which may change how it goes */
		}
		if (plain)
			buf_addc(out, text.data[i]);
		else
			buf_printf(out, "=%02X", text.data[i]);
		column += width;
		i++;
	}
	return !out->overflow;
}
