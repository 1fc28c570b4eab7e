/*
 * Passwords made comparable: the OpaqueString profile (RFC 8265 4.2) of PRECIS' FreeformClass (RFC 8264 4.3),
 * with ICU. Beyond the class, joiners are let through: they are refused only outside certain scripts, and
 * whoever types one there means it.
 */
#include "auth/password.h"

#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include "base/arena.h"
#include "base/utf8.h"

#define PREPARE_MAX (64 * 1024)
#define NFC_GROWS   3 /* at most, in UTF-16 units and in UTF-8 bytes */

#define ZWNJ 0x200c
#define ZWJ  0x200d

static bool is_refused(UChar32 c)
{
	switch (u_charType(c)) {
	case U_CONTROL_CHAR:
	case U_UNASSIGNED: /* also what is no character at all */
	case U_SURROGATE:
	case U_PRIVATE_USE_CHAR:
	case U_LINE_SEPARATOR:
	case U_PARAGRAPH_SEPARATOR:
		return true;
	default:
		return c != ZWNJ && c != ZWJ && u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
	}
}

/* In place, since a space is one unit as every other space is. */
static bool map_spaces(UChar *text, int32_t len)
{
	UChar32 c;

	for (int32_t at = 0, next = 0; next < len; at = next) {
		U16_NEXT(text, next, len, c);
		if (is_refused(c))
			return false;
		if (u_charType(c) == U_SPACE_SEPARATOR)
			text[at] = ' ';
	}
	return true;
}

static struct secret *normalise(const UChar *from, int32_t from_len, UChar *to, int32_t to_max)
{
	UErrorCode error = U_ZERO_ERROR;
	const UNormalizer2 *nfc = unorm2_getNFCInstance(&error);
	struct secret *raw, *exact;
	int32_t units, bytes = 0;

	units = unorm2_normalize(nfc, from, from_len, to, to_max, &error);
	if (U_FAILURE(error))
		return NULL;
	raw = secret_new((size_t)units * NFC_GROWS + 1);
	u_strToUTF8((char *)secret_data(raw), units * NFC_GROWS + 1, &bytes, to, units, &error);
	exact = U_FAILURE(error) ? NULL : secret_copy(slice_of(secret_data(raw), (size_t)bytes));
	secret_unref(raw);
	return exact;
}

static struct secret *prepare_unicode(struct slice password)
{
	int32_t max = (int32_t)password.len, nfc_max = max * NFC_GROWS, len;
	size_t size = ((size_t)max + (size_t)nfc_max) * sizeof(UChar);
	UErrorCode error = U_ZERO_ERROR;
	UChar *text = xmalloc(size);
	struct secret *prepared = NULL;

	u_strFromUTF8(text, max, &len, (const char *)password.data, max, &error);
	if (U_SUCCESS(error) && map_spaces(text, len))
		prepared = normalise(text, len, text + max, nfc_max);
	secret_wipe(text, size);
	free(text);
	return prepared;
}

struct secret *password_prepare(struct slice password)
{
	if (password.len == 0 || password.len > PREPARE_MAX || !utf8_valid(password))
		return NULL;
	if (!utf8_is_ascii(password))
		return prepare_unicode(password);
	for (size_t i = 0; i < password.len; i++)
		if (password.data[i] < ' ' || password.data[i] == 0x7f)
			return NULL;
	return secret_copy(password);
}
