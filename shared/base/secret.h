#ifndef SHARED_BASE_SECRET_H
#define SHARED_BASE_SECRET_H
/*
 * Keys and passwords in guarded memory (sodium_malloc: locked, guard pages,
 * wiped when freed). For what lives long: key ring, account keys, queue key.
 */
#include "base/slice.h"

struct secret; /* reference-counted; refs may cross threads */

struct secret *secret_new(size_t size); /* zeroed */
struct secret *secret_copy(struct slice);
struct secret *secret_ref(struct secret *);
void secret_unref(struct secret *); /* NULL accepted; the last one wipes */
uint8_t *secret_data(struct secret *);
struct slice secret_slice(const struct secret *);
bool secret_eq(struct slice a, struct slice b); /* constant time in the bytes; lengths may leak */
void secret_wipe(void *data, size_t len);       /* for keys on the stack */

#endif
