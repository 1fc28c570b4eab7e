/* API tokens (token.h). */
#include "auth/token.h"

#include <sodium.h>
#include <stdio.h>

#include "base/rand.h"
#include "base/secret.h"

#define PREFIX  "ph_"
#define RANDOM  32
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define LENGTH  (sizeof(PREFIX) - 1 + 43)

_Static_assert(sizeof(PREFIX) - 1 + sodium_base64_ENCODED_LEN(RANDOM, VARIANT) == LENGTH + 1,
               "43 characters");
_Static_assert(sizeof(((struct token_text *)0)->text) > LENGTH, "a token and its NUL fit");

void token_make(struct token_text *ret, struct token_hash *ret_hash)
{
	const size_t prefix = sizeof(PREFIX) - 1;
	uint8_t random[RANDOM];

	rand_bytes(random, sizeof(random));
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->text, PREFIX, prefix);
	sodium_bin2base64(ret->text + prefix, sizeof(ret->text) - prefix, random, sizeof(random), VARIANT);
	secret_wipe(random, sizeof(random));
	crypto_generichash(ret_hash->raw, sizeof(ret_hash->raw), (const uint8_t *)ret->text, LENGTH, NULL, 0);
}

bool token_hash(struct slice text, struct token_hash *ret)
{
	uint8_t random[RANDOM];
	struct slice rest;
	size_t len;
	int failed;

	if (text.len != LENGTH || !slice_starts(text, PREFIX))
		return false;
	rest = slice_from(text, sizeof(PREFIX) - 1);
	failed = sodium_base642bin(random, sizeof(random), (const char *)rest.data, rest.len, NULL, &len,
	                           NULL, VARIANT);
	secret_wipe(random, sizeof(random));
	if (failed || len != RANDOM)
		return false;
	crypto_generichash(ret->raw, sizeof(ret->raw), text.data, text.len, NULL, 0);
	return true;
}
