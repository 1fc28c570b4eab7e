#ifndef SHARED_STORE_MOVE_H
#define SHARED_STORE_MOVE_H
/*
 * The marker of a move as bytes (mailbox.h). Like log entries it names no more than ids and UIDs, and is not sealed.
 *
 * Promise: what was encoded decodes to the same; anything else is CORRUPT and costs no more memory than a small multiple
 * of its own size.
 *
 *   marker = version(1) account(16) source(16) begun(8) uid-set
 */
#include "store/mailbox.h"

/* The tag is not in it: it stands beside. */
void move_encode(struct buf *out, const struct mailbox_move *);
/* Everything lives in the arena, the set too; the tag is left zero. */
MUST_CHECK enum fault move_decode(struct slice, struct arena *, struct mailbox_move *ret, struct why *);

#endif
