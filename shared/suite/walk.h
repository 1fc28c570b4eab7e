#ifndef SHARED_SUITE_WALK_H
#define SHARED_SUITE_WALK_H
/* What fsck and the sweeper share: every account, every mailbox whole, every queue entry. */
#include "store/mailbox.h"
#include "suite/check.h"
#include "suite/directory.h"

#define WALK_BATCH 256

extern const struct actor actor_system;

/* Calls `on_account` for each; stops at the first fault it gives. */
MUST_CHECK enum fault walk_accounts(struct stack *,
                                    enum fault (*on_account)(void *arg, const struct account *, struct why *),
                                    void *arg, struct why *);
MUST_CHECK enum fault walk_queue(struct stack *,
                                 enum fault (*on_entry)(void *arg, const struct queue_entry *, struct why *),
                                 void *arg, struct why *);
/* A mailbox with all content ids and keys loaded; mailbox_state_free() it. NOT_FOUND: deleted meanwhile. */
MUST_CHECK enum fault walk_mailbox(struct stack *, const struct id *mailbox, struct mailbox_state **ret,
                                   struct why *);

#endif
