#ifndef IMAPD_SEARCH_SIEVE_H
#define IMAPD_SEARCH_SIEVE_H
/*
 * What a search knows before it opens anything: by their signatures most messages do not hold what it looks for. A first
 * way through the view finds the messages that the view cannot decide about and whose signatures are not in memory;
 * they come from the sealed cache file, then from the store; then all are asked at once, on a worker.
 *
 * It only ever says no; without it, or for messages without a signature, a search is as right and slower.
 */
#include "batch.h"
#include "command.h"
#include "rows.h"
#include "search_match.h"
#include "signature_file.h"

struct search_sieve {
	/* Who reads, and with which key: the command's, before search_sieve_run(). */
	const struct actor *actor;
	const struct account_key *key;
	/* search_sieve.c's own; zeroed at first */
	enum { SIEVE_OFF, SIEVE_FILE, SIEVE_LOAD, SIEVE_ASK, SIEVE_READY } state;
	const struct search *search;
	/* What a text has one of at least; NULL: too short to ask for. */
	struct segment_query *asked[SEARCH_TEXTS_MAX][FUZZY_PARTS];
	struct rows rows;
	struct arena *arena;
	struct batch batch;
	struct signature_file file;
	struct segment **fresh; /* what a job has made, and what is in them too */
	size_t n_fresh, n_small;
	struct segment **held, **small;
	size_t n_held;
	uint64_t **may; /* a bit for each UID of each of `held`, for each query */
	bool running, save;
};

/* Of these messages (NULL: all). Whether there is a way to go for it: then search_sieve_next() is called, and behind run() again, until it is through. */
bool search_sieve_start(struct search_sieve *, const struct search *, const struct selected *,
                        const struct uid_set *);
/* Loop. False: it is through. Else what the command has to give. */
bool search_sieve_next(struct search_sieve *, enum imap_next *ret);
/* Worker. */
MUST_CHECK enum fault search_sieve_run(struct search_sieve *, struct stack *, struct why *);
/* Bits of search.texts that the message is known not to hold; any time. */
uint64_t search_sieve_lacks(const struct search_sieve *, uint32_t uid);
void search_sieve_done(struct search_sieve *);

#endif
