/*
 * ICU's normalisation and case mapping (fold.h). What searches compare is made
 * character by character, names in pieces of bounded size. A piece may end before any ASCII character: none composes with what precedes
 * it. Its own end may compose with what follows, so an ASCII run gives its last
 * character to the piece behind it.
 */
#include "mail/fold.h"

#include <assert.h>
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include "base/arena.h"

enum form { FORM_NFC, FORM_LOWER_NFC };

enum {
	PIECE = 16 * 1024,
	PIECE_MAX = 64 * 1024,
	DECOMPOSED_MAX = 64, /* of one character, in several steps; Unicode's longest are 18 */
};

static size_t ascii_run(struct slice s)
{
	size_t n = 0;
	uint64_t word;

	for (; n + 8 <= s.len; n += 8) {
		memcpy(&word, s.data + n, 8);
		if (word & 0x8080808080808080u)
			break;
	}
	while (n < s.len && s.data[n] < 0x80)
		n++;
	return n;
}

static bool add_ascii(struct buf *out, struct slice s, enum form form)
{
	uint8_t *room = buf_room(out, s.len);

	if (!room)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];

		room[i] = form != FORM_NFC && c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	out->len += s.len;
	return true;
}

/* A piece of non-ASCII text: up to an ASCII character once it is long enough, else before a lead byte. */
static size_t piece_len(struct slice s)
{
	size_t n = MIN_OF(s.len, (size_t)PIECE);

	while (n < s.len && n < PIECE_MAX && s.data[n] >= 0x80)
		n++;
	while (n < s.len && n > PIECE && (s.data[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static const UNormalizer2 *checked(const UNormalizer2 *normalizer, UErrorCode status)
{
	assert(U_SUCCESS(status)); /* the tables are part of the library */
	return normalizer;
}

static const UNormalizer2 *nfc(void)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *normalizer = unorm2_getNFCInstance(&status);

	return checked(normalizer, status);
}

static const UNormalizer2 *nfkc(void)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *normalizer = unorm2_getNFKCInstance(&status);

	return checked(normalizer, status);
}

static UChar *to_utf16(struct slice s, int32_t *ret_len)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar *text = xmalloc((s.len + 1) * sizeof(*text));

	u_strFromUTF8WithSub(text, (int32_t)s.len + 1, ret_len, (const char *)s.data, (int32_t)s.len, 0xfffd,
	                     NULL, &status);
	assert(U_SUCCESS(status)); /* UTF-16 never has more units than UTF-8 has bytes */
	return text;
}

typedef int32_t transform_fn(const void *how, const UChar *in, int32_t len, UChar *out, int32_t room,
                             UErrorCode *);

static int32_t run_normalize(const void *how, const UChar *in, int32_t len, UChar *out, int32_t room,
                             UErrorCode *status)
{
	return unorm2_normalize(how, in, len, out, room, status);
}

static int32_t run_lower(const void *how, const UChar *in, int32_t len, UChar *out, int32_t room,
                         UErrorCode *status)
{
	(void)how;
	return u_strToLower(out, room, in, len, "", status);
}

/* Takes `in`, gives what replaces it: grown once when the first guess was short. */
static UChar *transform(transform_fn *run, const void *how, UChar *in, int32_t *len)
{
	int32_t room = *len + *len / 2 + 32, got;
	UErrorCode status = U_ZERO_ERROR;
	UChar *out = xmalloc((size_t)room * sizeof(*out));

	got = run(how, in, *len, out, room, &status);
	if (status == U_BUFFER_OVERFLOW_ERROR) {
		status = U_ZERO_ERROR;
		room = got + 1;
		out = xrealloc(out, (size_t)room * sizeof(*out));
		got = run(how, in, *len, out, room, &status);
	}
	assert(U_SUCCESS(status));
	free(in);
	*len = got;
	return out;
}

static bool add_utf16(struct buf *out, const UChar *text, int32_t len)
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t got = 0;
	uint8_t *room = xmalloc((size_t)len * 3 + 1);
	bool fits;

	u_strToUTF8WithSub((char *)room, len * 3 + 1, &got, text, len, 0xfffd, NULL, &status);
	assert(U_SUCCESS(status));
	fits = buf_add(out, room, (size_t)got);
	free(room);
	return fits;
}

