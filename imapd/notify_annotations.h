#ifndef IMAPD_NOTIFY_ANNOTATIONS_H
#define IMAPD_NOTIFY_ANNOTATIONS_H
/*
 * MailboxMetadataChange and ServerMetadataChange (RFC 5465 5.6, 5.7): two lists of annotations compared, and the names of
 * those that are different told, without their values (RFC 5464 4.4.2); of what is gone as well. Others' mailboxes are told of
 * by the rights l and r that the last look saw. What the session has set itself is what it knows, until somebody else
 * sets it; it is remembered until a look began later, of at most NOTIFY_ANNOTATIONS_OWN entries.
 */
#include "notify.h"

#define NOTIFY_ANNOTATIONS_OWN 256

/* The session has set one, or, without data, taken it away; `of_others`: one that another account shares. */
void notify_own_annotation(struct session *, const struct id *mailbox, bool of_others, struct slice name,
                           struct slice value);
/* False: the output is congested. The session's notify may be another one then: there were too many to watch. */
bool notify_tell_annotations(struct session *, const struct snapshot *newest);
void notify_annotations_free(struct notify *);

#endif
