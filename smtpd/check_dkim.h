#ifndef SMTPD_CHECK_DKIM_H
#define SMTPD_CHECK_DKIM_H
/*
 * DKIM (RFC 6376, 8301, 8463): which domains vouch for this message, unaltered?
 *
 * Three steps: read the signatures (dkim_guard.h stands in front of the library),
 * have their keys, then verify: that one hashes the whole body, touches
 * nothing but the check and the message, and may run on any thread.
 *
 * A signature counts only if it covers the whole body (l= that leaves bytes
 * unsigned does not), with RSA of 1024 bits or more or Ed25519. At most 8 are looked at.
 */
#include "answers.h"
#include "auth_results.h"
#include "dkim_guard.h"

enum { DKIM_SIGNATURES_MAX = 8 };

struct dkim_signature {
	enum authres result; /* NONE until known */
	struct dkim_tags tags;
	const char *why;   /* one line; "" on pass */
	unsigned key_bits; /* 0: not known, or Ed25519 */
	bool testing;      /* the key says t=y */
	struct slice key;  /* the key record */
};

struct dkim_check {
	struct slice message;
	struct dkim_signature signatures[DKIM_SIGNATURES_MAX];
	struct slice fields[DKIM_SIGNATURES_MAX]; /* the header field of each */
	size_t n;
	size_t ignored; /* fields beyond the maximum */
};

struct dkim_verifier; /* the library's handle, shared by all threads */
struct dkim_verifier *dkim_verifier_new(void);
void dkim_verifier_free(struct dkim_verifier *); /* NULL accepted */

/* `message`, with CRLF line ends, stays the caller's and unchanged as long as the check is used. */
void dkim_check_read(struct dkim_check *, struct slice message, struct arena *);
/* False: a key is missing in `answers`; run again when it is there. */
MUST_CHECK bool dkim_check_keys(struct dkim_check *, struct answers *);
/* Is there a signature left that dkim_check_verify() has to look at? */
bool dkim_check_is_open(const struct dkim_check *);
void dkim_check_verify(struct dkim_check *, const struct dkim_verifier *);
/* Instead: what is open is a temporary error. */
void dkim_check_give_up(struct dkim_check *, const char *why);

#endif
