#ifndef IMAPD_SNAPSHOT_H
#define IMAPD_SNAPSHOT_H
/*
 * What looks at an account's mailboxes have seen, for NOTIFY: the newest of each part, that one look or several have
 * given; or what a client was told of. A part that nobody asks for is NULL.
 */
#include "annotations.h"
#include "folder_cache.h"
#include "shared_list.h"

enum snapshot_part {
	SNAPSHOT_OWN = 1, /* the account's mailboxes */
	SNAPSHOT_SHARED = 2,
	SNAPSHOT_ANNOTATIONS = 4, /* of the parts that are looked at with it */
	SNAPSHOT_ALL = 7,
};

struct snapshot {
	struct folder_list *own;
	struct shared_list *shared;
	struct annotations *annotations;        /* the account's */
	struct annotations *shared_annotations; /* what others share */
};

/* Worker. What was seen before a fault is there. */
MUST_CHECK enum fault snapshot_load(const struct account_ctx *, struct stack *, unsigned parts,
                                    struct snapshot *ret, struct why *);
/* Loop. */
bool snapshot_has_too_many(const struct snapshot *);
/* What is new replaces what is there. `from` is empty then. */
void snapshot_take(const struct account_ctx *, struct snapshot *, struct snapshot *from);
void snapshot_done(const struct account_ctx *, struct snapshot *);
/* Folders by the ids of their mailboxes. */
struct map *snapshot_map(const struct folders *);

#endif
