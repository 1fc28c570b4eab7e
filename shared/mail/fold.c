/*
 * ICU's normalisation and case mapping (fold.h), in pieces of bounded size. A
 * piece may end before any ASCII character: none composes with what precedes
 * it. Its own end may compose with what follows, so an ASCII run gives its last
 * character to the piece behind it.
 */
#include "mail/fold.h"

#include <assert.h>
#include <stdlib.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/arena.h"

enum form { FORM_SEARCH, FORM_NFC, FORM_LOWER_NFC };

enum { PIECE = 16 * 1024, PIECE_MAX = 64 * 1024 };

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

static const UNormalizer2 *normalizer(enum form form)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *n =
	    form == FORM_SEARCH ? unorm2_getNFKCCasefoldInstance(&status) : unorm2_getNFCInstance(&status);

	assert(U_SUCCESS(status)); /* the tables are part of the library */
	return n;
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
	text = transform(run_normalize, normalizer(form), text, &len);
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

bool fold_search(struct buf *out, struct slice utf8)
{
	return fold(out, utf8, FORM_SEARCH);
}

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
