#ifndef SMTPD_ROUTE_H
#define SMTPD_ROUTE_H
/*
 * Where a recipient address leads: a local account, or out; through aliases and the catch-all. On a worker.
 */
#include "transaction.h"

struct usage_cache;

#define ALIAS_DEPTH   8
#define ROUTE_LOOKUPS 2000 /* addresses looked up for one recipient */

enum route_result {
	ROUTE_OK,
	ROUTE_UNKNOWN, /* our domain, nobody there */
	ROUTE_RELAY,   /* not our domain, and this session may not send out */
	ROUTE_SUSPENDED,
	ROUTE_FULL,
	ROUTE_LOOP,     /* aliases lead in a circle, or too deep */
	ROUTE_TOO_MANY, /* more than there is room for */
};

struct route {
	struct stack *stack;
	struct usage_cache *usage;
	bool may_relay; /* submission */
	size_t room;    /* recipients that may be found */
	struct arena *arena;
	/* found, each account and each address once */
	struct recipient *first, **last;
	size_t n;
	/* the route's own */
	struct recipient *full,
	    **last_full;  /* accounts that are full: deferred when others take the message */
	struct map *seen; /* addresses followed already */
};

/* FAULT_NONE with *ret other than ROUTE_OK: refuse. An alias is good when one of its targets takes mail: of the others,
 * those that are full are found as `deferred`, those that are gone or suspended are left out. */
MUST_CHECK enum fault route_recipient(struct route *, const struct address *, enum route_result *ret,
                                      struct why *);
/* May `login` use this address as sender: its own, with a tag, or an alias that leads to it. */
MUST_CHECK enum fault route_may_send_as(struct stack *, const struct id *account, const struct address *,
                                        struct arena *, bool *ret, struct why *);

#endif
