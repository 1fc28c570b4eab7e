#ifndef IMAPD_ANNOTATIONS_H
#define IMAPD_ANNOTATIONS_H
/*
 * What annotations there are (RFC 5464), for NOTIFY: the name of each, and a hash of its value. Two such lists compared say
 * which ones have changed.
 *
 * Made on a worker; holding and releasing are the loop's only.
 */
#include "suite/metadata.h"
#include "suite/share.h"

#define ANNOTATIONS_MAX (4 << 20) /* bytes of one list; of an account that has more they are not watched */

struct account_ctx;

struct annotation {
	struct id mailbox; /* zero: the server */
	struct slice name;
	struct id value; /* annotation_value() */
};

struct annotations {
	const struct annotation *list; /* by annotation_compare() */
	size_t n;
	bool too_many;                    /* the list says nothing */
	const struct annotation *damaged; /* records that do not open: "/private" or "/shared" of a mailbox */
	size_t n_damaged;
	int64_t loaded_at; /* clock_mono_ms(), when it began */
	struct arena *arena;
	unsigned refs;
};

/* Worker. The account's: private ones in whatever mailbox, shared ones of its own. */
MUST_CHECK enum fault annotations_load(const struct account_ctx *, struct stack *, struct annotations **ret,
                                       struct why *);
/* Worker. Those that others share in mailboxes that the account may read. */
MUST_CHECK enum fault annotations_load_shared(const struct shares *, struct stack *, struct annotations **ret,
                                              struct why *);
struct annotations *annotations_hold(struct annotations *); /* NULL accepted, as below */
void annotations_put(struct annotations *);

/* By mailbox, then by name without case. */
int annotation_compare(const void *, const void *);
/* A hash; zero is for what is not there. */
struct id annotation_value(struct slice value);
/* The hash in the list of the one with this mailbox and name. */
struct id annotations_find(const struct annotations *, const struct annotation *);
/* Whether it is there cannot be known. */
bool annotations_are_damaged(const struct annotations *, const struct annotation *);

#endif
