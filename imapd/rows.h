#ifndef IMAPD_ROWS_H
#define IMAPD_ROWS_H
/*
 * Walking the messages of the selected mailbox that a set of UIDs names, in
 * pieces: where it goes on is remembered as a UID, so the view may change in between.
 */
#include "view.h"

struct rows {
	const struct selected *selected;
	const struct uid_set *uids; /* NULL: all that the session was told of */
	uint32_t next;              /* the first UID not walked yet */
	/* The present one. */
	uint32_t at, uid; /* index in view->state */
	uint32_t seq;     /* 0: the session was not told of it yet */
	/* rows.c's own, good while the view stands still */
	uint32_t up, range, ghosts, passed;
};

void rows_start(struct rows *, const struct selected *, const struct uid_set *uids);
/* Before each piece: the view may have changed since the last. */
void rows_resume(struct rows *);
bool rows_next(struct rows *);

#endif
