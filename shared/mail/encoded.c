/* Decoding of encoded-words and extended parameter values (encoded.h). Encoding is encoded_write.c. */
#include "mail/encoded.h"

#include "mail/charset.h"
#include "mail/transfer.h"
#include "mail/lex.h"

enum { CHARSET_MAX = 64 };

struct word {
	struct slice charset, text;
	uint8_t encoding; /* 'b' or 'q' */
	size_t len;       /* all of it, from =? to ?= */
};

struct decoding {
	struct buf *out;
	struct buf bytes; /* of the words so far, in `charset` */
	struct slice charset;
	bool after_word;
};

/* encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="; `s` starts with "=?" */
static bool parse_word(struct slice s, struct word *ret)
{
	struct slice head = slice_first(slice_from(s, 2), CHARSET_MAX + 1), charset;
	ptrdiff_t q = slice_chr(head, '?'), star, end;
	size_t text;

	if (q <= 0 || s.len < (size_t)q + 7)
		return false;
	charset = slice_first(head, (size_t)q);
	for (size_t i = 0; i < charset.len; i++) {
		if (charset.data[i] <= ' ' || charset.data[i] >= 0x7f)
			return false;
	}
	star = slice_chr(charset, '*');
	ret->charset = star >= 0 ? slice_first(charset, (size_t)star) : charset;
	ret->encoding = s.data[2 + q + 1] | 0x20;
	text = 2 + (size_t)q + 3;
	if ((ret->encoding != 'b' && ret->encoding != 'q') || s.data[text - 1] != '?')
		return false;
	end = slice_chr(slice_from(s, text), '?');
	if (end < 0 || text + (size_t)end + 1 >= s.len || s.data[text + (size_t)end + 1] != '=')
		return false;
	ret->text = slice_of(s.data + text, (size_t)end);
	ret->len = text + (size_t)end + 2;
	return true;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* An escape letter and two hex digits, as =C3 and %C3; false when the digits are none. */
static bool escape_at(struct slice s, size_t i, uint8_t escape, uint8_t *ret)
{
	int high, low;

	if (s.data[i] != escape || s.len - i < 3)
		return false;
	high = hex_value(s.data[i + 1]);
	low = hex_value(s.data[i + 2]);
	if (high < 0 || low < 0)
		return false;
	*ret = (uint8_t)(high << 4 | low);
	return true;
}

static void add_escaped(struct buf *out, struct slice s, uint8_t escape)
{
	uint8_t c;

	for (size_t i = 0; i < s.len; i++) {
		if (escape_at(s, i, escape, &c))
			i += 2;
		else
			c = escape == '=' && s.data[i] == '_' ? ' ' : s.data[i];
		buf_addc(out, c);
	}
}

static void flush_words(struct decoding *d)
{
	if (d->bytes.len)
		charset_to_utf8(d->out, d->charset, buf_slice(&d->bytes));
	buf_clear(&d->bytes);
}

static void add_word(struct decoding *d, const struct word *word)
{
	if (!slice_ieq(word->charset, d->charset)) {
		flush_words(d);
		d->charset = word->charset;
	}
	if (word->encoding == 'b')
		transfer_decode(&d->bytes, TRANSFER_BASE64, word->text);
	else
		add_escaped(&d->bytes, word->text, '=');
	d->after_word = true;
}

static bool is_all_blank(struct slice s)
{
	return slice_trim(s).len == 0;
}

static void add_plain(struct decoding *d, struct slice s)
{
	struct slice line;

	flush_words(d);
	while (s.len) {
		size_t n = 0;

		while (n < s.len && s.data[n] != '\n' && s.data[n] != '\r')
			n++;
		line = slice_first(s, n);
		charset_guess(d->out, line);
		while (n < s.len && (s.data[n] == '\n' || s.data[n] == '\r'))
			n++;
		s = slice_from(s, n);
	}
	d->after_word = false;
}

bool encoded_decode(struct buf *out, struct slice text)
{
	struct decoding d = { .out = out };
	size_t done = 0, at = 0;
	struct word word;
	ptrdiff_t hit;

	buf_init(&d.bytes, BUF_NO_LIMIT); /* never longer than the text */
	while (!out->overflow && (hit = slice_find(slice_from(text, at), SLICE("=?"))) >= 0) {
		struct slice between;

		at += (size_t)hit;
		if (!parse_word(slice_from(text, at), &word)) {
			at += 2;
			continue;
		}
		between = slice_of(text.data + done, at - done);
		if (!d.after_word || !is_all_blank(between))
			add_plain(&d, between);
		add_word(&d, &word);
		at += word.len;
		done = at;
	}
	add_plain(&d, slice_from(text, done));
	buf_done(&d.bytes);
	return !out->overflow;
}

/* extended-initial-value = [charset] "'" [language] "'" *(%HEX / attribute-char) */
bool encoded_decode_param(struct buf *out, struct slice raw)
{
	ptrdiff_t first = slice_chr(raw, '\''), second = -1;
	struct slice charset = SLICE("");
	struct buf bytes;

	if (first >= 0)
		second = slice_chr(slice_from(raw, (size_t)first + 1), '\'');
	if (second >= 0) {
		charset = slice_first(raw, (size_t)first);
		raw = slice_from(raw, (size_t)first + 1 + (size_t)second + 1);
	}
	buf_init(&bytes, BUF_NO_LIMIT); /* never longer than the value */
	add_escaped(&bytes, raw, '%');
	charset_to_utf8(out, charset, buf_slice(&bytes));
	buf_done(&bytes);
	return !out->overflow;
}
