#ifndef IMAPD_THREAD_IDS_H
#define IMAPD_THREAD_IDS_H
/*
 * Message ids as numbers: of each message its own and those that it names, so that THREAD reads headers of new messages only.
 * What is kept of an id is a hash, with a key that nobody knows: 128 bits, no two ids have the same.
 *
 * As a column (column.h) this never changes: one that knows more is made of it. References are counted on the loop only.
 */
#include "column.h"

struct thread_ids;

/* NULL knows nothing, for all of these. */
struct thread_ids *thread_ids_ref(struct thread_ids *);
void thread_ids_unref(struct thread_ids *);
uint32_t thread_ids_count(const struct thread_ids *); /* messages */
size_t thread_ids_memory(const struct thread_ids *);

/* What one command looks for and adds. */
struct thread_ids_use { /* zeroed at first, but for `ids` */
	struct thread_ids *ids;
	struct thread_ids *made; /* if there was anything new */
	struct column_use places;
	/* thread_ids.c's own */
	uint32_t *slots; /* of a table of the ids */
	uint32_t n_slots;
};

struct thread_named {    /* by a message */
	uint32_t id;     /* its own, from 1; 0: none */
	uint32_t n_refs; /* what it answers, the oldest first */
	const uint32_t *refs;
	bool reply; /* by its subject */
};

void thread_ids_start(struct thread_ids_use *, struct thread_ids *); /* takes the reference */
bool thread_ids_has(struct thread_ids_use *, uint32_t uid);
/* Of a message that it has not. `id` without data: none. */
void thread_ids_add(struct thread_ids_use *, uint32_t uid, bool reply, struct slice id,
                    const struct slice *refs, uint32_t n_refs);
void thread_ids_finish(struct thread_ids_use *);
/* Behind thread_ids_finish(); nothing for a message that is not there. */
struct thread_named thread_ids_of(struct thread_ids_use *, uint32_t uid);
uint32_t thread_ids_highest(const struct thread_ids_use *);
void thread_ids_done(struct thread_ids_use *); /* on the loop */

#endif
