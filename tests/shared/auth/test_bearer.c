/* Bearer tokens: whose signature, which algorithm, for whom, when; what introspection answers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rand.h"
#include "shared/auth/token_maker.h"

#define NOW INT64_C(1700000000)
#define GOOD                                                                                                 \
	"\"iss\":\"https://id.example\",\"aud\":\"mail\",\"exp\":1700000100,\"email\":\"alice@example.org\""

static struct arena *arena;
static struct maker maker, other;
static struct jwk_set *keys;

static const struct bearer_expect expect = {
	.issuer = "https://id.example", .audience = "mail", .scope = "", .claim = "email", .now = NOW
};

static int start(void **state)
{
	struct why why;

	(void)state;
	rand_start();
	arena = arena_new();
	maker = maker_new();
	other = maker_new();
	return jwk_set_parse(slice_str(maker_set(arena, &maker)), &keys, &why);
}

static int end(void **state)
{
	(void)state;
	jwk_set_free(keys);
	jwk_set_free(NULL);
	maker_done(&maker);
	maker_done(&other);
	arena_free(arena);
	return 0;
}

static enum fault check(const char *token, const struct bearer_expect *how, struct bearer *ret)
{
	struct why why = { "" };
	enum fault fault = bearer_check_jwt(keys, slice_str(token), how, arena, ret, &why);

	if (fault && !*why.text)
		fail_msg("refused without a reason");
	return fault;
}

/* ---- signatures ---- */

struct signature_case {
	const char *name, *header;
	EVP_PKEY **key;
	enum fault fault;
};

static const struct signature_case signatures[] = {
	{ "RS256", "{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":\"JWT\"}", &maker.rsa, FAULT_NONE },
	{ "ES256", "{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"at+jwt\"}", &maker.ec, FAULT_NONE },
	{ "EdDSA", "{\"alg\":\"EdDSA\",\"kid\":\"o\"}", &maker.ed, FAULT_NONE },
	{ "no key id", "{\"alg\":\"RS256\"}", &maker.rsa, FAULT_NONE },
	{ "another issuer's key", "{\"alg\":\"RS256\",\"kid\":\"r\"}", &other.rsa, FAULT_AUTH },
	{ "another issuer's curve", "{\"alg\":\"ES256\",\"kid\":\"e\"}", &other.ec, FAULT_AUTH },
	{ "another issuer's Ed25519", "{\"alg\":\"EdDSA\"}", &other.ed, FAULT_AUTH },
	{ "unknown key id", "{\"alg\":\"RS256\",\"kid\":\"x\"}", &maker.rsa, FAULT_NOT_FOUND },
	{ "a key id of another kind", "{\"alg\":\"ES256\",\"kid\":\"r\"}", &maker.ec, FAULT_NOT_FOUND },
	{ "a key id that is no text", "{\"alg\":\"RS256\",\"kid\":1}", &maker.rsa, FAULT_AUTH },
	{ "none", "{\"alg\":\"none\"}", &maker.rsa, FAULT_AUTH },
	{ "None", "{\"alg\":\"None\",\"kid\":\"r\"}", &maker.rsa, FAULT_AUTH },
	{ "symmetric", "{\"alg\":\"HS256\",\"kid\":\"r\"}", &maker.rsa, FAULT_AUTH },
	{ "PS256", "{\"alg\":\"PS256\",\"kid\":\"r\"}", &maker.rsa, FAULT_AUTH },
	{ "no algorithm", "{\"kid\":\"r\"}", &maker.rsa, FAULT_AUTH },
	{ "algorithm twice", "{\"alg\":\"RS256\",\"alg\":\"RS256\"}", &maker.rsa, FAULT_AUTH },
	{ "another algorithm than the signature's", "{\"alg\":\"EdDSA\"}", &maker.rsa, FAULT_AUTH },
	{ "another kind of token", "{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", &maker.rsa, FAULT_AUTH },
	{ "critical extensions", "{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}", &maker.rsa,
	  FAULT_AUTH },
	{ "its own key", "{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\"},\"jku\":\"https://x/\"}", &other.rsa,
	  FAULT_AUTH },
	{ "a header that is none", "[]", &maker.rsa, FAULT_AUTH },
};

