#ifndef SHARED_STORE_PACK_H
#define SHARED_STORE_PACK_H
/*
 * What log entries and pages have in common on the wire: signed numbers and
 * wrapped keys, over base/buf.h.
 */
#include "base/buf.h"
#include "base/rand.h"
#include "crypt/account_key.h"

/* Small in either direction is short: 0, -1, 1, -2, … as 0, 1, 2, 3, … */
void pack_signed(struct buf *, int64_t);
int64_t unpack_signed(struct reader *);
/* The difference from `before`, so that what repeats or creeps costs a byte. Any two values have one: it wraps. */
void pack_after(struct buf *, int64_t value, int64_t before);
int64_t unpack_after(struct reader *, int64_t before);

void pack_id(struct buf *, const struct id *);
void unpack_id(struct reader *, struct id *ret);
/* kind, generation, then as many bytes as the kind has. */
void pack_key(struct buf *, const struct wrapped_key *);
/* An unknown kind sets reader->bad. */
void unpack_key(struct reader *, struct wrapped_key *ret);

#endif
