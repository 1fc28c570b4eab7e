/*
 * Folded text without what people leave out when they type (fold.h), and where words begin. Which letters stand for which is
 * said here, not by ICU's transliterators: search signatures are made of it and have to outlive their versions.
 */
#include "mail/fold.h"

#include <unicode/uchar.h>

#include "base/utf8.h"

#define VIRAMA 9 /* its combining class: it makes another letter, as vowel signs do, which have none */

/* What does not decompose, as fold_search() leaves it. */
static const struct letter {
	uint16_t code;
	char plain[3];
} letters[] = {
	/* clang-format off */
	{ 0x00c6, "AE" }, { 0x00d0, "D" },  { 0x00d8, "O" },  { 0x00de, "TH" }, { 0x00df, "SS" }, { 0x0110, "D" },
	{ 0x0126, "H" },  { 0x0141, "L" },  { 0x014a, "N" },  { 0x0152, "OE" }, { 0x0166, "T" },  { 0x0197, "I" },
	{ 0x01b5, "Z" },  { 0x023a, "A" },  { 0x023b, "C" },  { 0x023d, "L" },  { 0x023e, "T" },  { 0x0243, "B" },
	{ 0x0244, "U" },  { 0x0246, "E" },  { 0x0248, "J" },  { 0x024c, "R" },  { 0x024e, "Y" },  { 0x1e9e, "SS" },
	{ 0x2010, "-" },  { 0x2012, "-" },  { 0x2013, "-" },  { 0x2014, "-" },  { 0x2015, "-" },  { 0x2018, "'" },
	{ 0x2019, "'" },  { 0x201a, "'" },  { 0x201b, "'" },  { 0x201c, "\"" }, { 0x201d, "\"" }, { 0x201e, "\"" },
	{ 0x201f, "\"" }, { 0x2212, "-" },
	/* clang-format on */
};

static const char *plain_of(uint32_t code)
{
	size_t from = 0, to = ARRAY_LEN(letters);

	while (from < to) {
		const size_t middle = from + (to - from) / 2;

		if (letters[middle].code < code)
			from = middle + 1;
		else
			to = middle;
	}
	return from < ARRAY_LEN(letters) && letters[from].code == code ? letters[from].plain : NULL;
}

static bool is_left_out(uint32_t code)
{
	const uint8_t class = code < 0x300 ? 0 : u_getCombiningClass((UChar32)code);

	return (class && class != VIRAMA) ||
	       u_hasBinaryProperty((UChar32)code, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

static bool add_bare(struct buf *out, struct slice one, uint32_t code)
{
	const char *plain = plain_of(code);

	if (plain)
		return buf_adds(out, plain);
	return is_left_out(code) || buf_add_slice(out, one);
}

bool fold_bare(struct buf *out, struct slice folded)
{
	while (folded.len) {
		size_t n = 0;
		uint32_t code;
		bool fits;

		while (n < folded.len && folded.data[n] < 0x80)
			n++;
		if (n) {
			fits = buf_add_slice(out, slice_first(folded, n));
		} else {
			n = utf8_decode(folded, &code);
			fits = !n || add_bare(out, slice_first(folded, n), code);
			n = MAX_OF(n, (size_t)1); /* what is cut is passed over */
		}
		if (!fits)
			return false;
		folded = slice_from(folded, n);
	}
	return !out->overflow;
}

/* ---- words ---- */

static bool is_of_word(uint32_t code)
{
	if (code < 0x80)
		return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
		       (code >= 'a' && code <= 'z');
	return U_GET_GC_MASK((UChar32)code) & (U_GC_L_MASK | U_GC_M_MASK | U_GC_N_MASK);
}

bool fold_starts_word(struct slice text)
{
	uint32_t code;

	return utf8_decode(text, &code) && is_of_word(code);
}

bool fold_ends_word(struct slice text)
{
	size_t at = text.len;

	while (at && text.len - at < 4 && (at == text.len || (text.data[at] & 0xc0) == 0x80))
		at--;
	return text.len && fold_starts_word(slice_from(text, at));
}
