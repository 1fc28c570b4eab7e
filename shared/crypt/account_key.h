#ifndef SHARED_CRYPT_ACCOUNT_KEY_H
#define SHARED_CRYPT_ACCOUNT_KEY_H
/*
 * Account keys (X25519), the queue's key pair (the same kind), and content keys.
 *
 * smtpd knows public keys only and wraps a message's content key with a sealed
 * box. imapd, holding the private key, wraps it again symmetrically at first sight (48
 * bytes, 1 us to open instead of 41). Names, keywords and other account metadata are sealed under
 * subkeys of the private key (BLAKE2b KDF, one context a purpose).
 */
#include "base/buf.h"
#include "base/fault.h"
#include "base/rand.h"
#include "base/secret.h"

struct account_public {
	uint8_t raw[32];
};

struct content_key { /* one received message's; wipe it with secret_wipe() */
	uint8_t raw[32];
};

enum wrapped_kind { WRAPPED_NONE = 0, WRAPPED_BOX = 1, WRAPPED_SYMMETRIC = 2 };

#define WRAPPED_BOX_SIZE       80
#define WRAPPED_SYMMETRIC_SIZE 48
#define WRAPPED_MAX            82 /* of the encoded form */

struct wrapped_key {              /* a content key, for one account */
	uint8_t kind, generation; /* generation of the account key that opens it, from 1 */
	uint8_t raw[WRAPPED_BOX_SIZE];
};

static inline size_t wrapped_size(const struct wrapped_key *w)
{
	return w->kind == WRAPPED_BOX         ? WRAPPED_BOX_SIZE
	       : w->kind == WRAPPED_SYMMETRIC ? WRAPPED_SYMMETRIC_SIZE
	                                      : 0;
}

struct account_key; /* private; reference-counted, guarded memory, read-only: threads may share it */

struct account_key *account_key_new(uint8_t generation);
struct account_key *account_key_ref(struct account_key *);
void account_key_unref(struct account_key *); /* NULL accepted */
void account_key_public(const struct account_key *, struct account_public *ret);
uint8_t account_key_generation(const struct account_key *);
/* The private key itself, for keyring_wrap(), and back. */
struct slice account_key_secret(const struct account_key *);
MUST_CHECK enum fault account_key_from(struct slice secret, uint8_t generation, struct account_key **ret,
                                       struct why *);

/* A password's own wrapping (Argon2id, moderate limits: 256 MiB, 380 ms), for accounts that no operator may open.
 * The password comes prepared (auth/password.h). False when `out` overflows or the 256 MiB are not to be had. */
bool account_key_wrap_password(const struct account_key *, const struct id *account, struct slice password,
                               struct buf *out);
#define ACCOUNT_PASSWORD_WRAPPED 95 /* bytes of it */
/* AUTH: wrong password, or another account's. CORRUPT: not such a wrapping. TEMP: no memory. */
MUST_CHECK enum fault account_key_unwrap_password(struct slice wrapped, const struct id *account,
                                                  struct slice password, struct account_key **ret,
                                                  struct why *);

void content_key_new(struct content_key *ret);
/* For whoever holds only the public key. False, and kind WRAPPED_NONE, when it is no key (all zero, small order). */
bool content_key_box(const struct account_public *, uint8_t generation, const struct content_key *,
                     struct wrapped_key *ret);
/* For the holder of the private key; deterministic for the same content (the content id is the nonce). */
void content_key_wrap(const struct account_key *, const struct id *content, const struct content_key *,
                      struct wrapped_key *ret);
/* Opens either kind. CORRUPT. */
MUST_CHECK enum fault content_key_open(const struct account_key *, const struct id *content,
                                       const struct wrapped_key *, struct content_key *ret, struct why *);

/* Small account metadata under the subkey of `purpose` ("mailbox-name", "keyword"): nonce(24) | ciphertext.
 * `bound` (an id, or empty) is authenticated with it. Adds 40 bytes. */
#define ACCOUNT_SEAL_OVERHEAD 40
bool account_seal(const struct account_key *, const char *purpose, struct slice bound, struct slice plain,
                  struct buf *out);
MUST_CHECK enum fault account_open(const struct account_key *, const char *purpose, struct slice bound,
                                   struct slice sealed, struct buf *out, struct why *);
/* Keyed hash of a name under its parent: unique index without telling the name. */
struct id account_name_hash(const struct account_key *, const struct id *parent, struct slice name);

/* Anonymous sealing of a small secret to a public key (a DKIM key to mta, an envelope to the queue): adds 48 bytes.
 * False when `out` overflows or the key is none. */
#define PUBLIC_SEAL_OVERHEAD 48
bool public_seal(const struct account_public *, struct slice plain, struct buf *out);
MUST_CHECK enum fault public_open(const struct account_key *, struct slice sealed, struct buf *out,
                                  struct why *);

#endif