static bool add_piece(struct buf *out, struct slice s, enum form form)
{
	int32_t len;
	UChar *text = to_utf16(s, &len);
	bool fits;

	if (form == FORM_LOWER_NFC)
		text = transform(run_lower, NULL, text, &len);
	text = transform(run_normalize, nfc(), text, &len);
	fits = add_utf16(out, text, len);
	free(text);
	return fits;
}

static bool fold(struct buf *out, struct slice s, enum form form)
{
	while (s.len) {
		size_t n = ascii_run(s);

		if (n == s.len || n > 1) {
			n -= n < s.len;
			if (!add_ascii(out, slice_first(s, n), form))
				return false;
		} else {
			n = piece_len(s);
			if (!add_piece(out, slice_first(s, n), form))
				return false;
		}
		s = slice_from(s, n);
	}
	return !out->overflow;
}

/* ---- for search ---- */

/* What UnicodeData.txt says; of syllables of Hangul it says nothing. 0: it stays whole. */
static int32_t decompose(const UNormalizer2 *how, UChar32 c, UChar out[DECOMPOSED_MAX])
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t len;

	if (c < 0xa0 || (c >= 0xac00 && c <= 0xd7a3))
		return 0;
	len = unorm2_getRawDecomposition(how, c, out, DECOMPOSED_MAX, &status);
	return U_SUCCESS(status) ? MAX_OF(len, 0) : 0;
}

static bool add_char(struct buf *out, UChar32 c)
{
	uint8_t utf8[U8_MAX_LENGTH];
	int32_t len = 0;

	U8_APPEND_UNSAFE(utf8, len, c);
	return buf_add(out, utf8, (size_t)len);
}

/* Titlecase, then the parts of a decomposition in turn, each the same way. */
static bool add_folded(struct buf *out, const UNormalizer2 *how, UChar32 first)
{
	UChar32 todo[DECOMPOSED_MAX] = { first }, c;
	UChar parts[DECOMPOSED_MAX];
	bool fits = true;

	for (int32_t n = 1; n > 0 && fits;) {
		int32_t len, at;

		c = u_totitle(todo[--n]);
		at = len = decompose(how, c, parts);
		if (!len || n + len > DECOMPOSED_MAX) {
			fits = add_char(out, c);
			continue;
		}
		while (at > 0) {
			U16_PREV(parts, 0, at, todo[n]);
			n++;
		}
	}
	return fits;
}

static bool add_upper_ascii(struct buf *out, struct slice s)
{
	uint8_t *room = buf_room(out, s.len);

	if (!room)
		return false;
	for (size_t i = 0; i < s.len; i++)
		room[i] = s.data[i] >= 'a' && s.data[i] <= 'z' ? s.data[i] & 0xdf : s.data[i];
	out->len += s.len;
	return true;
}

static bool add_folded_run(struct buf *out, const UNormalizer2 *how, struct slice s)
{
	bool fits = true;
	UChar32 c;

	for (int32_t at = 0; at < (int32_t)s.len && fits;) {
		U8_NEXT_OR_FFFD(s.data, at, (int32_t)s.len, c);
		fits = add_folded(out, how, c);
	}
	return fits;
}

bool fold_search(struct buf *out, struct slice utf8)
{
	const UNormalizer2 *how = nfkc();

	while (utf8.len) {
		size_t n = ascii_run(utf8);
		bool fits;

		if (n) {
			fits = add_upper_ascii(out, slice_first(utf8, n));
		} else {
			n = piece_len(utf8);
			fits = add_folded_run(out, how, slice_first(utf8, n));
		}
		if (!fits)
			return false;
		utf8 = slice_from(utf8, n);
	}
	return !out->overflow;
}

/* ---- for names ---- */

bool fold_nfc(struct buf *out, struct slice utf8)
{
	return fold(out, utf8, FORM_NFC);
}

bool fold_lower_nfc(struct buf *out, struct slice utf8)
{
	return fold(out, utf8, FORM_LOWER_NFC);
}

bool fold_equal(struct slice a, struct slice b)
{
	struct buf x, y;
	bool equal;

	buf_init(&x, BUF_NO_LIMIT);
	buf_init(&y, BUF_NO_LIMIT);
	fold_search(&x, a);
	fold_search(&y, b);
	equal = slice_eq(buf_slice(&x), buf_slice(&y));
	buf_done(&x);
	buf_done(&y);
	return equal;
}
