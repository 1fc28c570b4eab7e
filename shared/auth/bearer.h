#ifndef SHARED_AUTH_BEARER_H
#define SHARED_AUTH_BEARER_H
/*
 * Bearer tokens (RFC 6750): what a JSON Web Token (RFC 7519, and RFC 8725 on how to check one) or an introspection's
 * answer (RFC 7662) must say to log somebody in. Without I/O: keys and answers are brought.
 */
#include "auth/jwk.h"
#include "base/arena.h"

#define BEARER_TOKEN_MAX 8192 /* bytes */
#define BEARER_LEEWAY    60   /* seconds that clocks may differ */

struct bearer_expect { /* strings may be "": not looked at */
	const char *issuer, *audience, *scope;
	const char *claim; /* whose value is the login */
	int64_t now;       /* seconds since 1970 */
};

struct bearer {
	struct slice login; /* in the arena */
	int64_t expires;    /* seconds since 1970; 0: it does not say (introspection only) */
};

/* Has it the form of a JSON Web Token: three parts? */
bool bearer_is_jwt(struct slice token);
/* AUTH: malformed, of an algorithm that is not allowed, expired, for somebody else. NOT_FOUND: signed by a key that
 * `keys` lacks; newer ones may have it. */
MUST_CHECK enum fault bearer_check_jwt(const struct jwk_set *keys, struct slice token,
                                       const struct bearer_expect *, struct arena *, struct bearer *ret,
                                       struct why *);
/* The JSON that an introspection gave; it may leave out the issuer, who is asked, not the audience. AUTH: not active, or as
 * above. CORRUPT: no such answer. */
MUST_CHECK enum fault bearer_check_answer(struct slice json, const struct bearer_expect *, struct arena *,
                                          struct bearer *ret, struct why *);

#endif
