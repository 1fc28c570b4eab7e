#ifndef SMTPD_ROUTE_H
#define SMTPD_ROUTE_H
/*
 * Where a recipient address leads: a local account, or out; through aliases and the catch-all. On a worker.
 */
#include "transaction.h"

struct usage_cache;

#define ALIAS_DEPTH 8

enum route_result {
	ROUTE_OK,
	ROUTE_UNKNOWN, /* our domain, nobody there */
	ROUTE_RELAY,   /* not our domain, and this session may not send out */
	ROUTE_SUSPENDED,
	ROUTE_FULL,
	ROUTE_LOOP, /* aliases lead in a circle, or to too many */
};

struct route {
	struct stack *stack;
	struct usage_cache *usage;
	bool may_relay; /* submission */
	size_t room;    /* recipients that may still be added */
	struct arena
	    *arena; /* for what is found: the job's own, handed to the transaction when it is accepted */
	/* found */
	struct recipient *first, **last;
	size_t n;
};

/* FAULT_NONE with *ret other than ROUTE_OK: refuse. */
MUST_CHECK enum fault route_recipient(struct route *, const struct address *, enum route_result *ret,
                                      struct why *);
/* May `login` use this address as sender: its own, with a tag, or an alias that leads to it. */
MUST_CHECK enum fault route_may_send_as(struct stack *, const struct id *account, const struct address *,
                                        struct arena *, bool *ret, struct why *);

#endif
