/* One mail address, strictly (address.h). */
#include "mail/address.h"

#include <arpa/inet.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "mail/fold.h"
#include "mail/idna.h"
#include "mail/lex.h"

enum { LABEL_MAX = 63, IP_TEXT_MAX = 46 };

static bool is_atext(uint8_t c)
{
	return c > ' ' && c != 0x7f && lex_is_atext(c);
}

static struct slice taken(struct slice whole, struct slice rest)
{
	return slice_of(whole.data, whole.len - rest.len);
}

static void skip_bytes(struct slice *text, size_t n)
{
	text->data += n;
	text->len -= n;
}

static bool next_is(const struct slice *text, uint8_t c)
{
	return text->len && text->data[0] == c;
}

/* Dot-string = Atom *("." Atom) */
static enum fault take_dot_string(struct slice *text, struct slice *ret, struct why *why)
{
	struct slice whole = *text;

	do {
		size_t len = 0;

		if (text->len < whole.len)
			skip_bytes(text, 1);
		while (len < text->len && is_atext(text->data[len]))
			len++;
		if (len == 0)
			return fault_set(why, FAULT_INPUT, "empty or misplaced dot in the local part");
		skip_bytes(text, len);
	} while (next_is(text, '.'));
	*ret = taken(whole, *text);
	return FAULT_NONE;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE; what it means goes to the arena */
static enum fault take_quoted(struct arena *arena, struct slice *text, struct slice *ret, struct why *why)
{
	uint8_t *out = arena_alloc(arena, MIN_OF(text->len, (size_t)ADDRESS_LOCAL_MAX));
	size_t len = 0, i = 1;

	for (; i < text->len && text->data[i] != '"'; i++) {
		uint8_t c = text->data[i];

		if (c == '\\') {
			if (++i == text->len)
				break;
			c = text->data[i];
			if (c >= 0x80)
				return fault_set(why, FAULT_INPUT, "backslash before a non-ASCII character");
		}
		if (c < ' ' || c == 0x7f)
			return fault_set(why, FAULT_INPUT, "control character in the quoted local part");
		if (len == ADDRESS_LOCAL_MAX)
			return fault_set(why, FAULT_INPUT, "local part too long");
		out[len++] = c;
	}
	if (i >= text->len)
		return fault_set(why, FAULT_INPUT, "quoted local part without its end");
	skip_bytes(text, i + 1);
	*ret = slice_of(out, len);
	return FAULT_NONE;
}

enum fault address_take_local(struct arena *arena, struct slice *text, struct address *ret, struct why *why)
{
	struct slice rest = *text, local = SLICE("");
	enum fault fault;

	if (next_is(&rest, '"'))
		fault = take_quoted(arena, &rest, &local, why);
	else
		fault = take_dot_string(&rest, &local, why);
	if (fault)
		return fault;
	if (local.len == 0)
		return fault_set(why, FAULT_INPUT, "empty local part");
	if (local.len > ADDRESS_LOCAL_MAX)
		return fault_set(why, FAULT_INPUT, "local part too long");
	if (!utf8_valid(local))
		return fault_set(why, FAULT_INPUT, "local part is not UTF-8");
	ret->local = local;
	ret->utf8 = !utf8_is_ascii(local);
	*text = rest;
	return FAULT_NONE;
}

/* "[" ( IPv4-address-literal / "IPv6:" IPv6-addr ) "]"; no other tag is registered */
static enum fault take_literal(struct slice *text, struct address *ret, struct why *why)
{
	ptrdiff_t close = slice_chr(*text, ']');
	char ip[IP_TEXT_MAX];
	uint8_t raw[16];
	struct slice inner;
	bool v6;

	if (close < 0)
		return fault_set(why, FAULT_INPUT, "address literal without ]");
	inner = slice_of(text->data + 1, (size_t)close - 1);
	v6 = slice_istarts(inner, "IPv6:");
	if (v6)
		inner = slice_from(inner, 5);
	if (inner.len >= sizeof(ip) || slice_chr(inner, '\0') >= 0)
		return fault_set(why, FAULT_INPUT, "malformed address literal");
	if (inner.len)
		memcpy(ip, inner.data, inner.len);
	ip[inner.len] = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, ip, raw) != 1)
		return fault_set(why, FAULT_INPUT, "malformed address literal");
	ret->domain = slice_of(text->data, (size_t)close + 1);
	ret->literal = true;
	skip_bytes(text, (size_t)close + 1);
	return FAULT_NONE;
}

/* Let-dig and hyphen; the underscore is against the grammar and in use, so it passes */
static bool is_label_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' ||
	       c >= 0x80;
}

static bool label_is_good(struct slice label)
{
	if (label.len == 0 || label.data[0] == '-' || label.data[label.len - 1] == '-')
		return false;
	return label.len <= LABEL_MAX || !utf8_is_ascii(label);
}

enum fault address_take_domain(struct slice *text, struct address *ret, struct why *why)
{
	struct slice domain, labels, label;
	size_t len = 0;

