#ifndef IMAPD_LIMIT_H
#define IMAPD_LIMIT_H
/*
 * How many messages one command may touch (RFC 9738): message_limit for all commands but EXPUNGE and CLOSE, save_limit
 * for what COPY and APPEND add to a mailbox; ESEARCH in several mailboxes has none. What is cut off are the older ones;
 * the reply then names the oldest that was not.
 */
#include "command.h"

/* Of these UIDs keeps the newest messages that one command may touch. Loop only; may be called again for other UIDs. */
void limit_messages(struct imap_cmd *, struct uid_set *uids);
/* How many messages one command may add; UINT64_MAX: as many as there are. */
uint64_t limit_saving(void);
/* The messages that the session knows of among these UIDs. */
uint64_t limit_count(const struct imap_cmd *, const struct uid_set *uids);
enum imap_next limit_refuse(struct imap_cmd *, uint64_t limit); /* nothing is done */

#endif
