/* Any message signs, or is refused; and how its body is cut into chunks changes nothing. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rand.h"
#include "mail/header.h"
#include "sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sign_key *make_key(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_mem());
	struct sign_key *key;
	struct why why;
	char *pem;
	long len;

	rand_start();
	PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
	len = BIO_get_mem_data(bio, &pem);
	if (sign_key_new("example.org", "s", SIGN_ED25519_SHA256, slice_of(pem, (size_t)len), &key, &why))
		abort();
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return key;
}

static void hash_body(struct slice body, size_t chunk, uint8_t ret[SIGN_HASH])
{
	struct sign_body *hashed = sign_body_new();

	for (; body.len; body = slice_from(body, MIN_OF(chunk, body.len)))
		sign_body_feed(hashed, slice_first(body, chunk));
	sign_body_end(hashed, ret);
	sign_body_free(hashed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sign_key *key;
	struct slice message = slice_of(data, size);
	struct slice header = slice_first(message, header_end(message)),
	             body = slice_from(message, header.len);
	struct arena *arena = arena_new();
	uint8_t whole[SIGN_HASH], cut[SIGN_HASH];
	struct buf out;
	struct why why;

	if (!key)
		key = make_key();
	hash_body(body, SIZE_MAX, whole);
	hash_body(body, 1 + size % 7, cut);
	if (memcmp(whole, cut, SIGN_HASH))
		abort();
	(void)sign_from_domain(header, arena);
	buf_init(&out, BUF_NO_LIMIT);
	if (!sign_message(key, header, whole, 0, &out, &why) && !slice_ends(buf_slice(&out), "\r\n"))
		abort();
	buf_done(&out);
	arena_free(arena);
	return 0;
}
