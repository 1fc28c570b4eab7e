/*
 * The guard in front of libopendkim (dkim_guard.h). One pass over the tag list:
 *
 *   tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
 *   tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
 *
 * Values keep their folds here; each tag that the library handles loosely has a
 * row below that says what its value must be.
 */
#include "dkim_guard.h"

#include "base/arena.h"
#include "dns/name.h"

enum {
	FIELD_MAX = 8192,
	TAGS_MAX = 32,
	TAG_NAME_MAX = 8,
	SIGNED_NAMES_MAX = 200, /* h=: each is looked for in the whole header */
	SIGNED_SIZE_MAX = 3000,
	IDENTITY_MAX = 250,
	LENGTH_DIGITS_MAX = 15,
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(uint8_t c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_qp_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'A' && c <= 'F');
}

static bool right_name(struct slice value)
{
	return value.len >= 1 && value.len <= DNS_NAME_MAX;
}

/* i= is quoted-printable: the library decodes "=X" at the end of a value by reading on. */
static bool right_identity(struct slice value)
{
	if (value.len > IDENTITY_MAX || slice_chr(value, '@') < 0)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] != '=')
			continue;
		if (i + 2 >= value.len || !is_qp_hex(value.data[i + 1]) || !is_qp_hex(value.data[i + 2]))
			return false;
		i += 2;
	}
	return true;
}

static bool right_length(struct slice value)
{
	if (value.len == 0 || value.len > LENGTH_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (!is_digit(value.data[i]))
			return false;
	}
	return true;
}

static bool right_signed_names(struct slice value)
{
	size_t names = 1;

	for (size_t i = 0; i < value.len; i++)
		names += value.data[i] == ':';
	return value.len >= 1 && value.len <= SIGNED_SIZE_MAX && names <= SIGNED_NAMES_MAX;
}

static bool right_base64(struct slice value)
{
	size_t significant = 0;

	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];

		if (is_blank(c))
			continue;
		if (!is_alnum(c) && c != '+' && c != '/' && c != '=')
			return false;
		significant++;
	}
	return significant >= 4;
}

static bool right_never(struct slice value)
{
	(void)value;
	return false;
}

static bool right_version(struct slice value)
{
	return slice_eq(value, SLICE("1"));
}

/* q= may list several; one has to be the DNS. */
static bool right_query(struct slice value)
{
	struct slice one;

	while (slice_cut(&value, ':', &one)) {
		if (slice_is(slice_trim(one), "dns/txt"))
			return true;
	}
	return false;
}

enum tag { TAG_V, TAG_A, TAG_B, TAG_BH, TAG_D, TAG_S, TAG_H, TAG_I, TAG_L, TAG_Q, TAG_Z, TAG_COUNT };

static const struct tag_row {
	const char *name;
	bool required;
	bool (*right)(struct slice value); /* NULL: anything that a value may hold */
	const char *why;
} rows[TAG_COUNT] = {
	[TAG_V] = { "v", true, right_version, "v= is not 1" },
	[TAG_A] = { "a", true, NULL, "a= is not right" },
	[TAG_B] = { "b", true, right_base64, "b= is no base64" },
	[TAG_BH] = { "bh", true, right_base64, "bh= is no base64" },
	[TAG_D] = { "d", true, right_name, "d= is no domain name" },
	[TAG_S] = { "s", true, right_name, "s= is no selector" },
	[TAG_H] = { "h", true, right_signed_names, "h= is empty or too long" },
	[TAG_I] = { "i", false, right_identity, "i= is no identity" },
	[TAG_L] = { "l", false, right_length, "l= is no length" },
	[TAG_Q] = { "q", false, right_query, "q= does not name the DNS" },
	[TAG_Z] = { "z", false, right_never, "z= is not taken" },
};

struct found {
	struct slice values[TAG_COUNT]; /* trimmed; data NULL: not there */
	struct slice names[TAGS_MAX];
	size_t n;
};

static bool name_is_new(const struct found *found, struct slice name)
{
	for (size_t i = 0; i < found->n; i++) {
		if (slice_eq(found->names[i], name))
			return false;
	}
	return true;
}

static const char *take_tag(struct found *found, struct slice name, struct slice value)
{
	if (found->n == TAGS_MAX)
		return "too many tags";
	if (!name_is_new(found, name))
		return "a tag is given twice";
	found->names[found->n++] = name;
	for (size_t i = 0; i < TAG_COUNT; i++) {
		if (slice_eq(name, slice_str(rows[i].name)))
			found->values[i] = value.data ? value : SLICE("");
	}
	return NULL;
}

