#ifndef IMAPD_SHARED_NAME_H
#define IMAPD_SHARED_NAME_H
/*
 * Names that CREATE, DELETE, RENAME and SUBSCRIBE were given of what others share: what the owner calls it, and the
 * actor and key to change it with. target.h has names of mailboxes that messages go to.
 */
#include "command.h"
#include "suite/share.h"

struct shared_name {
	struct shares shares;
	struct share *share; /* the mailbox; of a name to be made, the nearest mailbox above it */
	const char *own;     /* the whole name, as the owner has it */
	struct actor actor;
};

/* Worker. A mailbox that grants these rights. NOT_FOUND also for who may not look it up, else DENIED. */
MUST_CHECK enum fault shared_name_find(struct shared_name *, const struct imap_cmd *, struct stack *,
                                       const char *path, uint32_t rights, struct why *);
/* One to be made below a mailbox that grants them. */
MUST_CHECK enum fault shared_name_above(struct shared_name *, const struct imap_cmd *, struct stack *,
                                        const char *path, uint32_t rights, struct why *);
void shared_name_done(struct shared_name *);

#endif
