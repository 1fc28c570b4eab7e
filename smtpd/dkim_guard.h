#ifndef SMTPD_DKIM_GUARD_H
#define SMTPD_DKIM_GUARD_H
/*
 * What a DKIM-Signature or a key record must look like before libopendkim may
 * see it (RFC 6376 3.2, 3.5). The library reads past its buffers on malformed i=
 * values and past the heap on z=; and it takes what RFC 8301 has ended (rsa-sha1).
 * A signature that does not pass is reported, never fed.
 */
#include "auth_results.h"

struct dkim_tags {
	const char *domain, *selector; /* clean names */
	const char *algorithm;         /* "rsa-sha256", "ed25519-sha256" */
	const char *key_name;          /* selector._domainkey.domain */
	const char *b; /* the first 8 characters of the signature, to tell several apart (RFC 6008) */
};

/* `field`: the whole header field. AUTHRES_NONE: it may be fed. Else the result it has, NEUTRAL or POLICY, with the
 * reason in `ret_why`; then `ret` holds what could be read, "" for the rest. */
enum authres dkim_guard_signature(struct slice field, struct arena *, struct dkim_tags *ret,
                                  const char **ret_why);

/* The text of a key record. */
enum {
	DKIM_KEY_MAX = 1024
}; /* the library's buffer takes one byte more; RSA-4096 is 736 characters and tags */
bool dkim_guard_key(struct slice text);

#endif
