#ifndef SHARED_MAIL_MSGID_H
#define SHARED_MAIL_MSGID_H
/*
 * Message ids (RFC 5322 3.6.4): lists of them as Message-ID, In-Reply-To and
 * References hold, and new ones of our own.
 */
#include "base/buf.h"

struct arena;

enum { MSGID_MAX = 998 }; /* longer ones are passed over */

/* The ids of a value in their order, without the angle brackets, blanks and comments in them dropped, quotes undone
 * where they are not needed: two spellings of an id come out alike. At most `max`; gives how many. Phrases between
 * (obs-references) are passed over; a Message-ID without brackets counts when it is all there is. */
uint32_t msgid_list(struct arena *, struct slice value, uint32_t max, struct slice **ret);
/* The first one; false without. */
bool msgid_first(struct arena *, struct slice value, struct slice *ret);

/* Writes a new "<...@host>". Random: nothing in it tells of sender or time. `host` is an A-label domain. */
bool msgid_new(struct buf *out, struct slice host);

#endif
