#ifndef MTA_SIGNER_H
#define MTA_SIGNER_H
/*
 * Whose mail is signed, and with what: a domain's active selectors, opened with
 * the queue's private key and kept until the settings change (or ten minutes have passed).
 *
 * Only mail of accounts of ours is handed to the signer. A message that came
 * from outside and is merely passed on must not get our signature, whatever its From says.
 *
 * Threads  Any; it may ask the store, so on workers.
 */
#include "sign.h"
#include "suite/stack.h"

struct signer;

struct signer *signer_new(struct stack *, const struct account_key *queue_key);
void signer_free(struct signer *); /* NULL accepted */
void signer_forget(struct signer *);

/* Appends a DKIM-Signature for each active selector of the From's domain, none when that is not ours. A key that
 * does not open is logged and left out. */
MUST_CHECK enum fault signer_sign(struct signer *, struct slice header, const uint8_t body_hash[SIGN_HASH],
                                  int64_t now_ms, struct buf *out, struct why *);

#endif
