#ifndef SHARED_STORE_MONGO_ENTRY_H
#define SHARED_STORE_MONGO_ENTRY_H
/*
 * A queue entry's document:
 *
 *   { _id, account, content, domain, status: "waiting" | "held", priority, created, due, attempts, size,
 *     fence, lease_until, claim, ready, state }
 *
 * `ready` is when it may be claimed: lease_until while it is claimed, else due. `claim` is the
 * claimer's mark. Both lease_until and claim are absent when nobody has it.
 */
#include "store/mongo/doc.h"
#include "store/store.h"

const char *entry_status(enum queue_status);
void entry_make(bson_t *, const struct queue_entry *);
MUST_CHECK enum fault entry_parse(struct slice doc, struct queue_entry *ret, struct why *);
MUST_CHECK enum fault entry_parse_all(const struct slice *docs, size_t n, struct arena *,
                                      struct queue_entry **ret, struct why *);

#endif
