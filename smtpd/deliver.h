#ifndef SMTPD_DELIVER_H
#define SMTPD_DELIVER_H
/*
 * The worker's part of accepting a message: seal it, queue what goes out, file what stays. One call, straight down, nothing of
 * the session.
 *
 * Order: the local content, which nobody sees yet; then outgoing mail, whose entries and content commit at once; then a
 * mailbox commit each. Until the second step nobody has anything, so a fault leaves nothing behind but what the
 * sweeper takes. When mailboxes fail for now after others succeeded, the rest become queued local
 * deliveries, which mta finishes; accounts that are full are queued so from the start.
 */
#include "mail/received.h"
#include "suite/outgoing.h"
#include "transaction.h"

struct usage_cache;
struct byte_range;
struct timeline_event;

struct deliver {
	struct stack *stack;
	struct usage_cache *usage;
	const struct transaction *tx;
	const char *hostname;
	struct received received;
	struct slice results; /* Authentication-Results and such, whole fields; for local mailboxes */
	const struct byte_range *drop; /* fields of the message that claim to be ours */
	size_t n_drop;
	const char *junk;              /* why it goes to Junk; NULL: to the INBOX */
	bool submission;               /* adds Date and Message-ID where missing */
	struct outgoing_sender sender; /* its account is zero when there is none */
	int64_t queue_lifetime;
	/* outcome */
	size_t filed, queued;
	struct timeline_event *events; /* what became of each recipient; in the arena */
	size_t n_events;
};

/* FAULT_NONE: durable, everything. Otherwise the sender keeps the message and comes again. Who has got it nevertheless
 * (a second failure, when the failed ones were to be queued) gets it twice then; nobody ever loses it. */
MUST_CHECK enum fault deliver_run(struct deliver *, struct arena *, struct why *);

#endif
