#ifndef TESTS_SHARED_AUTH_TOKEN_MAKER_H
#define TESTS_SHARED_AUTH_TOKEN_MAKER_H
/* A token issuer: three keys, the set that tells them, and tokens of any header and claims. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "auth/bearer.h"
#include "base/base64.h"

struct maker {
	EVP_PKEY *rsa, *ec, *ed;
};

static inline const char *maker_encoded(struct arena *arena, const void *data, size_t len)
{
	struct buf text;
	const char *copy;

	buf_init(&text, BUF_NO_LIMIT);
	base64url_encode(&text, slice_of(data, len));
	copy = arena_strz(arena, buf_slice(&text));
	buf_done(&text);
	return copy;
}

static inline struct maker maker_new(void)
{
	return (struct maker){ EVP_RSA_gen(2048), EVP_EC_gen("P-256"),
		               EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
}

static inline void maker_done(struct maker *maker)
{
	EVP_PKEY_free(maker->rsa);
	EVP_PKEY_free(maker->ec);
	EVP_PKEY_free(maker->ed);
}

static inline const char *maker_number(struct arena *arena, EVP_PKEY *key, const char *param)
{
	BIGNUM *number = NULL;
	uint8_t raw[1024];
	int len;

	if (EVP_PKEY_get_bn_param(key, param, &number) != 1)
		abort();
	len = BN_bn2bin(number, raw);
	BN_free(number);
	return maker_encoded(arena, raw, (size_t)len);
}

static inline const char *maker_rsa_jwk(struct arena *arena, EVP_PKEY *key, const char *more)
{
	return arena_printf(arena, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}",
	                    maker_number(arena, key, OSSL_PKEY_PARAM_RSA_N),
	                    maker_number(arena, key, OSSL_PKEY_PARAM_RSA_E), more);
}

static inline const char *maker_ec_jwk(struct arena *arena, EVP_PKEY *key, const char *more)
{
	uint8_t point[65];
	size_t len;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1 ||
	    len != sizeof(point))
		abort();
	return arena_printf(arena, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}",
	                    maker_encoded(arena, point + 1, 32), maker_encoded(arena, point + 33, 32), more);
}

static inline const char *maker_ed_jwk(struct arena *arena, EVP_PKEY *key, const char *more)
{
	uint8_t raw[32];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(key, raw, &len) != 1)
		abort();
	return arena_printf(arena, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"%s}",
	                    maker_encoded(arena, raw, len), more);
}

static inline const char *maker_set(struct arena *arena, const struct maker *maker)
{
	return arena_printf(
	    arena, "{\"keys\":[%s,%s,%s]}",
	    maker_rsa_jwk(arena, maker->rsa, ",\"kid\":\"r\",\"use\":\"sig\",\"alg\":\"RS256\""),
	    maker_ec_jwk(arena, maker->ec, ",\"kid\":\"e\""),
	    maker_ed_jwk(arena, maker->ed, ",\"kid\":\"o\",\"alg\":\"EdDSA\""));
}

/* DER to r and s side by side. */
static inline size_t maker_flat(uint8_t *signature, size_t len)
{
	const unsigned char *der = signature;
	ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)len);

	BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + 32, 32);
	ECDSA_SIG_free(parts);
	return 64;
}

static inline const char *maker_token(struct arena *arena, EVP_PKEY *key, const char *header,
                                      const char *claims)
{
	const char *text = arena_printf(arena, "%s.%s", maker_encoded(arena, header, strlen(header)),
	                                maker_encoded(arena, claims, strlen(claims)));
	const bool is_ed = EVP_PKEY_is_a(key, "ED25519");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[1024];
	size_t len = sizeof(signature);

	if (EVP_DigestSignInit(ctx, NULL, is_ed ? NULL : EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, signature, &len, (const uint8_t *)text, strlen(text)) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	if (EVP_PKEY_is_a(key, "EC"))
		len = maker_flat(signature, len);
	return arena_printf(arena, "%s.%s", text, maker_encoded(arena, signature, len));
}

#endif
