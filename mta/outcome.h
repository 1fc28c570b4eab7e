#ifndef MTA_OUTCOME_H
#define MTA_OUTCOME_H
/*
 * What became of an attempt, written to the queue: per recipient, under the
 * fence of the claim, after the reports that follow from it are durable. On a worker.
 *
 * Harmless to repeat until it succeeds: reports have ids of their own (bounce.h), and the
 * entry changes in one step. STALE: the lease was lost, and nothing of the entry was changed.
 */
#include "client.h"
#include "retry.h"
#include "store/queue.h"
#include "suite/outgoing.h"

struct timeline;

struct result { /* of one recipient in this attempt; VERDICT_NONE: it was not tried */
	enum verdict verdict;
	bool relayed, local, by_host;
	const char *status, *reply, *host; /* NULL: none */
	const char *mailbox;               /* local: where it was filed */
};

enum outcome_kind {
	OUTCOME_ATTEMPT,   /* results */
	OUTCOME_GIVE_BACK, /* no attempt: due again at `due` */
	OUTCOME_HOLD,
	OUTCOME_REMOVE,
};

struct outcome {
	enum outcome_kind kind;
	int64_t due;
	struct stack *stack;
	struct timeline *timeline; /* NULL: nothing is noted */
	const struct queue_entry *entry;
	const struct envelope_out *envelope;
	const struct result *results;
	const struct retry *retry;
	const char *postmaster;
	int64_t delay_warning;
	size_t bounce_size;
	const struct log_ctx *log;
	const char *why_held; /* OUTCOME_HOLD */
	const char *tls;      /* for the log; NULL: none */
	bool tls_verified;
};

MUST_CHECK enum fault outcome_write(const struct outcome *, struct why *);

#endif