static void only_the_issuers_signature_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
		const struct signature_case *c = &signatures[i];
		struct bearer bearer;
		enum fault fault =
		    check(maker_token(arena, *c->key, c->header, "{" GOOD "}"), &expect, &bearer);

		if (fault != c->fault)
			fail_msg("%s: %s", c->name, fault_name(fault));
		if (!fault) {
			assert_true(slice_eq(bearer.login, SLICE("alice@example.org")));
			assert_int_equal(bearer.expires, NOW + 100);
		}
	}
}

/* The public key as an HMAC secret: what confused libraries took. */
static void a_public_key_is_no_secret(void **state)
{
	const char *text =
	    arena_printf(arena, "%s.%s", maker_encoded(arena, "{\"alg\":\"HS256\",\"kid\":\"r\"}", 25),
	                 maker_encoded(arena, "{" GOOD "}", strlen("{" GOOD "}")));
	const char *secret = maker_number(arena, maker.rsa, OSSL_PKEY_PARAM_RSA_N);
	struct bearer bearer;
	uint8_t mac[32];
	unsigned len;

	(void)state;
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)text, strlen(text), mac, &len);
	assert_int_equal(
	    check(arena_printf(arena, "%s.%s", text, maker_encoded(arena, mac, len)), &expect, &bearer),
	    FAULT_AUTH);
}

static void what_is_cut_or_changed_is_refused(void **state)
{
	const char *token = maker_token(arena, maker.ec, "{\"alg\":\"ES256\"}", "{" GOOD "}");
	const char *const malformed[] = { "", ".", "..", "...", "a.b", "a.b.c", "!.!.!", "e30.e30." };
	struct bearer bearer;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++)
		assert_int_equal(check(malformed[i], &expect, &bearer), FAULT_AUTH);
	for (size_t i = 0; i < strlen(token); i++) {
		char *changed = arena_strdup(arena, token);

		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_int_not_equal(check(changed, &expect, &bearer), FAULT_NONE);
		changed[i] = '\0';
		assert_int_equal(check(changed, &expect, &bearer), FAULT_AUTH);
	}
	assert_int_equal(check(arena_printf(arena, "%s.", token), &expect, &bearer), FAULT_AUTH);
	assert_false(bearer_is_jwt(SLICE("opaque")));
	assert_false(bearer_is_jwt(SLICE("a.b.c.d.e")));
	assert_true(bearer_is_jwt(slice_str(token)));
}

/* ---- claims ---- */

#define WHO "\"iss\":\"https://id.example\",\"email\":\"a@b.c\""

struct claims_case {
	const char *name, *claims;
	enum fault fault;
	const char *scope, *claim;
};

