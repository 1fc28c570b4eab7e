#ifndef SHARED_SUITE_OAUTH_H
#define SHARED_SUITE_OAUTH_H
/*
 * Whose a bearer token is: a JSON Web Token is checked by the issuer's keys, which are fetched and kept; any other by
 * asking the issuer (RFC 7662), whose "yes" is kept for a while. The rules are auth/bearer.h's.
 *
 * Bounds  One request at a time for the keys, five seconds each; when the issuer does not answer, it is left alone for
 *         a second, then two, up to a minute, and the keys that are there are good for a day.
 */
#include "base/arena.h"
#include "suite/stack.h"

struct oauth; /* any thread */

/* NULL in *ret: the settings name no issuer. CONFIG. */
MUST_CHECK enum fault oauth_new(const struct suite_conf *, struct oauth **ret, struct why *);
void oauth_free(struct oauth *); /* NULL accepted */
/* On a worker: the login it names, in the arena. AUTH: it is nobody's. TEMP: that could not be told. */
MUST_CHECK enum fault oauth_check(struct oauth *, struct slice token, struct arena *, struct slice *ret_login,
                                  struct why *);
/* What a refusal tells beside its status (sasl_offer.tokens); NULL without an issuer. */
const char *oauth_hint(const struct oauth *);

#endif
