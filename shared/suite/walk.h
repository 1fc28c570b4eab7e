#ifndef SHARED_SUITE_WALK_H
#define SHARED_SUITE_WALK_H
/* What fsck and the sweeper share: every account, every mailbox whole, every queue entry. */
#include "store/mailbox.h"
#include "suite/check.h"
#include "suite/directory.h"

#define WALK_BATCH 256

extern const struct actor actor_system;

/* Every record of a collection, in order of keys, without bodies. `on_record` is called for each; the first fault it
 * gives ends the walk. Records that are put while it goes on may be met or not. */
MUST_CHECK enum fault walk_records(struct stack *, enum collection,
                                   enum fault (*on_record)(void *arg, const struct record *, struct why *),
                                   void *arg, struct why *);
/* Removes the records of a collection that are an account's by its first index. */
MUST_CHECK enum fault walk_forget(struct stack *, const struct actor *, enum collection,
                                  const struct id *account, struct why *);
MUST_CHECK enum fault walk_queue(struct stack *,
                                 enum fault (*on_entry)(void *arg, const struct queue_entry *, struct why *),
                                 void *arg, struct why *);
/* A mailbox as `actor` may read it, with all content ids and keys loaded; mailbox_state_free() it. The look that it was read
 * with goes into the arena. NOT_FOUND. */
MUST_CHECK enum fault walk_mailbox_as(struct stack *, const struct actor *, const struct id *mailbox,
                                      struct arena *, struct mailbox_log *ret_look,
                                      struct mailbox_state **ret, struct why *);
/* The same as the system, without the look. NOT_FOUND: deleted meanwhile. */
MUST_CHECK enum fault walk_mailbox(struct stack *, const struct id *mailbox, struct mailbox_state **ret,
                                   struct why *);

#endif
