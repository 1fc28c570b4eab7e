#ifndef SHARED_AUTH_JWK_H
#define SHARED_AUTH_JWK_H
/*
 * The public keys of a token issuer (RFC 7517, RFC 8037) and signatures by them (RFC 7515): RS256, ES256, EdDSA with
 * Ed25519, and nothing else: a key is good for the one algorithm that its type names, so that no token chooses how it
 * is checked.
 */
#include "base/fault.h"
#include "base/slice.h"

struct jwk_set; /* constant once made: threads may share it */

enum jwk_algorithm { JWK_NONE, JWK_RS256, JWK_ES256, JWK_EDDSA };

#define JWK_SET_MAX  64           /* keys of one set; further ones are left out */
#define JWK_TEXT_MAX (256 * 1024) /* bytes of one set */

/* Keys of other kinds and uses, or too small to be safe, are left out. CORRUPT: no set, or none that is of use. */
MUST_CHECK enum fault jwk_set_parse(struct slice json, struct jwk_set **ret, struct why *);
void jwk_set_free(struct jwk_set *); /* NULL accepted */
/* NONE for whatever is not among them, "none" and the symmetric ones above all. */
enum jwk_algorithm jwk_algorithm_of(const char *name);
/* Is `signature` over `text` by a key of this algorithm and id? `kid` NULL: by any of that algorithm. NOT_FOUND: there
 * is no such key. AUTH: there is, and it did not sign this. */
MUST_CHECK enum fault jwk_verify(const struct jwk_set *, enum jwk_algorithm, const char *kid,
                                 struct slice text, struct slice signature, struct why *);

#endif
