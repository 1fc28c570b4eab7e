#ifndef SHARED_CRYPT_TAG_H
#define SHARED_CRYPT_TAG_H
/* Keyed tags of texts (BLAKE2b): whoever has the key makes them, and knows them again; nobody else does either. */
#include "base/slice.h"

#define TAG_KEY  32
#define TAG_SIZE 32

void tag_make(const uint8_t key[TAG_KEY], struct slice text, uint8_t ret[TAG_SIZE]);

#endif
