#ifndef IMAPD_OUTBOX_HOLD_H
#define IMAPD_OUTBOX_HOLD_H
/*
 * Taking messages out of the Outbox (suite/outbox.h), for EXPUNGE, CLOSE and MOVE: which of the messages that
 * a command names have left the queue, and may therefore leave the mailbox.
 *
 *   loop     outbox_hold_take() what is to go
 *   worker   outbox_hold_cancel(), for a MOVE outbox_hold_pause() before it copies
 *   loop     outbox_hold_allows() each message that may go; outbox_hold_refused() says why not all did
 *
 * Zeroed memory is a hold of nothing.
 */
#include "command.h"
#include "suite/copy.h"
#include "suite/outbox.h"

struct outbox_hold {
	bool due;        /* the worker's part is still to be done */
	bool settled;    /* it is done */
	bool back;       /* it has just come back: the command's reply() is about it */
	bool left, busy; /* some had left the queue; some are being sent */
	struct copy_item *items;
	struct outbox_message *messages; /* of each item */
	size_t n;
};

/* The selected mailbox is the Outbox. */
bool outbox_is_selected(const struct imap_cmd *);
/* `mailbox` is the account's Outbox: nothing is put there but by sending it. Any thread. */
bool outbox_is(const struct imap_cmd *, const struct id *mailbox);
/* These are to go, as the view has them; in `arena`. */
void outbox_hold_take(struct outbox_hold *, const struct imap_cmd *, const struct uid_set *, struct arena *);
MUST_CHECK enum fault outbox_hold_pause(struct outbox_hold *, struct imap_cmd *, struct stack *,
                                        struct why *);
MUST_CHECK enum fault outbox_hold_cancel(struct outbox_hold *, struct imap_cmd *, struct stack *,
                                         struct why *);
bool outbox_hold_allows(const struct outbox_hold *, uint32_t uid);
/* Before the news are told: of the messages that the client names (NULL: all) some have left by themselves since it was last
 * told, of which it must not hear OK. */
void outbox_hold_note_left(struct outbox_hold *, const struct imap_cmd *, const struct uid_set *named);
/* NULL: all have gone for being cancelled. */
const char *outbox_hold_refused(const struct outbox_hold *);

#endif
