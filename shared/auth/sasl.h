#ifndef SHARED_AUTH_SASL_H
#define SHARED_AUTH_SASL_H
/*
 * SASL on the server side (RFC 4422): PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS
 * (RFC 5802, RFC 7677, RFC 9266), EXTERNAL (RFC 4422 appendix A), OAUTHBEARER (RFC 7628) and XOAUTH2, without I/O. The protocol brings decoded responses and
 * sends decoded challenges; credentials are fetched by the owner between steps:
 *
 *   next = sasl_step(sasl, response, &challenge);
 *   SASL_CHALLENGE   send challenge, wait for the response
 *   SASL_NEED_USER   look up sasl_login(sasl), then sasl_user() or sasl_nobody(); step on with an empty response
 *   SASL_CHECK       check sasl_login() with sasl_password() (PLAIN, LOGIN): the caller's job, on a worker
 *   SASL_TOKEN       find out whose sasl_password() is, a bearer token (OAUTHBEARER, XOAUTH2): it must be sasl_login()'s
 *                    when that is not empty. Is it nobody's, step on with an empty response, for the client to be told
 *   SASL_OK          SCRAM: proven, `challenge` holds the server's last message to send; EXTERNAL: proven, without one
 *   SASL_FAILED      wrong, or malformed: sasl_error() says which, for the log
 */
#include "auth/password.h"
#include "base/arena.h"

struct sasl;

enum sasl_next { SASL_CHALLENGE, SASL_NEED_USER, SASL_CHECK, SASL_TOKEN, SASL_OK, SASL_FAILED };

#define SASL_RESPONSE_MAX 12288 /* decoded bytes of one response */
#define SASL_NAME_MAX     1024  /* of a login name */
#define SASL_BINDING      32    /* what tls-exporter gives (RFC 9266) */

struct sasl_offer { /* what a connection allows; the same in both calls, for all of it */
	bool tls;   /* or as good as: passwords may be said, by PLAIN and LOGIN */
	const uint8_t
	    *binding; /* the SASL_BINDING bytes that tell it from all others; NULL: no SCRAM-SHA-256-PLUS */
	const struct slice *proven; /* the names that the client's certificate proves; none: no EXTERNAL */
	size_t n_proven;
	const char
	    *tokens; /* JSON members for a refusal, ",\"scope\":…" or ""; NULL: no OAUTHBEARER, no XOAUTH2 */
};

/* NULL when `mechanism` is not known, or not offered. Lives in the arena; its secrets are wiped when that is freed. */
struct sasl *sasl_new(struct arena *, struct slice mechanism, const struct sasl_offer *);
/* "PLAIN LOGIN SCRAM-SHA-256": those offered. */
const char *sasl_mechanisms(struct arena *, const struct sasl_offer *);

/* `response` of {NULL, 0}: none was given yet (no initial response). */
enum sasl_next sasl_step(struct sasl *, struct slice response, struct slice *ret_challenge);
struct slice sasl_login(const struct sasl *);    /* authentication identity, UTF-8 */
struct slice sasl_authzid(const struct sasl *);  /* {NULL, 0} when none: who it wants to act as */
struct slice sasl_password(const struct sasl *); /* PLAIN, LOGIN; the token */
/* After SASL_NEED_USER: the account's keys, or that there is none, with a made-up salt (scram_nobody_salt()) to ask
 * with: it fails at the end. */
void sasl_user(struct sasl *, const struct scram_keys *);
void sasl_nobody(struct sasl *, const uint8_t salt[SCRAM_SALT]);
const char *sasl_error(const struct sasl *);

#endif
