#ifndef SHARED_SUITE_TIMELINE_H
#define SHARED_SUITE_TIMELINE_H
/*
 * What happened to a message, from its acceptance to its end, by its trace id (P6): noted by smtpd and mta, read by an
 * operator. Sealed to the timeline's key pair, which neither of them can open (directory.h), and kept for `timeline_keep`.
 *
 * A note costs the mail nothing: it waits in memory, bounded, and is written with the others within a second by a job
 * of its own; while the store is away it waits on, and the oldest give way (counted and logged). Nothing that was
 * acknowledged rests on it: a process that is killed takes the notes of its last second with it, and no mail.
 */
#include "store/queue.h"
#include "suite/daemon.h"

#define TIMELINE_VERSION 1 /* of a note, as it lies in the store */

struct timeline; /* a process's notes */

enum timeline_kind {
	TIMELINE_ACCEPTED,  /* address: the sender; where: the client's address */
	TIMELINE_REFUSED,   /* after its end, by us: text says why */
	TIMELINE_FILED,     /* where: the mailbox; text: why not the INBOX */
	TIMELINE_QUEUED,    /* text: why a mailbox of ours did not take it at once */
	TIMELINE_DELIVERED, /* where: the host that took it over; text: its reply */
	TIMELINE_DEFERRED,  /* the same, and `next` */
	TIMELINE_BOUNCED,   /* failed, and reported to the sender */
	TIMELINE_FAILED,    /* failed, and nobody is to be told: the sender is none, or did not want it */
	TIMELINE_HELD,      /* until an operator releases it */
	TIMELINE_RELEASED,  /* to be tried at once, by an operator */
	TIMELINE_DELETED,   /* by an operator */
	TIMELINE_KINDS,
};

struct timeline_event { /* NULL: nothing to say */
	enum timeline_kind kind;
	const char *address; /* the recipient, unless said otherwise above */
	const char *where, *status, *text;
	int64_t next; /* when it is tried again; 0: not */
};

/* On the loop's thread. */
struct timeline *timeline_new(const struct daemon *);
/* From any thread; NULL accepted. `at` 0: now. */
void timeline_note(struct timeline *, const char *trace, int64_t at, const struct timeline_event *, size_t n);
/* Writes what is left; after the loop and the pool have ended, before the stack is closed. NULL accepted. */
void timeline_free(struct timeline *);

/* An operator's hand on a queue entry, noted at once for those who still wait. An envelope that does not open has no trace. */
MUST_CHECK enum fault timeline_operated(struct stack *, const struct queue_entry *, enum timeline_kind,
                                        struct why *);

struct timeline_row {
	int64_t at;
	const char *node, *kind;                     /* of the process; as timeline_kind_name() has it */
	const char *address, *where, *status, *text; /* "" when there is nothing to say */
	int64_t next;
};

const char *timeline_kind_name(enum timeline_kind); /* "accepted" */
/* In order of time. NOT_FOUND: nothing is known of it, or not any more. DENIED: this process does not hold both rings. */
MUST_CHECK enum fault timeline_read(struct stack *, const char *trace, struct arena *,
                                    struct timeline_row **ret, size_t *ret_n, struct why *);

#endif
