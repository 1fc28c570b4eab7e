#ifndef SHARED_SUITE_MOVE_H
#define SHARED_SUITE_MOVE_H
/*
 * Moves that were cut short: appended to their target, not yet expunged from their source (struct mailbox_move).
 *
 * Promise: a message is expunged from the source only while the target shows the same content; so whatever became of the
 * target meanwhile, the message is somewhere. To finish twice, or beside the mover, is harmless: what is expunged already is
 * passed over.
 */
#include "suite/stack.h"

#define MOVE_GRACE_MS (60 * 1000) /* a mover that lives is through by then, or has given up */

struct moves_result {
	uint64_t finished; /* moves; `messages` were still to be expunged */
	uint64_t messages;
	uint64_t young;   /* left to their movers */
	uint64_t unknown; /* a newer Posthouse's, or damaged: left alone */
};
/* Finishes what began before `before`. A fault with one leaves the others none the less done; the first is returned. */
MUST_CHECK enum fault moves_finish(struct stack *, int64_t before, struct moves_result *ret, struct why *);

/* The mover is through with its source. Should that be lost, it is finished again later. */
void move_done(struct stack *, const struct actor *, const struct id *target, const struct id *tag);

#endif
