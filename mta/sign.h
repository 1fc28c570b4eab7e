#ifndef MTA_SIGN_H
#define MTA_SIGN_H
/*
 * DKIM signatures (RFC 6376, 8301, 8463), relaxed/relaxed, rsa-sha256 and
 * ed25519-sha256. One canonicaliser and OpenSSL, with the key decoded once:
 * libopendkim decodes it for each signature and leaks with Ed25519.
 *
 * What is signed is the message as SMTP sends it: a body that does not end in
 * CRLF is signed as if it did. Fields that readers are shown are signed once
 * more than they are there, so that nobody can add another above ours.
 *
 * Threads  Keys are read-only and may be shared; a sign_body is one thread's.
 */
#include "base/buf.h"
#include "base/fault.h"

struct arena;

enum sign_algorithm { SIGN_RSA_SHA256, SIGN_ED25519_SHA256 };

struct sign_key;
/* `pem` is the private key, PKCS#8. CORRUPT: it does not read, or is of another kind. */
MUST_CHECK enum fault sign_key_new(const char *domain, const char *selector, enum sign_algorithm,
                                   struct slice pem, struct sign_key **ret, struct why *);
struct sign_key *sign_key_ref(struct sign_key *); /* any thread */
void sign_key_unref(struct sign_key *);           /* NULL accepted */

/* The body's hash, fed in chunks of any size. */
#define SIGN_HASH 32
struct sign_body;
struct sign_body *sign_body_new(void);
void sign_body_feed(struct sign_body *, struct slice chunk);
void sign_body_end(struct sign_body *, uint8_t ret_hash[SIGN_HASH]);
void sign_body_free(struct sign_body *); /* NULL accepted */

/* The A-label domain of the header's From, {NULL, 0} unless there is exactly one From field that names one. */
struct slice sign_from_domain(struct slice header, struct arena *);
/* Appends the whole DKIM-Signature field for a message with this header. LIMIT: more fields of one kind than
 * may be signed. TEMP: OpenSSL would not. */
MUST_CHECK enum fault sign_message(const struct sign_key *, struct slice header,
                                   const uint8_t body_hash[SIGN_HASH], int64_t now_ms, struct buf *out,
                                   struct why *);

#endif
