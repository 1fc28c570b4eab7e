#ifndef SHARED_SEARCH_SIGNATURE_H
#define SHARED_SEARCH_SIGNATURE_H
/*
 * The signature of a message: a Bloom filter over the trigrams of its folded texts, and of the same without marks
 * (mail/fold.h), so that most messages that do not hold a word, as it is written or loosely, are known not to without being opened. It
 * never says no of a message that holds it.
 *
 * Filters have one of SIGNATURE_CLASSES sizes, a quarter of an octave apart, four bits and a little more a trigram; the
 * two bits that a trigram sets are chosen anew in each class, so that what two trigrams share in one they do not in
 * the others. A message of more than TRIGRAMS_MAX trigrams has no filter: it is always a candidate.
 *
 * As it is kept: version(1) | class(1) | the filter's bits. Version 1 has no trigrams without marks: of what is looked for
 * loosely it says nothing.
 */
#include "base/buf.h"
#include "base/fault.h"
#include "search/trigram.h"

#define SIGNATURE_CLASSES  37 /* from 1; class 0 has no bits: always a candidate */
#define SIGNATURE_BITS_MAX (512u * 1024)
#define SIGNATURE_MAX      (2 + SIGNATURE_BITS_MAX / 8) /* bytes of a packed one */

struct signature {
	uint8_t class;
	struct slice bits; /* signature_bits(class) / 8 bytes */
	bool old;          /* version 1 */
};

/* 1024 in class 1, SIGNATURE_BITS_MAX in the last; always a multiple of 256. */
static inline uint32_t signature_bits(unsigned class)
{
	return class ? (4 + (class - 1) % 4) << (8 + (class - 1) / 4) : 0;
}

/* The bits of one trigram, in the filters of one class. */
static inline void signature_places(unsigned class, uint32_t trigram, uint32_t ret[2])
{
	uint64_t x = ((uint64_t) class << 24 | trigram) + 1, bits = signature_bits(class);

	x *= 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	ret[0] = (uint32_t)((uint32_t)x * bits >> 32);
	ret[1] = (uint32_t)((x >> 32) * bits >> 32);
}

/* Packed, appended to `out`. False: past its limit. */
bool signature_make(const struct trigrams *, struct buf *out);
/* The bits are `packed`'s own. CORRUPT: nothing that signature_make() wrote. */
MUST_CHECK enum fault signature_unpack(struct slice packed, struct signature *ret, struct why *);

static inline bool signature_has(const uint8_t *bits, uint32_t place)
{
	return bits[place / 8] >> (place % 8) & 1;
}

#endif
