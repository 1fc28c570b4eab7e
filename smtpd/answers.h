#ifndef SMTPD_ANSWERS_H
#define SMTPD_ANSWERS_H
/*
 * The DNS answers that the checks of one message stand on. A check runs on what
 * is known and does no I/O: what it misses is noted here; whoever runs it has
 * the missing resolved, puts the answers in and runs the check again. An answer once seen
 * stays the same for the whole message, whatever the DNS says meanwhile.
 */
#include "dns/dns.h"

struct arena;

enum { ANSWERS_MAX = 256 }; /* questions one message may raise; the rest is answered TEMPFAIL */

struct answers {
	/* A reference, or NULL when it is not known yet; may be NULL itself. */
	const struct dns_answer *(*known)(void *arg, const char *name, enum dns_type);
	void *arg;
	/* our own */
	struct arena *arena;
	struct map *questions;
	struct question *first_missing, **last_missing;
	size_t missing; /* in the list */
	bool closed;
};

struct question {
	const char *name; /* clean: lower case, no final dot */
	enum dns_type type;
	const struct dns_answer *answer; /* NULL while missing */
	struct question *next_missing;
};

/* Lives until the arena goes, and drops its references then. */
void answers_init(struct answers *, struct arena *,
                  const struct dns_answer *(*known)(void *, const char *, enum dns_type), void *arg);

/* Borrowed, for as long as the arena. NULL: missing, and noted. Names that are not legal are answered NXDOMAIN. */
const struct dns_answer *answers_get(struct answers *, const char *name, enum dns_type);
/* Notes what will probably be asked next, so that it is fetched in the same round. */
void answers_expect(struct answers *, const char *name, enum dns_type);

/* Empties the list of what is missing and gives its first question; they link by next_missing. */
struct question *answers_take_missing(struct answers *);
void answers_put(struct question *, const struct dns_answer *); /* keeps a reference of its own */
/* From now on nothing is missing: what is not known is answered TEMPFAIL. The time is up. */
void answers_close(struct answers *);

#endif
