/*
 * Password verifiers (password.h): Argon2id by libsodium, SCRAM-SHA-256 keys (RFC 5802 3) with OpenSSL's PBKDF2,
 * whose SHA-256 is several times as fast.
 */
#include "auth/password.h"

#include <errno.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <stdio.h>

#include "base/rand.h"
#include "base/utf8.h"

#define PASSES       2
#define MEMORY       (19 * 1024 * 1024)
#define LENGTH_MIN   8
#define GROUPS       4
#define GROUP_LENGTH 5

_Static_assert(crypto_pwhash_STRBYTES <= sizeof(((struct password *)0)->argon), "a verifier fits");

/* A verifier of a password that nobody has, with today's cost. */
static const char nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$KQF/IVqgxaisy6ydaw8zQA$"
                             "oa1GcXkjj4BvZKAhU2X1t8fVSmwmpUos/DGAjrq7mww";

/* What is hashed: the prepared password, or where that cannot be, a copy of the password itself. */
static struct secret *to_hash(struct slice password)
{
	struct secret *prepared = password_prepare(password);

	return prepared ? prepared : secret_copy(password);
}

static void hmac(const uint8_t key[32], const char *text, uint8_t out[32])
{
	crypto_auth_hmacsha256(out, (const uint8_t *)text, strlen(text), key);
}

static void derive_scram(struct slice prepared, struct scram_keys *keys)
{
	uint8_t salted[32], client_key[32];

	if (PKCS5_PBKDF2_HMAC((const char *)prepared.data, (int)prepared.len, keys->salt, SCRAM_SALT,
	                      (int)keys->iterations, EVP_sha256(), sizeof(salted), salted) != 1)
		abort(); /* only without memory or without SHA-256 */
	hmac(salted, "Client Key", client_key);
	crypto_hash_sha256(keys->stored_key, client_key, sizeof(client_key));
	hmac(salted, "Server Key", keys->server_key);
	secret_wipe(salted, sizeof(salted));
	secret_wipe(client_key, sizeof(client_key));
}

void scram_keys_make(struct slice password, const uint8_t salt[SCRAM_SALT], uint32_t iterations,
                     struct scram_keys *ret)
{
	struct secret *secret = to_hash(password);

	memcpy(ret->salt, salt, SCRAM_SALT);
	ret->iterations = iterations;
	derive_scram(secret_slice(secret), ret);
	secret_unref(secret);
}

void scram_nobody_salt(const uint8_t key[SCRAM_NOBODY_KEY], struct slice name, uint8_t ret[SCRAM_SALT])
{
	crypto_generichash(ret, SCRAM_SALT, name.data, name.len, key, SCRAM_NOBODY_KEY);
}

enum fault password_make(struct slice password, struct password *ret, struct why *why)
{
	struct secret *secret = to_hash(password);
	struct password made = { .scram.iterations = SCRAM_ITERATIONS };
	enum fault fault = FAULT_NONE;

	if (crypto_pwhash_str_alg(made.argon, (const char *)secret_data(secret), secret_slice(secret).len,
	                          PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0) {
		fault = fault_set(why, FAULT_TEMP, "no memory for Argon2id");
	} else {
		rand_bytes(made.scram.salt, SCRAM_SALT);
		derive_scram(secret_slice(secret), &made.scram);
		*ret = made;
	}
	secret_unref(secret);
	return fault;
}

enum fault password_check(const char *argon, struct slice password)
{
	struct secret *secret = to_hash(password);
	bool matches;

	errno = 0;
	matches =
	    crypto_pwhash_str_verify(argon, (const char *)secret_data(secret), secret_slice(secret).len) == 0;
	if (!matches && errno == ENOMEM) {
		secret_unref(secret);
		return FAULT_TEMP;
	}
	secret_unref(secret);
	return matches ? FAULT_NONE : FAULT_AUTH;
}

void password_check_nobody(struct slice password)
{
	enum fault fault = password_check(nobody, password);

	(void)fault;
}

static size_t characters(struct slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += (text.data[i] & 0xc0) != 0x80;
	return n;
}

enum fault password_acceptable(struct slice password, struct slice login, struct why *why)
{
	ptrdiff_t at = slice_chr(login, '@');
	struct secret *prepared;

	if (password.len > PASSWORD_MAX)
		return fault_set(why, FAULT_INPUT, "choose a password of at most %d bytes", PASSWORD_MAX);
	prepared = password_prepare(password);
	if (!prepared && password.len > 0)
		return fault_set(why, FAULT_INPUT, "choose a password without control characters, in UTF-8");
	secret_unref(prepared);
	if (characters(password) < LENGTH_MIN)
		return fault_set(why, FAULT_INPUT, "choose a password of at least %d characters", LENGTH_MIN);
	if (slice_ieq(password, login) || (at > 0 && slice_ieq(password, slice_first(login, (size_t)at))))
		return fault_set(why, FAULT_INPUT, "choose a password other than the account's name");
	return FAULT_NONE;
}

void password_generate(char out[24])
{
	static const char alphabet[32] = "abcdefghijkmnpqrstuvwxyz23456789"; /* no l, o, 0, 1 */
	uint8_t random[GROUPS * GROUP_LENGTH];
	char *at = out;

	rand_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		if (i > 0 && i % GROUP_LENGTH == 0)
			*at++ = '-';
		*at++ = alphabet[random[i] % sizeof(alphabet)];
	}
	*at = '\0';
	secret_wipe(random, sizeof(random));
}
