/* Writing of encoded-words and extended parameter values (encoded.h). */
#include "mail/encoded.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "mail/lex.h"

enum { WORD_MAX = 75, WORD_FRAME = 12 /* =?UTF-8?Q? and ?= */, PARAM_MAX = 60 };

static bool is_control(uint8_t c)
{
	return c < ' ' || c == 0x7f;
}

static bool is_plain_text(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] >= 0x7f || (is_control(s.data[i]) && s.data[i] != '\t'))
			return false;
	}
	return slice_find(s, SLICE("=?")) < 0;
}

/* RFC 2047 5 (3): what stands for itself in a phrase's Q word; unstructured text takes the same */
static bool is_q_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '!' || c == '*' ||
	       c == '+' || c == '-' || c == '/';
}

/* UTF-8 with control characters as blanks, and malformed bytes as U+FFFD. */
static void clean(struct buf *to, struct slice utf8)
{
	utf8_add_lossy(to, utf8);
	for (size_t i = 0; i < to->len; i++) {
		if (is_control(to->data[i]))
			to->data[i] = ' ';
	}
}

static bool q_is_shorter(struct slice s)
{
	size_t q = 0;

	for (size_t i = 0; i < s.len; i++)
		q += is_q_plain(s.data[i]) || s.data[i] == ' ' ? 1 : 3;
	return q <= (s.len + 2) / 3 * 4;
}

static size_t q_width(struct slice character)
{
	if (character.len == 1 && (is_q_plain(character.data[0]) || character.data[0] == ' '))
		return 1;
	return 3 * character.len;
}

/* How much of `s`, in whole characters, one word of `room` columns takes; at least one character. */
static size_t word_takes(struct slice s, bool q, size_t room)
{
	size_t taken = 0, width = 0;

	while (taken < s.len) {
		uint32_t code;
		size_t len = utf8_decode(slice_from(s, taken), &code);
		size_t next = q ? width + q_width(slice_of(s.data + taken, len)) : (taken + len + 2) / 3 * 4;

		if (taken && next + WORD_FRAME > room)
			break;
		width = next;
		taken += len;
	}
	return taken;
}

static void write_q(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == ' ')
			buf_addc(out, '_');
		else if (is_q_plain(s.data[i]))
			buf_addc(out, s.data[i]);
		else
			buf_printf(out, "=%02X", s.data[i]);
	}
}

static bool write_words(struct buf *out, struct slice utf8, size_t column)
{
	struct slice s;
	struct buf text;
	bool q;

	buf_init(&text, BUF_NO_LIMIT);
	clean(&text, utf8);
	s = buf_slice(&text);
	q = q_is_shorter(s);
	while (s.len) {
		size_t room = column + WORD_FRAME + 12 < ENCODED_LINE ? ENCODED_LINE - column : 0, taken;

		if (!room) {
			buf_adds(out, "\r\n ");
			column = 1;
			room = ENCODED_LINE - column;
		}
		taken = word_takes(s, q, MIN_OF(room, (size_t)WORD_MAX));
		buf_adds(out, q ? "=?UTF-8?Q?" : "=?UTF-8?B?");
		if (q)
			write_q(out, slice_first(s, taken));
		else
			base64_encode(out, slice_first(s, taken));
		buf_adds(out, "?=");
		s = slice_from(s, taken);
		column = ENCODED_LINE; /* each further word has a line of its own */
	}
	buf_done(&text);
	return !out->overflow;
}

/* Plain text, folded before blanks where a line would get too long. */
static bool write_folded(struct buf *out, struct slice s, size_t column)
{
	size_t i = 0;

	while (i < s.len) {
		size_t end = i;

		while (end < s.len && lex_is_blank(s.data[end]))
			end++;
		while (end < s.len && !lex_is_blank(s.data[end]))
			end++;
		/* a fold must not leave a line that is blank all over */
		if (i > 0 && column + (end - i) > ENCODED_LINE && lex_is_blank(s.data[i]) &&
		    !lex_is_blank(s.data[end - 1])) {
			buf_adds(out, "\r\n");
			column = 0;
		}
		buf_add(out, s.data + i, end - i);
		column += end - i;
		i = end;
	}
	return !out->overflow;
}

bool encoded_add_text(struct buf *out, struct slice utf8, size_t column)
{
	if (is_plain_text(utf8))
		return write_folded(out, utf8, column);
	return write_words(out, utf8, column);
}

static bool is_atoms(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		bool blank = s.data[i] == ' ' && i > 0 && i + 1 < s.len && s.data[i - 1] != ' ';

		if (!blank && (s.data[i] >= 0x7f || is_control(s.data[i]) || !lex_is_atext(s.data[i])))
			return false;
	}
	return s.len > 0;
}

static bool write_quoted(struct buf *out, struct slice s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '"' || s.data[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.data[i]);
	}
	return buf_addc(out, '"');
}

bool encoded_add_phrase(struct buf *out, struct slice utf8, size_t column)
{
	if (!is_plain_text(utf8) || utf8.len > ENCODED_LINE)
		return write_words(out, utf8, column);
	if (is_atoms(utf8))
		return write_folded(out, utf8, column);
	return write_quoted(out, utf8);
}

/* attribute-char = any ASCII but SPACE, CTLs, "*", "'", "%", tspecials */
static bool is_attribute_char(uint8_t c)
{
	return c > ' ' && c < 0x7f && lex_is_token(c) && c != '*' && c != '\'' && c != '%';
}

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] <= ' ' || s.data[i] >= 0x7f || !lex_is_token(s.data[i]))
			return false;
	}
	return s.len > 0;
}

static void write_percent(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_attribute_char(s.data[i]))
			buf_addc(out, s.data[i]);
		else
			buf_printf(out, "%%%02X", s.data[i]);
	}
}

/* name*0*=utf-8''...; name*1*=...: cut anywhere, since the bytes are joined before they are read */
static bool write_extended(struct buf *out, const char *name, struct slice s)
{
	struct buf text;
	bool one;

	buf_init(&text, BUF_NO_LIMIT);
	write_percent(&text, s);
	s = buf_slice(&text);
	one = s.len <= PARAM_MAX;
	for (unsigned n = 0; n == 0 || s.len; n++) {
		size_t take = MIN_OF(s.len, (size_t)PARAM_MAX);

		/* not between % and its digits */
		while (take < s.len && take > 2 && (s.data[take - 1] == '%' || s.data[take - 2] == '%'))
			take--;
		if (one)
			buf_printf(out, ";\r\n %s*=utf-8''", name);
		else
			buf_printf(out, ";\r\n %s*%u*=%s", name, n, n == 0 ? "utf-8''" : "");
		buf_add_slice(out, slice_first(s, take));
		s = slice_from(s, take);
	}
	buf_done(&text);
	return !out->overflow;
}

bool encoded_add_param(struct buf *out, const char *name, struct slice utf8)
{
	if (!is_plain_text(utf8) || slice_chr(utf8, '\t') >= 0 || utf8.len > PARAM_MAX) {
		struct buf text;
		bool fits;

		buf_init(&text, BUF_NO_LIMIT);
		clean(&text, utf8);
		fits = write_extended(out, name, buf_slice(&text));
		buf_done(&text);
		return fits;
	}
	buf_printf(out, ";\r\n %s=", name);
	return is_token(utf8) ? buf_add_slice(out, utf8) : write_quoted(out, utf8);
}
