#ifndef IMAPD_CHANGE_H
#define IMAPD_CHANGE_H
/*
 * A change of the selected mailbox: decided on the loop from the view, committed
 * by a worker if nobody was faster (one store command), else decided again on a fresh view.
 *
 * Commands of this process that change the same mailbox take turns, first come first served: they would
 * only make each other's commits fail, and who looks again is slower than who has just begun. So only other processes and
 * appends can be faster, now and then.
 *
 *   loop     change_turn(), whose `then` decides: change_begin(), change_flags() or change_expunge() for each row
 *   worker   change_commit(): NONE, STALE, or another fault
 *   loop     NONE: change_committed() ends the turn. STALE: change_look(), whose `then` decides again.
 *            Nothing to change: change_leave()
 *
 * Nobody keeps a turn while a client reads: between change_turn() and the end of the turn nothing is sent.
 */
#include "command.h"

#define CHANGE_PATIENCE 20000 /* ms of lost races before the client is told to come back */

typedef enum imap_next change_then(struct imap_cmd *, enum fault, const struct why *);

struct change {
	struct imap_cmd *cmd;
	struct uid_set uids; /* what really changes */
	struct mailbox_edit edits[2];
	struct mailbox_commit commit;
	struct mailbox_head head; /* behind the commit */
	bool cancelled; /* of the Outbox: what is expunged has left the queue; set behind change_begin() */
	bool has_turn;
	/* change.c's own */
	struct view *view; /* held while it has or waits for its turn, else NULL */
	struct list turn;
	struct view_wait *look;
	change_then *then;
	int64_t losing_since; /* 0: not */
};

/* Zeroed memory is a change that change_done() may be called for. */

/* Goes on with `then` when the others are through: at once, or behind IMAP_WAIT, with a fresh view. */
enum imap_next change_turn(struct change *, struct imap_cmd *, change_then *then);
void change_begin(struct change *, struct imap_cmd *);
/* False when it leaves the row as it is. All calls between two change_begin() have the same op, flags and keywords. */
bool change_flags(struct change *, uint32_t at, enum flag_op, uint32_t flags, uint64_t keywords);
void change_expunge(struct change *, uint32_t at);
bool change_is_empty(const struct change *);
/* Worker. Others are told on the bus. UNSUPPORTED: it would take from the Outbox what was not cancelled. */
MUST_CHECK enum fault change_commit(struct change *, struct stack *, struct why *);
/* To the view. `silent`: the session that did it is not told of its flags again. */
void change_committed(struct change *, bool silent);
/* Waits for a fresh view, then goes on with what `then` gives. STALE at once when too many races were lost. */
enum imap_next change_look(struct change *, change_then *then);
void change_leave(struct change *); /* ends the turn, if it is one */
/* Ends it, and the command with NO. */
enum imap_next change_fail(struct change *, enum fault, const struct why *);
void change_done(struct change *);

#endif
