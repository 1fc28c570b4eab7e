#ifndef SHARED_SUITE_OUTBOX_H
#define SHARED_SUITE_OUTBOX_H
/*
 * The Outbox: a mailbox that shows what an account has on the queue, one message a submission, its state in keywords.
 * Taking a message out of it cancels what is not sent yet. The mailbox follows the queue: whoever looks at it
 * brings it in step first, on the modseq that he has read, so two who do it at once never show a message twice.
 *
 * What is taken out goes from the queue first, durably, and from the mailbox behind that. An entry that is claimed,
 * or was when its mta died, may be with a host already: it cannot be cancelled until mta has written what became of it.
 * One case is left: a host takes a message from an mta that dies over it, and defers the next attempt. Nobody knows that it
 * has it, so it is cancelled like any other.
 *
 * Whoever calls is the OWNER and holds the account's key.
 */
#include "store/mailbox.h"
#include "suite/folder.h"
#include "suite/keyword.h"
#include "suite/stack.h"

/* Its id follows from the account's, so that everybody knows it who says that the queue has changed. */
struct id outbox_mailbox(const struct id *account);

/* Makes it, subscribed, when it is not among the account's mailboxes. */
MUST_CHECK enum fault outbox_make(struct stack *, const struct actor *, const struct account_key *,
                                  const struct folders *, bool *ret_made, struct why *);
/* Brings it in step with the queue; the head as it is then. NOT_FOUND: there is none. */
MUST_CHECK enum fault outbox_sync(struct stack *, const struct actor *, const struct account_key *,
                                  struct mailbox_head *ret, struct why *);

/* The keywords that tell states, of a mailbox's names: they mean nothing elsewhere. */
uint64_t outbox_states(const struct keywords *);

enum outbox_fate {
	OUTBOX_FREE, /* not sent, and it will not be */
	OUTBOX_BUSY, /* being sent; nothing of it was cancelled */
	OUTBOX_LEFT, /* not on the queue any more: sent, most likely */
};

struct outbox_message {
	struct id content;
	enum outbox_fate fate;
};

/* Nobody begins to send what is FREE for half a minute, unless an operator wants it. */
MUST_CHECK enum fault outbox_pause(struct stack *, const struct actor *, struct outbox_message *, size_t n,
                                   struct why *);
/* Takes them off the queue, each message wholly or not at all. On a fault it is not known which. */
MUST_CHECK enum fault outbox_cancel(struct stack *, const struct actor *, struct outbox_message *, size_t n,
                                    struct why *);

#endif