static bool is_value_byte(uint8_t c)
{
	return is_blank(c) || (c > ' ' && c < 0x7f);
}

/* One tag-spec, blanks trimmed. NULL: taken. */
static const char *read_tag(struct found *found, struct slice spec)
{
	ptrdiff_t equals = slice_chr(spec, '=');
	struct slice name, value;

	if (equals < 0)
		return "a tag has no value";
	name = slice_trim(slice_first(spec, (size_t)equals));
	value = slice_trim(slice_from(spec, (size_t)equals + 1));
	if (name.len == 0 || name.len > TAG_NAME_MAX)
		return "a tag has no right name";
	for (size_t i = 0; i < name.len; i++) {
		if (!is_alnum(name.data[i]) && name.data[i] != '_')
			return "a tag has no right name";
	}
	return take_tag(found, name, value);
}

static const char *read_tags(struct slice field, struct found *found)
{
	ptrdiff_t colon = slice_chr(field, ':');
	struct slice rest, spec;
	const char *why = NULL;

	if (colon < 0 || field.len > FIELD_MAX)
		return "the field is too long";
	rest = slice_from(field, (size_t)colon + 1);
	for (size_t i = 0; i < rest.len; i++) {
		if (!is_value_byte(rest.data[i]))
			return "the field is not plain ASCII";
	}
	while (!why && slice_cut(&rest, ';', &spec)) {
		spec = slice_trim(spec);
		if (spec.len > 0)
			why = read_tag(found, spec);
		else if (rest.data && slice_trim(rest).len > 0)
			why = "a tag is empty";
	}
	return why;
}

static const char *look_at_values(const struct found *found)
{
	for (size_t i = 0; i < TAG_COUNT; i++) {
		bool given = found->values[i].data != NULL;

		if (!given && rows[i].required)
			return "a required tag is missing";
		if (given && rows[i].right && !rows[i].right(found->values[i]))
			return rows[i].why;
	}
	return NULL;
}

static const char *clean_name(struct arena *arena, struct slice value)
{
	char clean[DNS_NAME_MAX + 1];

	if (value.len > DNS_NAME_MAX || !dns_name_clean(arena_strz(arena, value), clean))
		return "";
	return arena_strdup(arena, clean);
}

static const char *first_of_b(struct arena *arena, struct slice value)
{
	char *out = arena_zalloc(arena, 9);

	for (size_t i = 0, n = 0; i < value.len && n < 8; i++) {
		if (!is_blank(value.data[i]))
			out[n++] = (char)value.data[i];
	}
	return out;
}

static const char *algorithm_of(struct slice value)
{
	static const char *const known[] = { "rsa-sha256", "ed25519-sha256", "rsa-sha1" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (slice_is(value, known[i]))
			return known[i];
	}
	return "";
}

enum authres dkim_guard_signature(struct slice field, struct arena *arena, struct dkim_tags *ret,
                                  const char **ret_why)
{
	struct found found = { .n = 0 };
	const char *why = read_tags(field, &found);

	ret->domain = clean_name(arena, found.values[TAG_D]);
	ret->selector = clean_name(arena, found.values[TAG_S]);
	ret->algorithm = algorithm_of(found.values[TAG_A]);
	ret->b = first_of_b(arena, found.values[TAG_B]);
	ret->key_name =
	    clean_name(arena, slice_str(arena_printf(arena, "%s._domainkey.%s", ret->selector, ret->domain)));
	if (!why)
		why = look_at_values(&found);
	if (!why && (!*ret->key_name || !strchr(ret->domain, '.')))
		why = "d= or s= is no domain name";
	*ret_why = why;
	if (why)
		return AUTHRES_NEUTRAL;
	if (strcmp(ret->algorithm, "rsa-sha1") == 0) {
		*ret_why = "rsa-sha1 proves nothing any more (RFC 8301)";
		return AUTHRES_POLICY;
	}
	if (!*ret->algorithm) {
		*ret_why = "the algorithm is not known";
		return AUTHRES_NEUTRAL;
	}
	return AUTHRES_NONE;
}

bool dkim_guard_key(struct slice text)
{
	if (text.len == 0 || text.len > DKIM_KEY_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_value_byte(text.data[i]))
			return false;
	}
	return true;
}
