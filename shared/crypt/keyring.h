#ifndef SHARED_CRYPT_KEYRING_H
#define SHARED_CRYPT_KEYRING_H
/*
 * The key ring: versioned key-encryption keys (KEKs) that wrap account private
 * keys and the queue key. A ring is text, one key a line:
 *
 *   # posthouse key ring
 *   3 active  <base64 of 32 bytes>
 *   2 decrypt <base64 of 32 bytes>
 *
 * Exactly one key is active: it wraps. All of them unwrap. There are two rings:
 * "accounts" (imapd and admin hold it) and "queue" (mta holds it); smtpd none (P4).
 *
 * Wrapped form  version(1) | kek id(4, LE) | nonce(24) | XChaCha20-Poly1305 ciphertext. The AAD names
 *               the purpose and the owner, so that a wrapped key opens in its own place only.
 * Threads       A loaded ring is read-only and may be shared.
 */
#include "base/buf.h"
#include "base/fault.h"
#include "base/rand.h"
#include "base/secret.h"

struct keyring;

#define KEYRING_TEXT_MAX (64 * 1024)

/*
 * `source` is one of
 *   file:/etc/posthouse/accounts.ring       refused when its group or others can read it
 *   env:POSTHOUSE_ACCOUNTS_RING             the ring itself; the variable is wiped from the environment
 *   credential:accounts.ring                a file in $CREDENTIALS_DIRECTORY (systemd)
 *   command:/usr/local/bin/fetch-ring arg   its standard output; 10 s at most, 64 KiB at most.
 *                                           Words are cut at blanks, there is no shell and no quoting.
 * CONFIG: the operator has to change something. TIMEOUT, TOO_BIG, TEMP: the command ran on, talked on, failed.
 * Call it at start, before there are threads (the environment changes).
 */
MUST_CHECK enum fault keyring_load(const char *source, struct keyring **ret, struct why *);
MUST_CHECK enum fault keyring_parse(struct slice text, struct keyring **ret, struct why *);
void keyring_free(struct keyring *);

uint32_t keyring_active(const struct keyring *);
size_t keyring_count(const struct keyring *);
bool keyring_has(const struct keyring *, uint32_t kek);

#define KEYRING_WRAP_OVERHEAD 45 /* bytes that wrapping adds */

/* `purpose` is a short constant ("account", "queue"); it and `owner` must be the same at unwrapping. */
bool keyring_wrap(const struct keyring *, const char *purpose, const struct id *owner, struct slice secret,
                  struct buf *out);
/* CORRUPT: does not open. NOT_FOUND: wrapped by a KEK that this ring lacks; `why` names it. */
MUST_CHECK enum fault keyring_unwrap(const struct keyring *, const char *purpose, const struct id *owner,
                                     struct slice wrapped, struct secret **ret, struct why *);
/* Which KEK wrapped this; 0 when it is not a wrapped key. */
uint32_t keyring_wrapped_by(struct slice wrapped);

/* A new ring's text, or `old` with one key more, which becomes active. Comments stay. The text is a secret:
 * wipe `out`. LIMIT: 256 keys. */
void keyring_make(struct buf *out);
MUST_CHECK enum fault keyring_grow(struct slice old, struct buf *out, struct why *);
/* `old` without KEK `kek`; DENIED while it is the active one. */
MUST_CHECK enum fault keyring_drop(struct slice old, uint32_t kek, struct buf *out, struct why *);

#endif
