/* Keyed tags (tag.h). */
#include "crypt/tag.h"

#include <sodium.h>

void tag_make(const uint8_t key[TAG_KEY], struct slice text, uint8_t ret[TAG_SIZE])
{
	crypto_generichash(ret, TAG_SIZE, text.data, text.len, key, TAG_KEY);
}
