#ifndef SHARED_SUITE_NUDGE_H
#define SHARED_SUITE_NUDGE_H
/* Saying on the bus what was just committed; nothing when the process has no bus. Any thread. */
#include "suite/stack.h"

void nudge_mailbox(struct stack *, const struct actor *, const struct id *mailbox, uint64_t modseq);
/* Annotations: shared ones of the account's mailbox, or private ones of its own, in whatever mailbox. */
void nudge_metadata(struct stack *, const struct id *account, const struct id *mailbox);
void nudge_folders(struct stack *, const struct id *account);
void nudge_account(struct stack *, const struct id *account);
/* The account's Outbox, which follows the queue (outbox.h); nothing for a zero account. */
void nudge_outbox(struct stack *, const struct id *account);
void nudge_queue(struct stack *, const struct id *entry);
void nudge_settings(struct stack *);
/* `by`: what the process knows itself by. */
void nudge_url_key(struct stack *, const struct id *account, const struct id *mailbox, uint64_t by);

#endif
