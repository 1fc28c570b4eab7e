#ifndef SHARED_SEARCH_SEGMENT_H
#define SHARED_SEARCH_SEGMENT_H
/*
 * Signatures of many messages in memory, laid out for being asked: by size class, and in a class 64 messages side
 * by side, so that one word of memory answers for all of them whether they have a bit. What is left of a class
 * lies message by message.
 *
 * A segment never changes: threads may share it (segment_ref), and a larger one is made of its rows.
 */
#include "search/signature.h"

struct arena;
struct segment;

enum { SEGMENT_NONE = 255 }; /* class of a message that has no signature */

struct segment_row {
	uint32_t uid;
	struct signature signature; /* class SEGMENT_NONE: it is known to have none, and always a candidate */
};

/* Sorts `rows` by UID; of several with one UID the last one given is taken. */
struct segment *segment_new(struct segment_row *rows, size_t n);
struct segment *segment_ref(struct segment *);
void segment_unref(struct segment *); /* NULL accepted */
size_t segment_memory(const struct segment *);
uint32_t segment_count(const struct segment *);
/* UIDs, ascending. */
const uint32_t *segment_uids(const struct segment *);
/* Where a UID is among them; -1: it is not. */
ptrdiff_t segment_find(const struct segment *, uint32_t uid);
/* It is known to have no signature. */
bool segment_lacks(const struct segment *, size_t at);
/* It has an old one (struct signature). */
bool segment_is_old(const struct segment *, size_t at);
bool segment_has_old(const struct segment *);
/* All rows, as segment_new() takes them, added to `rows` (of struct segment_row); bits are in the arena. */
void segment_rows(const struct segment *, struct arena *, struct buf *rows);

/* What a folded text asks of a signature. A text of fewer than three bytes asks nothing. */
struct segment_query;
struct segment_query *segment_query_new(struct slice folded); /* NULL: it asks nothing */
struct segment_query *
segment_query_bare(struct slice bare);           /* the same, of text without marks: old ones always may */
void segment_query_free(struct segment_query *); /* NULL accepted */
/* A bit for each UID, in 64-bit words that `ret` has room for: set where it may be. */
void segment_ask(const struct segment *, const struct segment_query *, uint64_t *ret);
static inline size_t segment_words(const struct segment *segment)
{
	return ((size_t)segment_count(segment) + 63) / 64;
}

/* Kept in a file: rows without a signature are left out. False: past `out`'s limit. */
bool segment_pack(const struct segment *, struct buf *out);
/* CORRUPT: nothing that segment_pack() wrote. */
MUST_CHECK enum fault segment_unpack(struct slice packed, struct segment **ret, struct why *);

#endif
