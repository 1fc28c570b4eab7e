/*
 * Modified UTF-7 (utf7.h). Printable ASCII stands for itself, but "&" is "&-";
 * all else is UTF-16BE in base64 with "," for "/" and no padding, between "&"
 * and "-". Decoding refuses what encoding would not write: ASCII in base64,
 * two base64 runs in a row, padding bits that are not zero.
 */
#include "mail/utf7.h"

#include "base/utf8.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t code)
{
	return code >= 0x20 && code <= 0x7e;
}

struct bits { /* on their way to or from base64 */
	uint32_t value;
	unsigned n;
};

static void add_unit(struct buf *out, struct bits *bits, uint32_t unit)
{
	bits->value = bits->value << 16 | unit;
	bits->n += 16;
	while (bits->n >= 6) {
		bits->n -= 6;
		buf_addc(out, (uint8_t)letters[bits->value >> bits->n & 63]);
	}
}

static void add_code(struct buf *out, struct bits *bits, uint32_t code)
{
	if (code >= 0x10000) {
		add_unit(out, bits, 0xd800 + ((code - 0x10000) >> 10));
		code = 0xdc00 + ((code - 0x10000) & 0x3ff);
	}
	add_unit(out, bits, code);
}

static void end_run(struct buf *out, struct bits *bits)
{
	if (bits->n)
		buf_addc(out, (uint8_t)letters[bits->value << (6 - bits->n) & 63]);
	*bits = (struct bits){ 0, 0 };
	buf_addc(out, '-');
}

bool utf7_encode(struct buf *out, struct slice utf8)
{
	struct bits bits = { 0, 0 };
	bool in_run = false;
	uint32_t code;
	size_t len;

	if (!utf8_valid(utf8))
		return false;
	for (; utf8.len; utf8 = slice_from(utf8, len)) {
		len = utf8_decode(utf8, &code);
		if (is_direct(code)) {
			if (in_run)
				end_run(out, &bits);
			in_run = false;
			buf_addc(out, (uint8_t)code);
			if (code == '&')
				buf_addc(out, '-');
			continue;
		}
		if (!in_run)
			buf_addc(out, '&');
		in_run = true;
		add_code(out, &bits, code);
	}
	if (in_run)
		end_run(out, &bits);
	return !out->overflow;
}

static int letter_value(uint8_t c)
{
	const char *hit = c ? strchr(letters, c) : NULL;

	return hit ? (int)(hit - letters) : -1;
}

/* One UTF-16 unit; a high half waits in `*high`. */
static bool take_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return false;
		unit = 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00);
		*high = 0;
		return utf8_encode(out, unit);
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return true;
	}
	if (unit == 0 || is_direct(unit) || (unit >= 0xdc00 && unit <= 0xdfff))
		return false;
	return utf8_encode(out, unit);
}

/* What stands between "&" and "-". */
static bool decode_run(struct buf *out, struct slice run)
{
	struct bits bits = { 0, 0 };
	uint32_t high = 0;

	for (size_t i = 0; i < run.len; i++) {
		int value = letter_value(run.data[i]);

		if (value < 0)
			return false;
		bits.value = bits.value << 6 | (uint32_t)value;
		bits.n += 6;
		if (bits.n < 16)
			continue;
		bits.n -= 16;
		if (!take_unit(out, bits.value >> bits.n & 0xffff, &high))
			return false;
	}
	return !high && bits.n < 6 && (bits.value & ((1u << bits.n) - 1)) == 0;
}

bool utf7_decode(struct buf *out, struct slice utf7)
{
	bool after_run = false;

	while (utf7.len) {
		uint8_t c = utf7.data[0];
		ptrdiff_t end;

		utf7 = slice_from(utf7, 1);
		if (!is_direct(c))
			return false;
		if (c != '&') {
			buf_addc(out, c);
			after_run = false;
			continue;
		}
		end = slice_chr(utf7, '-');
		if (end < 0 || (end > 0 && after_run))
			return false;
		if (end == 0)
			buf_addc(out, '&');
		else if (!decode_run(out, slice_first(utf7, (size_t)end)))
			return false;
		after_run = end > 0;
		utf7 = slice_from(utf7, (size_t)end + 1);
	}
	return !out->overflow;
}
