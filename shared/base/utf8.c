/* UTF-8 (RFC 3629 4), by its table of well-formed byte sequences. */
#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

static bool word_is_ascii(const uint8_t *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
	/* the subtraction borrows, and so shows a high bit, exactly where some byte is zero */
	return ((word | (word - 0x0101010101010101u)) & 0x8080808080808080u) == 0;
}

/* How many bytes at the start are below 0x80 and not NUL. */
static size_t ascii_run(struct slice s)
{
	size_t at = 0;

	while (s.len - at >= 8 && word_is_ascii(s.data + at))
		at += 8;
	while (at < s.len && s.data[at] < 0x80 && s.data[at])
		at++;
	return at;
}

bool utf8_is_ascii(struct slice s)
{
	return ascii_run(s) == s.len;
}

size_t utf8_decode(struct slice s, uint32_t *ret_code)
{
	/* the least code of each length; less would be an overlong form */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t len;

	if (s.len == 0)
		return 0;
	if (s.data[0] < 0x80) {
		*ret_code = s.data[0];
		return 1;
	}
	len = s.data[0] >= 0xf0 ? 4 : s.data[0] >= 0xe0 ? 3 : 2;
	if (s.data[0] < 0xc2 || s.data[0] > 0xf4 || len > s.len)
		return 0;
	code = s.data[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s.data[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s.data[i] & 0x3fu);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return len;
}

/* How many bytes at the start are whole characters other than NUL. */
static size_t valid_run(struct slice s)
{
	size_t at = 0, len;
	uint32_t code;

	for (;;) {
		at += ascii_run(slice_from(s, at));
		len = utf8_decode(slice_from(s, at), &code);
		if (len < 2)
			return at;
		at += len;
	}
}

bool utf8_valid(struct slice s)
{
	return valid_run(s) == s.len;
}

bool utf8_encode(struct buf *out, uint32_t code)
{
	uint8_t raw[4];
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return buf_adds(out, REPLACEMENT);
	if (len == 1)
		return buf_addc(out, (uint8_t)code);
	for (size_t i = len - 1; i > 0; i--) {
		raw[i] = (uint8_t)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	raw[0] = (uint8_t)((0xf00u >> len) | code);
	return buf_add(out, raw, len);
}

bool utf8_add_lossy(struct buf *out, struct slice s)
{
	while (s.len) {
		size_t good = valid_run(s);

		buf_add(out, s.data, good);
		s = slice_from(s, good);
		if (s.len) {
			buf_adds(out, REPLACEMENT);
			s = slice_from(s, 1);
		}
	}
	return !out->overflow;
}

struct slice utf8_cut(struct slice s, size_t max)
{
	size_t at = max;

	if (s.len <= max)
		return s;
	/* a character has at most three continuation bytes: more are noise, and cut anywhere */
	while (at > 0 && max - at < 4 && (s.data[at] & 0xc0) == 0x80)
		at--;
	return slice_first(s, max - at < 4 ? at : max);
}
