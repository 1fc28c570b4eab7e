#ifndef SHARED_BASE_SLICE_H
#define SHARED_BASE_SLICE_H
/*
 * A borrowed run of bytes: not NUL-terminated, never freed. {NULL, 0} is the
 * empty slice and also "absent" where a header says so. Case folding here is
 * ASCII only, as the protocols want it.
 */
#include <stdbool.h>
#include <string.h>
#include "base/macros.h"

struct slice {
	const uint8_t *data;
	size_t len;
};

#define SLICE(literal) ((struct slice){ (const uint8_t *)(literal), sizeof(literal) - 1 })
#define SLICE_FMT(s)   (int)(s).len, (const char *)(s).data /* for "%.*s" */

static inline struct slice slice_of(const void *data, size_t len)
{
	return (struct slice){ data, len };
}

static inline struct slice slice_str(const char *text)
{
	return (struct slice){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

static inline struct slice slice_from(struct slice s, size_t start)
{
	return start >= s.len ? (struct slice){ NULL, 0 } : slice_of(s.data + start, s.len - start);
}

static inline struct slice slice_first(struct slice s, size_t len)
{
	return slice_of(s.data, len < s.len ? len : s.len);
}

bool slice_eq(struct slice a, struct slice b);
bool slice_ieq(struct slice a, struct slice b);
bool slice_is(struct slice s, const char *text);       /* ASCII case-insensitive */
bool slice_starts(struct slice s, const char *prefix); /* exact */
bool slice_istarts(struct slice s, const char *prefix);
bool slice_ends(struct slice s, const char *suffix); /* exact */
int slice_cmp(struct slice a, struct slice b);       /* memcmp order, shorter first */
/* Position of the first match, or -1. */
ptrdiff_t slice_find(struct slice s, struct slice needle);
ptrdiff_t slice_chr(struct slice s, uint8_t c);
struct slice slice_trim(struct slice s); /* spaces, tabs, CR, LF at both ends */
/* Cuts what comes before the first `c` from `*rest` and gives it in `*ret`; without `c` that is all of it.
 * False when `*rest` was used up (data NULL) before the call. */
bool slice_cut(struct slice *rest, uint8_t c, struct slice *ret);
/* Decimal digits only, all of them. False when empty, not digits, or above `max`. */
bool slice_u64(struct slice s, uint64_t max, uint64_t *ret);

#endif