static const struct claims_case claims_cases[] = {
	{ "good", "{" GOOD "}", FAULT_NONE, "", "email" },
	{ "audience among several", "{" WHO ",\"aud\":[\"x\",\"mail\"],\"exp\":1700000100}", FAULT_NONE, "",
	  "email" },
	{ "no audience", "{" WHO ",\"exp\":1700000100}", FAULT_AUTH, "", "email" },
	{ "another audience", "{" WHO ",\"aud\":[\"mailer\"],\"exp\":1700000100}", FAULT_AUTH, "", "email" },
	{ "an audience that is none", "{" WHO ",\"aud\":{\"mail\":1},\"exp\":1700000100}", FAULT_AUTH, "",
	  "email" },
	{ "no issuer", "{\"aud\":\"mail\",\"email\":\"a@b.c\",\"exp\":1700000100}", FAULT_AUTH, "", "email" },
	{ "another issuer",
	  "{\"iss\":\"https://id.example/\",\"aud\":\"mail\",\"email\":\"a@b.c\",\"exp\":1700000100}",
	  FAULT_AUTH, "", "email" },
	{ "never expires", "{" WHO ",\"aud\":\"mail\"}", FAULT_AUTH, "", "email" },
	{ "just expired", "{" WHO ",\"aud\":\"mail\",\"exp\":1699999941}", FAULT_NONE, "", "email" },
	{ "expired", "{" WHO ",\"aud\":\"mail\",\"exp\":1699999940}", FAULT_AUTH, "", "email" },
	{ "expires at no time", "{" WHO ",\"aud\":\"mail\",\"exp\":\"1700000100\"}", FAULT_AUTH, "",
	  "email" },
	{ "expires before all time", "{" WHO ",\"aud\":\"mail\",\"exp\":-1}", FAULT_AUTH, "", "email" },
	{ "expires beyond all time", "{" WHO ",\"aud\":\"mail\",\"exp\":1e300}", FAULT_AUTH, "", "email" },
	{ "a fraction", "{" WHO ",\"aud\":\"mail\",\"exp\":1700000100.5}", FAULT_NONE, "", "email" },
	{ "not yet", "{" GOOD ",\"nbf\":1700000061}", FAULT_AUTH, "", "email" },
	{ "just not yet", "{" GOOD ",\"nbf\":1700000060}", FAULT_NONE, "", "email" },
	{ "made tomorrow", "{" GOOD ",\"iat\":1700086400}", FAULT_AUTH, "", "email" },
	{ "a scope among several", "{" GOOD ",\"scope\":\"openid mail\"}", FAULT_NONE, "mail", "email" },
	{ "a scope's part", "{" GOOD ",\"scope\":\"openid mailbox\"}", FAULT_AUTH, "mail", "email" },
	{ "no scope", "{" GOOD "}", FAULT_AUTH, "mail", "email" },
	{ "scopes as some write them", "{" GOOD ",\"scp\":[\"mail\"]}", FAULT_NONE, "mail", "email" },
	{ "another claim", "{" GOOD ",\"upn\":\"b@c.d\"}", FAULT_NONE, "", "upn" },
	{ "no such claim", "{" GOOD "}", FAULT_AUTH, "", "upn" },
	{ "a claim that is no text", "{" GOOD ",\"upn\":7}", FAULT_AUTH, "", "upn" },
	{ "an empty claim", "{" GOOD ",\"upn\":\"\"}", FAULT_AUTH, "", "upn" },
	{ "a NUL in it", "{" GOOD ",\"upn\":\"a\\u0000b\"}", FAULT_AUTH, "", "upn" },
	{ "an address not verified", "{" GOOD ",\"email_verified\":false}", FAULT_AUTH, "", "email" },
	{ "an address verified", "{" GOOD ",\"email_verified\":true}", FAULT_NONE, "", "email" },
	{ "a claim twice", "{" GOOD ",\"email\":\"b@c.d\"}", FAULT_AUTH, "", "email" },
	{ "no claims", "7", FAULT_AUTH, "", "email" },
};

static void claims_are_held_to_what_is_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(claims_cases); i++) {
		const struct claims_case *c = &claims_cases[i];
		struct bearer_expect how = expect;
		struct bearer bearer;
		enum fault fault;

		how.scope = c->scope;
		how.claim = c->claim;
		fault = check(maker_token(arena, maker.ed, "{\"alg\":\"EdDSA\"}", c->claims), &how, &bearer);
		if (fault != c->fault)
			fail_msg("%s: %s", c->name, fault_name(fault));
	}
}

/* ---- key sets ---- */

