#ifndef MTA_CLAIM_H
#define MTA_CLAIM_H
/*
 * Taking due entries from the queue: when the bus says so, when the next one is
 * due, and every `poll` in any case. Never more than there is room for.
 */
#include "mta.h"

struct claimer *claimer_new(struct mta *);
void claimer_free(struct claimer *); /* NULL accepted */
void claimer_look(struct claimer *); /* now, or when the look under way is over */
void claimer_stop(struct claimer *);
void claimer_room(struct claimer *); /* a delivery has ended */

#endif
