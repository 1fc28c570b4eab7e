#ifndef IMAPD_GUEST_SEES_H
#define IMAPD_GUEST_SEES_H
/*
 * A guest's \Seen in a mailbox that another account shares with it: not in the mailbox's log, but in a record of its
 * own (suite/guest.h). FETCH and STORE gather on the loop what becomes seen or unseen, a worker writes it, and the loop
 * tells the view.
 */
#include "command.h"
#include "suite/guest.h"

struct guest_sees {          /* zeroed memory is one that guest_sees_done() may be called for */
	struct uid_set uids; /* what becomes seen */
	struct uid_set unseen;
	uint32_t uid_validity;
	/* What came of it. */
	bool done;
	struct guest_mark mark;
	struct mailbox_head head;
};

void guest_sees_begin(struct guest_sees *, const struct selected *);
/* What STORE makes of one message's \Seen. */
void guest_sees_store(struct guest_sees *, const struct selected *, uint32_t at, enum flag_op,
                      uint32_t flags);
bool guest_sees_any(const struct guest_sees *);
/* Worker; nothing when there is nothing, or it is done. */
MUST_CHECK enum fault guest_sees_run(struct guest_sees *, const struct imap_cmd *, struct stack *,
                                     struct why *);
/* `silent`: the session is not told of it. */
void guest_sees_take(struct guest_sees *, const struct imap_cmd *, bool silent);
void guest_sees_done(struct guest_sees *);

#endif
