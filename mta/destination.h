#ifndef MTA_DESTINATION_H
#define MTA_DESTINATION_H
/*
 * Next hops: how many connections each may have, who waits for one, and how
 * long it is left alone after none of its hosts could be reached.
 */
#include "delivery.h"

/* A slot at once, a place in the line, or a verdict when the destination is down. */
void destination_enter(struct delivery *);
/* Gives the slot or the place back, and the slot to who waits. */
void destination_leave(struct delivery *);
/* Whoever waits next and may have the slot of `from`, with its connection; NULL: nobody. */
struct delivery *destination_pass_slot(struct delivery *from);
/* None of its hosts was there: those who wait get the same verdict now, those who come within a minute too. */
void destination_down(struct delivery *, const char *status, const char *reply);
/* Forgets destinations nobody needs. */
void destinations_tidy(struct mta *);
void destinations_free(struct mta *);

#endif
