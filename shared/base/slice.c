/* Slices (slice.h). memcmp() and its kin never see the NULL of an empty one. */
#include "base/slice.h"

#include <strings.h>

bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool slice_ieq(struct slice a, struct slice b)
{
	return a.len == b.len &&
	       (a.len == 0 || strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0);
}

bool slice_is(struct slice s, const char *text)
{
	return slice_ieq(s, slice_str(text));
}

bool slice_starts(struct slice s, const char *prefix)
{
	return slice_eq(slice_first(s, strlen(prefix)), slice_str(prefix));
}

bool slice_istarts(struct slice s, const char *prefix)
{
	return slice_ieq(slice_first(s, strlen(prefix)), slice_str(prefix));
}

bool slice_ends(struct slice s, const char *suffix)
{
	size_t len = strlen(suffix);

	return s.len >= len && slice_eq(slice_of(s.data + s.len - len, len), slice_str(suffix));
}

int slice_cmp(struct slice a, struct slice b)
{
	size_t len = MIN_OF(a.len, b.len);
	int order = len ? memcmp(a.data, b.data, len) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

ptrdiff_t slice_find(struct slice s, struct slice needle)
{
	const uint8_t *hit;

	if (needle.len == 0)
		return 0;
	hit = s.len ? memmem(s.data, s.len, needle.data, needle.len) : NULL;
	return hit ? hit - s.data : -1;
}

ptrdiff_t slice_chr(struct slice s, uint8_t c)
{
	const uint8_t *hit = s.len ? memchr(s.data, c, s.len) : NULL;

	return hit ? hit - s.data : -1;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.len && is_space(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len && is_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

bool slice_cut(struct slice *rest, uint8_t c, struct slice *ret)
{
	ptrdiff_t at;

	if (!rest->data)
		return false;
	at = slice_chr(*rest, c);
	if (at < 0) {
		*ret = *rest;
		*rest = slice_of(NULL, 0);
		return true;
	}
	*ret = slice_of(rest->data, (size_t)at);
	*rest = slice_of(rest->data + at + 1, rest->len - (size_t)at - 1);
	return true;
}

bool slice_u64(struct slice s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)s.data[i] - '0';

		if (digit > 9 || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*ret = value;
	return true;
}