	if (next_is(text, '['))
		return take_literal(text, ret, why);
	while (len < text->len && (text->data[len] == '.' || is_label_byte(text->data[len])))
		len++;
	domain = slice_first(*text, len);
	if (len == 0)
		return fault_set(why, FAULT_INPUT, "empty domain");
	if (len > ADDRESS_DOMAIN_MAX)
		return fault_set(why, FAULT_INPUT, "domain too long");
	if (!utf8_valid(domain))
		return fault_set(why, FAULT_INPUT, "domain is not UTF-8");
	labels = domain;
	while (slice_cut(&labels, '.', &label)) {
		if (!label_is_good(label))
			return fault_set(why, FAULT_INPUT, "malformed label in the domain");
	}
	ret->domain = domain;
	ret->literal = false;
	ret->utf8 |= !utf8_is_ascii(domain);
	skip_bytes(text, len);
	return FAULT_NONE;
}

enum fault address_take(struct arena *arena, struct slice *text, struct address *ret, struct why *why)
{
	struct address address = { .utf8 = false };
	struct slice rest = *text;
	enum fault fault = address_take_local(arena, &rest, &address, why);

	if (fault)
		return fault;
	if (!next_is(&rest, '@'))
		return fault_set(why, FAULT_INPUT, "no @ behind the local part");
	skip_bytes(&rest, 1);
	fault = address_take_domain(&rest, &address, why);
	if (fault)
		return fault;
	*ret = address;
	*text = rest;
	return FAULT_NONE;
}

enum fault address_parse(struct arena *arena, struct slice text, struct address *ret, struct why *why)
{
	struct address address;
	enum fault fault = address_take(arena, &text, &address, why);

	if (fault)
		return fault;
	if (text.len)
		return fault_set(why, FAULT_INPUT, "unexpected character behind the domain");
	*ret = address;
	return FAULT_NONE;
}

static bool is_dot_string(struct slice local)
{
	bool dot = true; /* a dot now would be misplaced */

	for (size_t i = 0; i < local.len; i++) {
		if (local.data[i] == '.' && dot)
			return false;
		dot = local.data[i] == '.';
		if (!dot && !is_atext(local.data[i]))
			return false;
	}
	return !dot;
}

static void print_quoted(struct buf *out, struct slice local)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < local.len; i++) {
		if (local.data[i] == '"' || local.data[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, local.data[i]);
	}
	buf_addc(out, '"');
}

bool address_print(struct buf *out, const struct address *address)
{
	if (is_dot_string(address->local))
		buf_add_slice(out, address->local);
	else
		print_quoted(out, address->local);
	buf_addc(out, '@');
	return buf_add_slice(out, address->domain);
}

struct slice address_text(struct arena *arena, const struct address *address)
{
	struct slice text;
	struct buf buf;

	buf_init(&buf, BUF_NO_LIMIT);
	address_print(&buf, address);
	text = arena_copy(arena, buf_slice(&buf));
	buf_done(&buf);
	return text;
}

/* [ipv6:...] and [IPv6:...] are one address: the tag's spelling and the digits' case do not matter. */
static struct slice lower_literal(struct arena *arena, struct slice literal)
{
	char *copy = arena_strz(arena, literal);

	for (size_t i = 0; i < literal.len; i++) {
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] |= 0x20;
	}
	return slice_of(copy, literal.len);
}

enum fault address_normalise(struct arena *arena, const struct address *address, struct address *ret,
                             struct why *why)
{
	struct slice domain = SLICE("");

	if (address->literal)
		domain = lower_literal(arena, address->domain);
	else if (!idna_to_ascii(arena, address->domain, &domain))
		return fault_set(why, FAULT_INPUT, "domain is not a valid (international) name");
	*ret = *address;
	ret->domain = domain;
	ret->utf8 = !utf8_is_ascii(address->local);
	return FAULT_NONE;
}

enum fault address_key(struct arena *arena, const struct address *address, struct slice *ret, struct why *why)
{
	struct address plain = *address;
	struct buf key;
	enum fault fault = address_normalise(arena, address, &plain, why);

	if (fault)
		return fault;
	buf_init(&key, BUF_NO_LIMIT);
	fold_lower_nfc(&key, plain.local);
	buf_addc(&key, '@');
	buf_add_slice(&key, plain.domain);
	*ret = arena_copy(arena, buf_slice(&key));
	buf_done(&key);
	return FAULT_NONE;
}

bool address_split_tag(struct slice local, uint8_t separator, struct slice *ret_base, struct slice *ret_tag)
{
	ptrdiff_t at = slice_chr(slice_from(local, 1), separator);

	*ret_base = local;
	*ret_tag = slice_of(NULL, 0);
	if (at < 0)
		return false;
	*ret_base = slice_first(local, (size_t)at + 1);
	*ret_tag = slice_from(local, (size_t)at + 2);
	return true;
}
