#ifndef TESTS_CONTRACT_STORE_SHIM_H
#define TESTS_CONTRACT_STORE_SHIM_H
/*
 * Between the mailbox code and a backend: loses answers, refuses, is slow, and
 * lets others act in the gaps. One store at a time.
 */
#include <stdatomic.h>

#include "place.h"

struct shim {
	struct store_ops ops;
	const struct store_ops *real;
	atomic_int commits;                               /* counted */
	atomic_int lose;                                  /* so many commits happen, and say TEMP */
	atomic_int refuse;                                /* so many do not happen, and say TEMP */
	atomic_int away;                                  /* so many reads say TEMP */
	atomic_int delay_ms;                              /* of every commit */
	void (*after_lost)(void);                         /* run after a lost one */
	void (*before_pages)(void), (*after_pages)(void); /* run around every read of pages */
};

extern struct shim shim;

void shim_in(struct store *);
void shim_out(struct store *);

#endif
