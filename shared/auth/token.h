#ifndef SHARED_AUTH_TOKEN_H
#define SHARED_AUTH_TOKEN_H
/*
 * API tokens: "ph_" + 43 characters of base64url (32 random bytes). Only the
 * BLAKE2b hash is stored, as the key of the `tokens` collection.
 */
#include "base/slice.h"

struct token_text {
	char text[48];
};
struct token_hash {
	uint8_t raw[32];
};
void token_make(struct token_text *ret, struct token_hash *ret_hash);
/* False when it does not look like a token. */
bool token_hash(struct slice text, struct token_hash *ret);

#endif
