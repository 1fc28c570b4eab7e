#ifndef MTA_LOCAL_H
#define MTA_LOCAL_H
/*
 * Local deliveries that failed for now when the message came (the store was
 * away between two mailboxes), finished here; and reports to our own accounts.
 *
 * A mailbox gets a message once: the delivery id is the one of the first try,
 * and what it left behind is looked for.
 */
#include "outcome.h"

struct local {
	struct stack *stack;
	const struct queue_entry *entry;
	const struct envelope_out *envelope;
	struct result *results; /* filled for each recipient that waits */
	struct arena *arena;    /* for the results' texts */
};

/* A fault is about the message (NOT_FOUND: its content is missing); what goes wrong with one mailbox is its result. */
MUST_CHECK enum fault local_deliver(const struct local *, struct why *);

#endif
