#ifndef SHARED_AUTH_PASSWORD_H
#define SHARED_AUTH_PASSWORD_H
/*
 * Password verifiers. A password is kept as an Argon2id string (for PLAIN and
 * LOGIN) and as SCRAM-SHA-256 keys (RFC 5802, RFC 7677), both made at once.
 * Passwords are prepared with OpaqueString (RFC 8265, through ICU NFC) before
 * either; one that cannot be prepared is used as it is.
 *
 * Cost: 11 ms and 19 MiB a check: call it on a worker of a small pool, behind auth/cache.h.
 */
#include "base/buf.h"
#include "base/fault.h"
#include "base/secret.h"

#define SCRAM_SALT       16
#define SCRAM_ITERATIONS 10000 /* of new verifiers; RFC 7677 wants 4096 at least */
#define PASSWORD_MAX     1024  /* bytes of a new password */

struct scram_keys {
	uint8_t salt[SCRAM_SALT];
	uint32_t iterations;
	uint8_t stored_key[32], server_key[32];
};

struct password {
	char argon[128]; /* libsodium's $argon2id$ string */
	struct scram_keys scram;
};

/* OpaqueString: other spaces become a space, NFC; NULL for control or unassigned characters, not UTF-8, or nothing. */
struct secret *password_prepare(struct slice password);
/* TEMP: no memory for Argon2id. */
MUST_CHECK enum fault password_make(struct slice password, struct password *ret, struct why *);
/* The SCRAM half alone; the password is prepared here. */
void scram_keys_make(struct slice password, const uint8_t salt[SCRAM_SALT], uint32_t iterations,
                     struct scram_keys *ret);
/* For a name that nobody has: the same salt for the same name as long as the key is the same, and without the key
 * nobody can tell it from a random one. */
#define SCRAM_NOBODY_KEY 32
void scram_nobody_salt(const uint8_t key[SCRAM_NOBODY_KEY], struct slice name, uint8_t ret[SCRAM_SALT]);
/* FAULT_AUTH when it does not match; TEMP: no memory to tell. */
MUST_CHECK enum fault password_check(const char *argon, struct slice password);
/* Spends the same time for an account that does not exist. */
void password_check_nobody(struct slice password);
/* At least 8 characters, not the account's own name; FAULT_INPUT with what to do. */
MUST_CHECK enum fault password_acceptable(struct slice password, struct slice login, struct why *);
/* A random one for people to type: 20 characters of 32, in groups of 5. */
void password_generate(char out[24]);

#endif
