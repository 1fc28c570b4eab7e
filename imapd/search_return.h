#ifndef IMAPD_SEARCH_RETURN_H
#define IMAPD_SEARCH_RETURN_H
/*
 * What SEARCH and SORT are asked to give back, and giving it: MIN, MAX, COUNT
 * and ALL (RFC 4731), SAVE (RFC 5182), PARTIAL (RFC 9394), UPDATE and the hint CONTEXT (RFC 5267), RELEVANCY (RFC 6203 4); or, unasked, the plain list of numbers.
 *
 * Results come in the order that the command promises: ascending for SEARCH, sorted for SORT, where MIN is the first
 * and MAX the last (RFC 5267 3.1).
 */
#include "command.h"
#include "news_fetch.h"
#include "partial.h"

enum search_wanted {
	RETURN_MIN = 1,
	RETURN_MAX = 2,
	RETURN_COUNT = 4,
	RETURN_ALL = 8,
	RETURN_SAVE = 16,
	RETURN_PARTIAL = 32,
	RETURN_RELEVANCY = 64,
};

struct search_return {
	bool extended;   /* ESEARCH is wanted */
	unsigned wanted; /* bits */
	struct news_fetch
	    *fetch;  /* with UPDATE: of new messages (RFC 5465 7); NULL: nothing. Freed with the arena */
	bool update; /* and to hear of changes later (RFC 5267) */
	struct partial partial;
	/* For ESEARCH (RFC 7377): the mailbox that was searched; else NULL. */
	const char *mailbox;
	uint32_t uid_validity;
};

struct search_row_found {
	uint32_t uid, number; /* the number as it is told: UID or sequence number */
	uint64_t modseq;
	uint8_t score; /* with RELEVANCY (search_scores.h) */
};

struct search_found {
	struct search_row_found *rows;
	size_t n;
};

/* "RETURN" SP "(" … ")" SP, if that is what stands there. */
bool search_return_parse(struct imap_args *, struct search_return *ret);

/* Of these UIDs those that are still there, ascending, as the command counts them; in its arena. */
void search_found_take(struct imap_cmd *, const struct uid_set *uids, struct search_found *ret);
void search_found_among(const struct selected *, bool as_uids, const struct uid_set *uids, struct arena *,
                        struct search_found *ret);
/* Tells it, with mod-sequences when they were asked for, and keeps what is to be saved. `name` is "SEARCH" or "SORT". */
void search_return_tell(struct imap_cmd *, const struct search_return *, const char *name, bool modseq,
                        const struct search_found *);
/* A command that was to save something has failed: nothing is saved (RFC 5182 2.1). */
void search_return_failed(struct imap_cmd *, const struct search_return *);

#endif
