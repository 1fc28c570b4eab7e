#ifndef IMAPD_THREAD_LIST_H
#define IMAPD_THREAD_LIST_H
/*
 * What THREAD looks at of each message: when it was sent and its base subject, as SORT has them (sort_key.h), and message
 * ids as numbers. What comes of headers is kept for the next time (column.h, thread_ids.h). Both a message and all of them are
 * bounded.
 */
#include "search_match.h"
#include "thread_ids.h"

#define THREAD_REFS_MAX   256 /* ids that one message may name: of more, the first and the last */
#define THREAD_MEMORY_MAX (256u * 1024 * 1024)

enum thread_by { THREAD_ORDEREDSUBJECT, THREAD_REFERENCES, THREAD_REFS };

struct thread_row {
	uint32_t uid;
	uint32_t subject; /* its rank; 0: empty */
	int64_t sent;
	struct thread_named named;
};

struct thread_list { /* zeroed at first, but for `by` */
	enum thread_by by;
	struct thread_row *rows; /* ascending by UID behind thread_list_finish() */
	uint32_t n, cap;
	bool full; /* THREAD_MEMORY_MAX: not all rows are there */
	/* What `by` asks for of them; what they know already is the caller's to give. */
	struct column_use sent, subjects;
	struct thread_ids_use ids;
	/* thread_list.c's own */
	struct arena *arena;
	struct buf plain, folded;
};

/* All that its header is looked at for is known. */
bool thread_knows(struct thread_list *, uint32_t uid);
/* A header without data: it is not known. */
void thread_take(struct thread_list *, const struct search_row *, struct slice header);
void thread_list_finish(struct thread_list *);
void thread_list_done(struct thread_list *);

#endif
