/* Keys of token issuers (jwk.h): jansson reads them, OpenSSL verifies. */
#include "auth/jwk.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/base64.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define NUMBER_MAX   (RSA_BITS_MAX / 8) /* bytes of one part of a key */
#define KID_MAX      256
#define P256_BYTES   32
#define ED25519_KEY  32

struct jwk {
	enum jwk_algorithm algorithm;
	char *kid; /* NULL: it has none */
	EVP_PKEY *key;
};

struct jwk_set {
	struct jwk keys[JWK_SET_MAX];
	size_t n;
};

static const char *const names[] = { [JWK_RS256] = "RS256", [JWK_ES256] = "ES256", [JWK_EDDSA] = "EdDSA" };

enum jwk_algorithm jwk_algorithm_of(const char *name)
{
	for (size_t i = JWK_NONE + 1; name && i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum jwk_algorithm)i;
	return JWK_NONE;
}

/* ---- reading ---- */

static const char *member(const json_t *jwk, const char *name)
{
	const char *text = json_string_value(json_object_get(jwk, name));

	return text ? text : "";
}

/* A part of a key, its bytes added to `out`. */
static bool number(const json_t *jwk, const char *name, struct buf *out)
{
	const size_t before = out->len;

	return base64url_decode(out, slice_str(member(jwk, name))) && out->len > before;
}

static EVP_PKEY *key_of(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *rsa_of(const json_t *jwk)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = NULL;
	EVP_PKEY *key = NULL;
	struct buf part;

	buf_init(&part, NUMBER_MAX);
	if (number(jwk, "n", &part))
		n = BN_bin2bn(part.data, (int)part.len, NULL);
	buf_clear(&part);
	if (number(jwk, "e", &part))
		e = BN_bin2bn(part.data, (int)part.len, NULL);
	buf_done(&part);
	if (n && e && BN_num_bits(n) >= RSA_BITS_MIN && BN_is_odd(e) && BN_num_bits(e) <= 64 &&
	    !BN_is_one(e) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		key = key_of("RSA", build);
	BN_free(n);
	BN_free(e);
	OSSL_PARAM_BLD_free(build);
	return key;
}

/* OpenSSL refuses a point that is not on the curve. */
static EVP_PKEY *p256_of(const json_t *jwk)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	struct buf point;

	buf_init(&point, 1 + 2 * P256_BYTES);
	buf_addc(&point, POINT_CONVERSION_UNCOMPRESSED);
	if (strcmp(member(jwk, "crv"), "P-256") == 0 && number(jwk, "x", &point) &&
	    point.len == 1 + P256_BYTES && number(jwk, "y", &point) && point.len == 1 + 2 * P256_BYTES &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len))
		key = key_of("EC", build);
	buf_done(&point);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *ed25519_of(const json_t *jwk)
{
	EVP_PKEY *key = NULL;
	struct buf raw;

	buf_init(&raw, ED25519_KEY);
	if (strcmp(member(jwk, "crv"), "Ed25519") == 0 && number(jwk, "x", &raw) && raw.len == ED25519_KEY)
		key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw.data, raw.len);
	buf_done(&raw);
	return key;
}

static const struct kind {
	const char *kty;
	enum jwk_algorithm algorithm;
	EVP_PKEY *(*read)(const json_t *);
} kinds[] = {
	{ "RSA", JWK_RS256, rsa_of },
	{ "EC", JWK_ES256, p256_of },
	{ "OKP", JWK_EDDSA, ed25519_of },
};

/* For signatures, by the algorithm of its kind, as far as it says. */
static bool is_ours(const json_t *jwk, const struct kind *kind)
{
	const char *use = member(jwk, "use"), *alg = member(jwk, "alg");

	return strcmp(member(jwk, "kty"), kind->kty) == 0 && (!*use || strcmp(use, "sig") == 0) &&
	       (!*alg || jwk_algorithm_of(alg) == kind->algorithm);
}

