#ifndef MTA_DELIVERY_H
#define MTA_DELIVERY_H
/*
 * A claimed queue entry on its way: one message, one destination domain.
 *
 * Invariants
 *  1. Until delivery_report() the entry is as it was claimed; after it, as the report says. A process that dies in
 *     between leaves a lease that runs out, and another attempt: so a message may be sent twice, and is never lost.
 *  2. One job at a time is out besides the renewal of the lease; both share a lane.
 *  3. A delivery that lost its lease reports nothing: another process has the entry.
 *  4. Only a report ends one. Its memory goes in a later turn of the loop, when no job is out: whoever called may
 *     still look at it.
 *
 * Phases, and who leaves them
 *   OPEN     the worker opens the envelope                        on_opened()
 *   WAIT     for a connection its destination may have            destination.c
 *   ROUTE    the DNS is asked                                     send.c
 *   CONNECT  to one target after the other                        send.c
 *   LOAD     a host is ready, the worker reads and signs          send.c
 *   SEND     the client has it                                    send.c
 *   LOCAL    the worker files it in mailboxes (domain "")         on_filed()
 *   REPORT   the worker writes the outcome; again while the store is away and the lease lasts
 */
#include "client.h"
#include "mta.h"
#include "outcome.h"
#include "store/queue.h"
#include "suite/outgoing.h"

enum delivery_phase {
	PHASE_OPEN,
	PHASE_WAIT,
	PHASE_ROUTE,
	PHASE_CONNECT,
	PHASE_LOAD,
	PHASE_SEND,
	PHASE_LOCAL,
	PHASE_REPORT,
};

struct destination;

struct delivery {
	struct mta *mta;
	struct list node;    /* mta->deliveries */
	struct list waiting; /* destination->waiting */
	enum delivery_phase phase;
	struct arena *arena;
	struct queue_entry entry;
	struct id_text id;
	const char *domain; /* "" for local deliveries */
	struct envelope_out envelope;
	struct result *results; /* one a recipient */
	struct log_ctx log;
	/* the lease */
	struct job renewal;
	int64_t lease_until, renewed_until; /* monotonic ms */
	enum fault renew_fault;
	bool renewing, lost;
	/* jobs */
	struct job job;
	bool working, ended;
	enum fault fault;
	struct why why;
	/* sending */
	struct destination *destination;
	bool has_slot;
	struct routing *routing;
	struct route route;
	size_t target;
	bool plain;  /* this target did not manage TLS */
	bool reused; /* the connection is one that another delivery made */
	bool met;    /* some host was ready */
	bool any_temporary;
	struct result failure; /* of the last target */
	struct client *client;
	struct letter *letter;
	bool seven_bit; /* the letter is, or is to be, for a host without 8BITMIME */
	struct sending sending;
	size_t *indexes; /* of sending.to in envelope.recipients */
	/* the report */
	struct outcome outcome;
	struct retry retry; /* as it was when the report began: a reload may change the process's */
	struct timer *timer;
	int64_t report_wait;
};

/* Copies the entry and starts. */
void delivery_new(struct mta *, const struct queue_entry *);

/* Runs `run` on a worker, then `done` on the loop. False: the pool is full, nothing was started. */
bool delivery_work(struct delivery *, void (*run)(struct job *, void *worker), void (*done)(struct job *));

/* The attempt is over: `results` say how it went. */
void delivery_report(struct delivery *);
/* No attempt was made: back to the queue, due after `delay_ms`. */
void delivery_give_back(struct delivery *, int64_t delay_ms);
/* It cannot be worked on as it is: an operator has to look. */
void delivery_hold(struct delivery *);
/* Content that is missing: the entry is dropped when it is old, else given back. */
void delivery_without_content(struct delivery *);
/* By what a worker's fault means: hold, without content, or give back. */
void delivery_fault(struct delivery *, const char *what);

void delivery_renew(struct delivery *); /* the lease, if it has run half */
void delivery_drain(struct delivery *);
/* Frees those that have ended, as far as no job of theirs is out. */
void deliveries_bury(struct mta *);
/* All of them, however they stand: jobs have ended and connections are closed. */
void deliveries_free(struct mta *);

#endif
