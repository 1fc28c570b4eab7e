/*
 * Tokens, key sets and answers of an issuer. The first byte: 0 a token, checked by keys that did not sign it; 1 a key
 * set, then used; 2 an introspection's answer. Nobody gets in by a token.
 */
#include <stdlib.h>

#include "auth/bearer.h"
#include "base/base64.h"
#include "base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 8037 appendix A.2. */
static const char keys[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                           "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static const struct bearer_expect expect = {
	.issuer = "i", .audience = "a", .scope = "s", .claim = "email", .now = 1700000000
};

/* The parts come plain, and are put into base64url here: header NUL claims NUL signature. */
static void encode(struct buf *out, struct slice rest)
{
	struct slice part;

	for (int i = 0; i < 3; i++) {
		if (i)
			buf_addc(out, '.');
		if (slice_cut(&rest, '\0', &part))
			base64url_encode(out, part);
	}
}

static void token(const struct jwk_set *set, struct slice input, bool plain)
{
	struct arena *arena = arena_new();
	struct bearer bearer;
	struct why why = { "" };
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	if (plain)
		encode(&text, input);
	else
		buf_add_slice(&text, input);
	if (!bearer_check_jwt(set, buf_slice(&text), &expect, arena, &bearer, &why) || !*why.text)
		abort();
	buf_done(&text);
	arena_free(arena);
}

static void answer(struct slice input)
{
	struct arena *arena = arena_new();
	struct bearer bearer;
	struct why why = { "" };

	if (!bearer_check_answer(input, &expect, arena, &bearer, &why) && bearer.login.len == 0)
		abort();
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	uint8_t how = size ? data[0] & 3 : 0;
	struct jwk_set *set = NULL;
	struct why why;

	rand_start();
	input = slice_from(input, 1);
	if (jwk_set_parse(how == 1 ? input : slice_str(keys), &set, &why)) {
		if (how != 1)
			abort();
		return 0;
	}
	if (how == 2)
		answer(input);
	else
		token(set, how == 1 ? SLICE("{\"alg\":\"EdDSA\"}\0{}\0s") : input, how != 3);
	jwk_set_free(set);
	return 0;
}