static void add(struct jwk_set *set, const json_t *jwk)
{
	const char *kid = json_string_value(json_object_get(jwk, "kid"));

	if (kid && strlen(kid) > KID_MAX)
		return;
	for (size_t i = 0; i < ARRAY_LEN(kinds) && set->n < JWK_SET_MAX; i++) {
		EVP_PKEY *key = is_ours(jwk, &kinds[i]) ? kinds[i].read(jwk) : NULL;

		if (key)
			set->keys[set->n++] =
			    (struct jwk){ kinds[i].algorithm, kid ? xstrdup(kid) : NULL, key };
	}
}

enum fault jwk_set_parse(struct slice json, struct jwk_set **ret, struct why *why)
{
	struct jwk_set *set;
	json_t *root, *jwk;
	size_t i;

	if (json.len > JWK_TEXT_MAX)
		return fault_set(why, FAULT_CORRUPT, "a key set of %zu bytes", json.len);
	root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
	set = xzalloc(sizeof(*set));
	json_array_foreach(json_object_get(root, "keys"), i, jwk) add(set, jwk);
	json_decref(root);
	if (set->n == 0) {
		jwk_set_free(set);
		return fault_set(why, FAULT_CORRUPT, "a key set without a key for RS256, ES256 or EdDSA");
	}
	*ret = set;
	return FAULT_NONE;
}

void jwk_set_free(struct jwk_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++) {
		free(set->keys[i].kid);
		EVP_PKEY_free(set->keys[i].key);
	}
	free(set);
}

/* ---- verifying ---- */

/* r and s side by side (RFC 7518 section 3.4), as OpenSSL wants them. */
static unsigned char *der_of(struct slice signature, int *ret_len)
{
	ECDSA_SIG *parts = ECDSA_SIG_new();
	unsigned char *der = NULL;
	BIGNUM *r, *s;

	if (!parts)
		abort();
	r = BN_bin2bn(signature.data, P256_BYTES, NULL);
	s = BN_bin2bn(signature.data + P256_BYTES, P256_BYTES, NULL);
	if (!r || !s || ECDSA_SIG_set0(parts, r, s) != 1)
		abort();
	*ret_len = i2d_ECDSA_SIG(parts, &der);
	ECDSA_SIG_free(parts);
	return der;
}

static bool verify_with(EVP_PKEY *key, const EVP_MD *hash, struct slice text, struct slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	if (!ctx)
		abort();
	good = EVP_DigestVerifyInit(ctx, NULL, hash, NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, signature.data, signature.len, text.data, text.len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static bool signed_by(const struct jwk *jwk, struct slice text, struct slice signature)
{
	unsigned char *der;
	int len = 0;
	bool good;

	if (jwk->algorithm == JWK_EDDSA)
		return verify_with(jwk->key, NULL, text, signature);
	if (jwk->algorithm == JWK_RS256)
		return verify_with(jwk->key, EVP_sha256(), text, signature);
	if (signature.len != 2 * P256_BYTES)
		return false;
	der = der_of(signature, &len);
	good = len > 0 && verify_with(jwk->key, EVP_sha256(), text, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	return good;
}

enum fault jwk_verify(const struct jwk_set *set, enum jwk_algorithm algorithm, const char *kid,
                      struct slice text, struct slice signature, struct why *why)
{
	bool met = false;

	for (size_t i = 0; i < set->n; i++) {
		const struct jwk *jwk = &set->keys[i];

		if (jwk->algorithm != algorithm || (kid && (!jwk->kid || strcmp(kid, jwk->kid) != 0)))
			continue;
		met = true;
		if (signed_by(jwk, text, signature))
			return FAULT_NONE;
	}
	return met ? fault_set(why, FAULT_AUTH, "a token with a wrong signature")
	           : fault_set(why, FAULT_NOT_FOUND, "a token by a key that the issuer does not have");
}
