#ifndef SHARED_DNS_RESOLVER_H
#define SHARED_DNS_RESOLVER_H
/* libunbound on the loop: asks, and delivers an answer once. No map, no coalescing, no time-out of its own: dns.c. */
#include "dns/dns.h"

struct resolver;

MUST_CHECK enum fault resolver_new(struct loop *, const struct dns_conf *, struct resolver **ret,
                                   struct why *);
void resolver_free(struct resolver *); /* NULL accepted; questions under way are dropped without a callback */

/* `name` as dns_name_clean() gives it. `on_answer` follows on the loop, never from inside the call, and owns the
 * reference. False when the question could not be put; no callback then. */
MUST_CHECK bool resolver_ask(struct resolver *, const char *name, enum dns_type,
                             void (*on_answer)(void *arg, const struct dns_answer *), void *arg);

#endif
