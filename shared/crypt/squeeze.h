#ifndef SHARED_CRYPT_SQUEEZE_H
#define SHARED_CRYPT_SQUEEZE_H
/*
 * zstd for pieces: a thread's contexts and scratch memory are kept from one
 * piece to the next and freed when the thread ends. Nothing is unpacked past
 * the size that its caller names.
 */
#include "base/slice.h"

/* Compressed bytes written to `dst`; 0 when they do not fit in `cap`. */
size_t squeeze(struct slice plain, uint8_t *dst, size_t cap);
/* False unless `packed` holds exactly `size` bytes, then in `dst`. */
bool unsqueeze(struct slice packed, uint8_t *dst, size_t size);
/* What `packed` says it holds, SIZE_MAX when it does not say. */
size_t unsqueezed_size(struct slice packed);

enum scratch { SCRATCH_OPENED, SCRATCH_PLAIN, SCRATCH_COUNT };
/* This thread's, until it asks for the same one again. */
uint8_t *scratch_room(enum scratch, size_t size);

#endif
