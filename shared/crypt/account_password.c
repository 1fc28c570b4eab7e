/*
 * An account key wrapped by its user's password alone (account_key.h).
 *
 * Wrapped form  version(1) | generation(1) | Argon2id passes(1) | memory in MiB(4, LE) | salt(16) | nonce(24) |
 *               XChaCha20-Poly1305 ciphertext(48). The AAD is all that precedes the nonce, and the account's id.
 * The cost stands in it so that a later version may raise it; what a record may ask for is bounded.
 */
#include "crypt/account_key.h"

#include <errno.h>
#include <sodium.h>

#define VERSION    1
#define SALT       crypto_pwhash_SALTBYTES
#define NONCE      crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG        crypto_aead_xchacha20poly1305_ietf_ABYTES
#define KEY        crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define HEADER     (1 + 1 + 1 + 4 + SALT)
#define PASSES     crypto_pwhash_OPSLIMIT_MODERATE
#define PASSES_MAX 16
#define MIB        (crypto_pwhash_MEMLIMIT_MODERATE / (1024 * 1024))
#define MIB_MAX    1024

_Static_assert(HEADER + NONCE + KEY + TAG == ACCOUNT_PASSWORD_WRAPPED, "account_key.h tells the size");

struct wrapping {
	uint8_t header[HEADER + sizeof(struct id)]; /* with the account: the AAD */
	uint8_t key[KEY];
};

/* The key of a header and a password. False: no memory. */
static bool derive(struct wrapping *w, uint8_t passes, uint32_t mib, struct slice password)
{
	return crypto_pwhash(w->key, KEY, (const char *)password.data, password.len,
	                     w->header + HEADER - SALT, passes, (size_t)mib * 1024 * 1024,
	                     crypto_pwhash_ALG_ARGON2ID13) == 0;
}

bool account_key_wrap_password(const struct account_key *key, const struct id *account, struct slice password,
                               struct buf *out)
{
	uint8_t *room = buf_room(out, ACCOUNT_PASSWORD_WRAPPED), *nonce;
	struct wrapping w = { .header = { VERSION, account_key_generation(key), PASSES, MIB & 0xff,
		                          MIB >> 8 } };
	bool derived;

	if (!room)
		return false;
	rand_bytes(w.header + HEADER - SALT, SALT);
	memcpy(w.header + HEADER, account->raw, sizeof(account->raw));
	derived = derive(&w, PASSES, MIB, password);
	if (derived) {
		memcpy(room, w.header, HEADER);
		nonce = room + HEADER;
		rand_bytes(nonce, NONCE);
		crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE, NULL, account_key_secret(key).data,
		                                           account_key_secret(key).len, w.header,
		                                           sizeof(w.header), NULL, nonce, w.key);
		out->len += ACCOUNT_PASSWORD_WRAPPED;
	}
	secret_wipe(&w, sizeof(w));
	return derived;
}

enum fault account_key_unwrap_password(struct slice wrapped, const struct id *account, struct slice password,
                                       struct account_key **ret, struct why *why)
{
	struct reader reader = reader_of(wrapped);
	uint8_t version = read_u8(&reader), generation = read_u8(&reader), passes = read_u8(&reader);
	uint32_t mib = read_u32(&reader);
	const uint8_t *nonce = wrapped.data + HEADER;
	uint8_t private[KEY];
	struct wrapping w;
	enum fault fault;

	if (wrapped.len != ACCOUNT_PASSWORD_WRAPPED || version != VERSION || generation == 0)
		return fault_set(why, FAULT_CORRUPT, "this is no account key wrapped by a password");
	if (passes == 0 || passes > PASSES_MAX || mib == 0 || mib > MIB_MAX)
		return fault_set(why, FAULT_CORRUPT, "a wrapped account key asks for %u passes over %u MiB",
		                 passes, mib);
	memcpy(w.header, wrapped.data, HEADER);
	memcpy(w.header + HEADER, account->raw, sizeof(account->raw));
	if (!derive(&w, passes, mib, password))
		fault = fault_set(why, FAULT_TEMP, "no %u MiB of memory for Argon2id", mib);
	else if (crypto_aead_xchacha20poly1305_ietf_decrypt(private, NULL, NULL, nonce + NONCE,
	                                                    wrapped.len - HEADER - NONCE, w.header,
	                                                    sizeof(w.header), nonce, w.key) != 0)
		fault = fault_set(why, FAULT_AUTH, "the password does not open the account key");
	else
		fault = account_key_from(slice_of(private, sizeof(private)), generation, ret, why);
	secret_wipe(&w, sizeof(w));
	secret_wipe(private, sizeof(private));
	return fault;
}
