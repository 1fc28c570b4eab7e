#ifndef SMTPD_USAGE_H
#define SMTPD_USAGE_H
/*
 * How full accounts with a quota are, remembered for a while: RCPT asks at each
 * message and the store is asked once a minute; what this process delivers is added. Accounts without a quota are never asked about.
 * Any thread.
 */
#include "store/mailbox.h"
#include "suite/directory.h"

struct usage_cache;

struct usage_cache *usage_cache_new(size_t accounts_max);
void usage_cache_free(struct usage_cache *);
/* A limit of 0: none. OVER_QUOTA: it has reached its quota. May ask the store: on a worker. */
MUST_CHECK enum fault usage_check(struct usage_cache *, struct stack *, const struct id *account,
                                  const struct usage *quota, struct why *);
/* One message. */
void usage_added(struct usage_cache *, const struct id *account, uint64_t bytes);

#endif
