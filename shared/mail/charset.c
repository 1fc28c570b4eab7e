/* Charsets through ICU (charset.h). A converter lives for one call, so no state is shared between threads. */
#include "mail/charset.h"

#include <unicode/ucnv.h>

#include "base/utf8.h"

enum { NAME_MAX_LEN = 60, PIECE = 1024 };

/* What a label says, and what text labelled so is. */
static const struct {
	const char *label, *converter;
} aliases[] = {
	/* clang-format off */
	{ "iso-8859-1", "windows-1252" }, { "latin1", "windows-1252" }, { "iso_8859-1", "windows-1252" },
	{ "iso8859-1", "windows-1252" }, { "cp1252", "windows-1252" }, { "iso-8859-9", "windows-1254" },
	{ "iso-8859-11", "windows-874-2000" }, { "tis-620", "windows-874-2000" },
	{ "gb2312", "gb18030" }, { "gb_2312-80", "gb18030" }, { "gbk", "gb18030" }, { "x-gbk", "gb18030" },
	{ "ks_c_5601-1987", "windows-949-2000" }, { "ks_c_5601", "windows-949-2000" }, { "euc-kr", "windows-949-2000" },
	{ "shift_jis", "ibm-943_P15A-2003" }, { "x-sjis", "ibm-943_P15A-2003" }, { "sjis", "ibm-943_P15A-2003" },
	{ "iso-8859-8-i", "iso-8859-8" }, { "iso-8859-8-e", "iso-8859-8" }, { "x-mac-roman", "macintosh" },
	{ "unicode-1-1-utf-7", "utf-7" }, { "big5-hkscs", "Big5-HKSCS" },
	/* clang-format on */
};

static bool is_utf8_name(struct slice name)
{
	return slice_is(name, "utf-8") || slice_is(name, "utf8") || slice_is(name, "unicode-1-1-utf-8");
}

static bool is_ascii_name(struct slice name)
{
	return name.len == 0 || slice_is(name, "us-ascii") || slice_is(name, "ascii") ||
	       slice_is(name, "ansi_x3.4-1968");
}

/* Opens the converter of a label, NULL when there is none. */
static UConverter *open_converter(struct slice name)
{
	UErrorCode status = U_ZERO_ERROR;
	char label[NAME_MAX_LEN + 1];
	const char *wanted = label;
	UConverter *converter;

	if (name.len == 0 || name.len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < name.len; i++) {
		/* a comma would hand options to ICU */
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f || name.data[i] == ',' || name.data[i] == '=')
			return NULL;
		label[i] = (char)name.data[i];
	}
	label[name.len] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (slice_is(name, aliases[i].label))
			wanted = aliases[i].converter;
	}
	converter = ucnv_open(wanted, &status);
	return U_SUCCESS(status) ? converter : NULL;
}

bool charset_known(struct slice name)
{
	UConverter *converter;

	if (is_utf8_name(name) || (name.len && is_ascii_name(name)))
		return true;
	converter = open_converter(name);
	ucnv_close(converter);
	return converter != NULL;
}

/* `lead` is the high half of a pair that the last piece ended with, or 0. */
static bool add_utf16(struct buf *out, const UChar *text, size_t len, UChar *lead)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t code = text[i];

		if (U16_IS_LEAD(text[i])) {
			*lead = text[i];
			continue;
		}
		if (U16_IS_TRAIL(text[i]))
			code = *lead ? (uint32_t)U16_GET_SUPPLEMENTARY(*lead, text[i]) : 0xfffd;
		*lead = 0;
		if (!utf8_encode(out, code))
			return false;
	}
	return true;
}

static bool convert(struct buf *out, UConverter *converter, struct slice text)
{
	const char *in = (const char *)text.data, *end = in + text.len;
	UChar piece[PIECE] = { 0 }, lead = 0;
	UErrorCode status;

	do {
		UChar *to = piece;

		status = U_ZERO_ERROR;
		ucnv_toUnicode(converter, &to, piece + PIECE, &in, end, NULL, true, &status);
		if (!add_utf16(out, piece, (size_t)(to - piece), &lead))
			return false;
	} while (status == U_BUFFER_OVERFLOW_ERROR);
	return U_SUCCESS(status);
}

bool charset_to_utf8(struct buf *out, struct slice charset, struct slice text)
{
	UConverter *converter;
	bool fits;

	if (text.len == 0)
		return !out->overflow;
	if (is_ascii_name(charset))
		return charset_guess(out, text);
	if (is_utf8_name(charset))
		return utf8_add_lossy(out, text);
	converter = open_converter(charset);
	if (!converter)
		return charset_guess(out, text);
	fits = convert(out, converter, text);
	ucnv_close(converter);
	return fits;
}

/* utf8_valid() takes no NUL; here it is a character as any. */
static bool is_utf8(struct slice text)
{
	struct slice piece;

	while (slice_cut(&text, '\0', &piece)) {
		if (!utf8_valid(piece))
			return false;
	}
	return true;
}

bool charset_guess(struct buf *out, struct slice text)
{
	if (is_utf8(text))
		return buf_add_slice(out, text);
	return charset_to_utf8(out, SLICE("windows-1252"), text);
}
