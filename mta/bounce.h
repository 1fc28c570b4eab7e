#ifndef MTA_BOUNCE_H
#define MTA_BOUNCE_H
/*
 * Delivery reports (RFC 3461, 3464) to the sender of a message. A report is a
 * queued message of its own: to the sender's mailbox when that is here, else out
 * again, with the null sender. So it is durable when bounce_put() returns.
 *
 * Its id follows from the entry, the kind and the recipients it names: when the
 * outcome could not be written after it, the same report made again is found and not put twice.
 *
 * Who gets none: the null sender, and a sender that is nobody's.
 */
#include "suite/outgoing.h"

enum bounce_kind { BOUNCE_FAILED, BOUNCE_DELAYED, BOUNCE_DELIVERED, BOUNCE_RELAYED, BOUNCE_KINDS };

struct bounce {
	enum bounce_kind kind;
	struct stack *stack;
	const struct queue_entry *entry;
	const struct envelope_out *envelope;
	const struct outgoing_recipient *const *recipients; /* that it speaks of */
	const bool *by_host;                                /* whether each one's reply is a host's */
	size_t n;
	const char *postmaster;
	size_t return_max; /* larger messages are returned as their header */
	int64_t now;
};

/* Whether this recipient's fate is to be told (RFC 3461 4.1). */
bool bounce_wanted(enum bounce_kind, const struct envelope_out *, const struct outgoing_recipient *);
/* On a worker. */
MUST_CHECK enum fault bounce_put(const struct bounce *, struct why *);
/* The report's text, for tests and for bounce_put(). `original`: the message or its header; no data: none. */
bool bounce_text(const struct bounce *, const char *to, struct slice original, bool whole, struct buf *out);

#endif
