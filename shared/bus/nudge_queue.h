#ifndef SHARED_BUS_NUDGE_QUEUE_H
#define SHARED_BUS_NUDGE_QUEUE_H
/* A bounded ring of nudges: full, it forgets the oldest. Its owner locks. */
#include "bus/topics.h"

struct nudge_queue {
	struct nudge *ring;
	size_t cap, head, n, max;
};

void nudge_queue_init(struct nudge_queue *, size_t max);
void nudge_queue_done(struct nudge_queue *);
/* False when the oldest had to go for it. */
bool nudge_queue_push(struct nudge_queue *, const struct nudge *);
/* Back to the front, where it came from; false when there is no room. */
bool nudge_queue_unpop(struct nudge_queue *, const struct nudge *);
bool nudge_queue_pop(struct nudge_queue *, struct nudge *ret);

#endif
