#ifndef IMAPD_OPEN_KEYS_H
#define IMAPD_OPEN_KEYS_H
/*
 * The keys of accounts in use, for logins on workers: to open one again (the ring, X25519, guarded memory) costs more than
 * all else of a login whose password is known. An account in use keeps its own here (account_ctx.c), and takes it out
 * with its last reference: nothing lives longer for it. Safe from any thread.
 */
#include "suite/directory.h"

struct open_keys;

struct open_keys *open_keys_new(void);
void open_keys_free(struct open_keys *); /* NULL accepted; nothing is in it any more */
/* The account's key, in place of another, as its record wraps it; a record of another generation changes nothing. */
void open_keys_put(struct open_keys *, const struct account *, struct account_key *);
/* Unless another is in its place. */
void open_keys_drop(struct open_keys *, const struct id *account, const struct account_key *);
/* account_unlock(), but the key that is here while the record wraps it as it did. The reference is the caller's. */
MUST_CHECK enum fault open_keys_unlock(struct open_keys *, struct stack *, const struct account *,
                                       struct account_key **ret, struct why *);

#endif
