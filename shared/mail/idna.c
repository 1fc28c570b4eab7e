/* All of libidn2 (idna.h). Plain ASCII names, nearly all there are, never reach it. */
#include "mail/idna.h"

#include <idn2.h>

#include "base/arena.h"
#include "base/utf8.h"

enum { DOMAIN_MAX = 253, LABEL_MAX = 63, UNICODE_MAX = 1024 };

static struct slice lower_copy(struct arena *arena, struct slice domain)
{
	char *copy = arena_strz(arena, domain);

	for (size_t i = 0; i < domain.len; i++) {
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] |= 0x20;
	}
	return slice_of(copy, domain.len);
}

static bool lengths_fit(struct slice domain)
{
	struct slice rest = domain, label;

	if (domain.len == 0 || domain.len > DOMAIN_MAX)
		return false;
	while (slice_cut(&rest, '.', &label)) {
		if (label.len == 0 || label.len > LABEL_MAX)
			return false;
	}
	return true;
}

static bool has_a_label(struct slice domain)
{
	struct slice rest = domain, label;

	while (slice_cut(&rest, '.', &label)) {
		if (slice_istarts(label, "xn--"))
			return true;
	}
	return false;
}

bool idna_to_ascii(struct arena *arena, struct slice domain, struct slice *ret)
{
	uint8_t *ascii = NULL;
	struct slice got;
	bool fits;

	if (slice_ends(domain, "."))
		domain.len--;
	if (domain.len > UNICODE_MAX)
		return false;
	if (utf8_is_ascii(domain)) {
		if (lengths_fit(domain))
			*ret = lower_copy(arena, domain);
		return lengths_fit(domain);
	}
	if (!utf8_valid(domain))
		return false;
	if (idn2_lookup_u8((const uint8_t *)arena_strz(arena, domain), &ascii,
	                   IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	got = slice_str((const char *)ascii);
	if (slice_ends(got, "."))
		got.len--;
	fits = lengths_fit(got) && utf8_is_ascii(got);
	if (fits)
		*ret = lower_copy(arena, got);
	idn2_free(ascii);
	return fits;
}

struct slice idna_to_unicode(struct arena *arena, struct slice domain)
{
	char *unicode = NULL;
	struct slice plain;

	if (slice_ends(domain, "."))
		domain.len--;
	plain = lower_copy(arena, domain);
	if (domain.len > UNICODE_MAX || !has_a_label(domain) || slice_chr(domain, '\0') >= 0)
		return plain;
	if (idn2_to_unicode_8z8z((const char *)plain.data, &unicode, IDN2_NONTRANSITIONAL) == IDN2_OK)
		plain = slice_str(arena_strdup(arena, unicode));
	idn2_free(unicode);
	return plain;
}
