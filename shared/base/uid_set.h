#ifndef SHARED_BASE_UID_SET_H
#define SHARED_BASE_UID_SET_H
/*
 * A set of 32-bit numbers from 1 up as sorted, disjoint, non-adjacent ranges:
 * UIDs and sequence numbers (RFC 9051 9, sequence-set). Growing is bounded by
 * the caller through uid_set_ranges().
 */
#include "base/buf.h"

struct uid_range {
	uint32_t first, last; /* first <= last */
};

struct uid_set {
	struct uid_range *ranges;
	uint32_t n, cap;
};

void uid_set_init(struct uid_set *);
void uid_set_done(struct uid_set *);
void uid_set_copy(struct uid_set *to, const struct uid_set *from); /* `to` initialised before */

void uid_set_add(struct uid_set *, uint32_t uid);
void uid_set_add_range(struct uid_set *, uint32_t first,
                       uint32_t last); /* any order of calls; ascending is fast */
void uid_set_del_range(struct uid_set *, uint32_t first, uint32_t last);
void uid_set_union(struct uid_set *, const struct uid_set *other);
void uid_set_subtract(struct uid_set *, const struct uid_set *other);
void uid_set_intersect(struct uid_set *, const struct uid_set *other);

bool uid_set_has(const struct uid_set *, uint32_t uid);
bool uid_set_is_empty(const struct uid_set *);
bool uid_set_eq(const struct uid_set *, const struct uid_set *);
uint64_t uid_set_count(const struct uid_set *);
uint32_t uid_set_ranges(const struct uid_set *);
uint32_t uid_set_min(const struct uid_set *); /* 0 when empty */
uint32_t uid_set_max(const struct uid_set *); /* 0 when empty */
/* Moves the first `max` members of `from` to `ret_taken` (initialised). */
void uid_set_take(struct uid_set *from, size_t max, struct uid_set *ret_taken);

/* Walks members: `for (struct uid_iter it = uid_iter_of(set); uid_next(&it, &uid);)` */
struct uid_iter {
	const struct uid_set *set;
	uint32_t range;
	uint64_t next;
};
struct uid_iter uid_iter_of(const struct uid_set *);
bool uid_next(struct uid_iter *, uint32_t *ret);

/* "1:5,7" as IMAP writes it. */
bool uid_set_print(const struct uid_set *, struct buf *out);
/* Our own packed form: varint count, then varint gaps and lengths. */
bool uid_set_pack(const struct uid_set *, struct buf *out);
/* False on malformed input or above max_ranges; `ret` initialised before. */
bool uid_set_unpack(struct reader *, uint32_t max_ranges, struct uid_set *ret);

#endif
