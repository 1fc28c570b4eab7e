#ifndef SHARED_STORE_MONGO_DELETE_H
#define SHARED_STORE_MONGO_DELETE_H
/*
 * A mailbox and its pages are several documents, so deleting them is several
 * steps: note the mailbox in deleted_mailboxes, delete its document, delete its
 * pages. Whoever dies in between leaves the note; and so does everybody, for an
 * hour, since a fold that began before may still write a page.
 */
#include "store/mongo/call.h"

/* Does the rest for notes that are older than an hour, at most `max`. */
MUST_CHECK enum fault delete_left_over(struct call *, int64_t now, size_t max);

#endif
