#ifndef IMAPD_THREAD_LIST_H
#define IMAPD_THREAD_LIST_H
/*
 * What THREAD keeps of each message: when it was sent, its base subject folded and cut, and message ids as numbers, so
 * that an id that a thousand messages name is kept once. Both a message and all of them are bounded.
 */
#include "search_match.h"

#define THREAD_REFS_MAX   256 /* ids that one message may name: of more, the first and the last */
#define THREAD_MEMORY_MAX (256u * 1024 * 1024)

enum thread_by { THREAD_ORDEREDSUBJECT, THREAD_REFERENCES, THREAD_REFS };

struct thread_row {
	uint32_t uid;
	uint32_t id;     /* of its Message-ID, from 1; 0: none */
	uint32_t n_refs; /* ids of what it answers, the oldest first */
	uint32_t *refs;
	int64_t sent;
	struct slice subject;
	bool reply; /* by its subject */
};

struct map;

struct thread_list { /* zeroed at first, but for `by` */
	enum thread_by by;
	struct thread_row *rows;
	uint32_t n, cap;
	uint32_t n_ids;
	bool full; /* THREAD_MEMORY_MAX: not all rows are there */
	/* thread_list.c's own */
	struct map *ids;
	struct arena *arena;
	struct buf plain, folded;
};

void thread_take(struct thread_list *, const struct search_row *, struct slice header);
void thread_list_done(struct thread_list *);

#endif
