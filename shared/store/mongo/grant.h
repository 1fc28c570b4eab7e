#ifndef SHARED_STORE_MONGO_GRANT_H
#define SHARED_STORE_MONGO_GRANT_H
/*
 * ACLs in documents: an array with one value for each right of each entry, the
 * entry's id and the right's number (17 bytes). So a condition on a right is a plain look for a value, in the filter of
 * whatever acts, and one index finds what is shared with somebody.
 */
#include "store/mongo/doc.h"
#include "store/store.h"

void acl_add(bson_t *doc, const struct mailbox_meta *); /* nothing when there is none */
void acl_parse_list(struct doc *, struct arena *, struct mailbox_meta *ret);
/* That what a guest's call needs is granted; nothing for others. */
void acl_filter(bson_t *filter, const struct actor *);

#endif