static void keys_that_are_of_no_use_are_left_out(void **state)
{
	EVP_PKEY *small = EVP_RSA_gen(1024), *curve = EVP_EC_gen("P-256");
	const char *const useless[] = {
		"",
		"{",
		"[]",
		"{\"keys\":7}",
		"{\"keys\":[]}",
		"{\"keys\":[7,{}]}",
		arena_printf(arena, "{\"keys\":[%s]}", maker_rsa_jwk(arena, small, "")),
		arena_printf(arena, "{\"keys\":[%s]}", maker_rsa_jwk(arena, maker.rsa, ",\"use\":\"enc\"")),
		arena_printf(arena, "{\"keys\":[%s]}", maker_rsa_jwk(arena, maker.rsa, ",\"alg\":\"RS512\"")),
		arena_printf(arena, "{\"keys\":[%s]}", maker_ec_jwk(arena, curve, ",\"alg\":\"RS256\"")),
		"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
		/* not on the curve */
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
		"\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
		"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":"
		"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(useless); i++) {
		struct jwk_set *set = NULL;
		struct why why;

		if (jwk_set_parse(slice_str(useless[i]), &set, &why) != FAULT_CORRUPT || set)
			fail_msg("%s", useless[i]);
	}
	EVP_PKEY_free(small);
	EVP_PKEY_free(curve);
}

static void a_key_set_is_bounded(void **state)
{
	const char *one = maker_ed_jwk(arena, maker.ed, ",\"kid\":\"x\"");
	struct jwk_set *set;
	struct buf text;
	struct why why;

	(void)state;
	buf_init(&text, BUF_NO_LIMIT);
	buf_printf(&text, "{\"keys\":[%s", one);
	for (int i = 0; i < 2 * JWK_SET_MAX; i++)
		buf_printf(&text, ",%s", one);
	buf_adds(&text, "]}");
	assert_int_equal(jwk_set_parse(buf_slice(&text), &set, &why), FAULT_NONE);
	jwk_set_free(set);
	while (text.len <= JWK_TEXT_MAX)
		buf_addc(&text, ' ');
	assert_int_equal(jwk_set_parse(buf_slice(&text), &set, &why), FAULT_CORRUPT);
	buf_done(&text);
}

/* ---- introspection ---- */

static const struct answer_case {
	const char *name, *json;
	enum fault fault;
} answers[] = {
	{ "active", "{\"active\":true,\"email\":\"a@b.c\",\"aud\":\"mail\"}", FAULT_NONE },
	{ "for whom is not said", "{\"active\":true,\"email\":\"a@b.c\"}", FAULT_AUTH },
	{ "all of it", "{\"active\":true," GOOD "}", FAULT_NONE },
	{ "inactive", "{\"active\":false,\"email\":\"a@b.c\"}", FAULT_AUTH },
	{ "for another", "{\"active\":true,\"email\":\"a@b.c\",\"aud\":\"x\"}", FAULT_AUTH },
	{ "by another", "{\"active\":true,\"email\":\"a@b.c\",\"iss\":\"x\"}", FAULT_AUTH },
	{ "expired", "{\"active\":true,\"email\":\"a@b.c\",\"exp\":1}", FAULT_AUTH },
	{ "nobody", "{\"active\":true}", FAULT_AUTH },
	{ "active in words", "{\"active\":\"true\",\"email\":\"a@b.c\"}", FAULT_CORRUPT },
	{ "an error", "{\"error\":\"invalid_client\"}", FAULT_CORRUPT },
	{ "no JSON", "<html>", FAULT_CORRUPT },
	{ "nothing", "", FAULT_CORRUPT },
};

static void introspection_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct why why = { "" };
		struct bearer bearer;
		enum fault fault =
		    bearer_check_answer(slice_str(answers[i].json), &expect, arena, &bearer, &why);

		if (fault != answers[i].fault)
			fail_msg("%s: %s %s", answers[i].name, fault_name(fault), why.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_issuers_signature_counts),
		cmocka_unit_test(a_public_key_is_no_secret),
		cmocka_unit_test(what_is_cut_or_changed_is_refused),
		cmocka_unit_test(claims_are_held_to_what_is_expected),
		cmocka_unit_test(keys_that_are_of_no_use_are_left_out),
		cmocka_unit_test(a_key_set_is_bounded),
		cmocka_unit_test(introspection_answers),
	};

	return cmocka_run_group_tests(tests, start, end);
}
