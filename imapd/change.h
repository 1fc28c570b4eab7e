#ifndef IMAPD_CHANGE_H
#define IMAPD_CHANGE_H
/*
 * A change of the selected mailbox: decided on the loop from the view, committed
 * by a worker if nobody was faster (one store command), else decided again on a fresh view.
 *
 *   loop     change_begin(), change_flags() or change_expunge() for each row
 *   worker   change_commit(): NONE, STALE, or another fault
 *   loop     NONE: change_committed(). STALE: change_look(), whose `then` begins again
 */
#include "command.h"

#define CHANGE_TRIES 50 /* lost races before the client is told to come back */

struct change {
	struct imap_cmd *cmd;
	struct uid_set uids; /* what really changes */
	struct mailbox_edit edit;
	struct mailbox_commit commit;
	struct mailbox_head head; /* behind the commit */
	/* change.c's own */
	struct view_wait *look;
	enum imap_next (*then)(struct imap_cmd *, enum fault, const struct why *);
	unsigned tries;
};

/* Zeroed memory is a change that change_done() may be called for. */
void change_begin(struct change *, struct imap_cmd *);
/* False when it leaves the row as it is. All calls between two change_begin() have the same op, flags and keywords. */
bool change_flags(struct change *, uint32_t at, enum flag_op, uint32_t flags, uint64_t keywords);
void change_expunge(struct change *, uint32_t at);
bool change_is_empty(const struct change *);
/* Worker. Others are told on the bus. */
MUST_CHECK enum fault change_commit(struct change *, struct stack *, struct why *);
/* To the view. `silent`: the session that did it is not told of its flags again. */
void change_committed(struct change *, bool silent);
/* Names UIDs that the view has not met: the client may know better, from another connection. Then look first. */
bool change_is_ahead(const struct imap_cmd *, const struct uid_set *uids);
/* Waits for a fresh view, then goes on with what `then` gives. STALE at once when too many races were lost. */
enum imap_next change_look(struct change *,
                           enum imap_next (*then)(struct imap_cmd *, enum fault, const struct why *));
void change_done(struct change *);

#endif
