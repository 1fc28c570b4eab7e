#ifndef SHARED_BASE_RAND_H
#define SHARED_BASE_RAND_H
/* Random bytes (libsodium), ids, and hashes of no secret. */
#include "base/slice.h"

/* Once at start, before anything else of base or crypt; aborts if libsodium cannot start. */
void rand_start(void);
void rand_bytes(void *out, size_t len);
uint32_t rand_below(uint32_t limit); /* uniform in [0, limit) */
/* A jittered wait: uniform in [3/4, 5/4] of `ms`. */
int64_t rand_jitter(int64_t ms);

/* 16 random bytes: accounts, mailboxes, contents, queue entries. Never reused. */
struct id {
	uint8_t raw[16];
};
struct id id_new(void);
bool id_is_zero(const struct id *);
bool id_eq(const struct id *, const struct id *);
static inline struct slice id_slice(const struct id *id)
{
	return slice_of(id->raw, sizeof(id->raw));
}
/* 32 lower-case hex digits and a NUL. */
struct id_text {
	char text[33];
};
struct id_text id_print(const struct id *);
bool id_parse(struct slice text, struct id *ret);
/* From 16 raw bytes; false for another length. */
bool id_from(struct slice raw, struct id *ret);
/* BLAKE2b of both, cut to an id: the same inputs give the same id (idempotent retries). */
struct id id_derive(const struct id *from, struct slice with);

#endif
