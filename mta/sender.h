#ifndef MTA_SENDER_H
#define MTA_SENDER_H
/*
 * Where a report to a sender goes: an account here, the targets of an alias
 * here, or the address itself when its domain is not ours. On a worker.
 */
#include "suite/outgoing.h"

#define SENDER_TARGETS_MAX 100

/* n 0: nobody. In the arena. */
MUST_CHECK enum fault sender_resolve(struct stack *, const char *address, struct arena *,
                                     struct outgoing_recipient **ret, size_t *ret_n, struct why *);

#endif
