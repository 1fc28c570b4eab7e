#ifndef IMAPD_NOTIFY_OWN_H
#define IMAPD_NOTIFY_OWN_H
/*
 * What a session has done itself to mailboxes that it has not selected, and so is not told of by NOTIFY (RFC 5465 5). Kept
 * until a look at the mailboxes began later, and compared with what that shows: where somebody else has changed more, it
 * is told. At most OWN_MAX things; of older ones the client hears.
 */
#include "store/store.h"

#define OWN_MAX 64

struct folder;
struct session;

/* All do nothing without NOTIFY. A mailbox was created, or has got the name; or has lost it. */
void notify_own_name(struct session *, const char *path, bool there);
void notify_own_subscription(struct session *, const char *path, bool subscribed);
/* n messages were put into a mailbox, from first_uid on; `head` as it was then. */
void notify_own_append(struct session *, const struct id *mailbox, uint32_t first_uid, uint32_t n,
                       const struct mailbox_head *head);
/* The mailbox was selected, and this is what the session knows of it. */
void notify_own_visit(struct session *, const struct id *mailbox, const struct mailbox_head *head);

/* For a comparison: whether what is now at this path (NULL: nothing) is as the session has made it. */
bool notify_own_made(const struct session *, const char *path, const struct folder *is);
/* The head that the session knows: this one, or what is newer by its own doing alone and not yet surpassed. */
const struct mailbox_head *notify_own_head(const struct session *, const struct id *mailbox,
                                           const struct mailbox_head *was, const struct mailbox_head *is);
/* What is known began to load then: of the account's own mailboxes, and of what others share. */
void notify_own_forget(struct session *, int64_t own_at, int64_t shared_at);
void notify_own_free(struct session *);

#endif
