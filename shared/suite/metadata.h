#ifndef SHARED_SUITE_METADATA_H
#define SHARED_SUITE_METADATA_H
/*
 * Annotations of mailboxes and of the server (RFC 5464): names and values, sealed under the key of whose they are. One
 * record for what is private to an account in a mailbox, one for what all who see the mailbox share; the server's
 * are those of a mailbox of no id.
 *
 * A guest's private ones in another's mailbox are its own: its id, its key. They go with the mailbox's id, so RENAME
 * takes them along and DELETE leaves them to metadata_forget() and the sweeper.
 */
#include "suite/stack.h"

enum metadata_part { METADATA_PRIVATE, METADATA_SHARED };

#define METADATA_NAME_MAX  255
#define METADATA_VALUE_MAX (256 * 1024) /* of one */
#define METADATA_MAX       (768 * 1024) /* of all in one record */

struct metadata_entry {
	struct slice name;  /* as it was first spelled; compared without case */
	struct slice value; /* data NULL: there is none; to be taken away */
};

struct metadata { /* sorted by name, without case */
	struct metadata_entry *list;
	size_t n;
	uint64_t version;
	bool damaged;
};

struct metadata_place {
	const struct actor
	    *actor; /* OWNER of `account`; for a guest in what is shared, once its rights are known */
	const struct account_key *key;
	struct id account, mailbox; /* zero mailbox: the server */
	enum metadata_part part;
};

MUST_CHECK enum fault metadata_load(struct stack *, const struct metadata_place *, struct arena *,
                                    struct metadata *ret, struct why *);
/* What a record of COLL_METADATA holds. CORRUPT. */
MUST_CHECK enum fault metadata_read(const struct account_key *, const struct record *, struct arena *,
                                    struct metadata *ret, struct why *);
/* Of many places, in one round trip for each actor. What cannot be opened is `damaged`, and empty. */
MUST_CHECK enum fault metadata_load_many(struct stack *, const struct metadata_place *, size_t n,
                                         struct arena *, struct metadata *ret, struct why *);
/* All that is an account's, a few records at a time: what is private to it in whatever mailbox, and what its own share.
 * on_one copies what it keeps; false: enough. */
MUST_CHECK enum fault metadata_each(struct stack *, const struct actor *owner, const struct account_key *,
                                    bool (*on_one)(void *arg, const struct metadata_place *,
                                                   const struct metadata *),
                                    void *arg, struct why *);
struct metadata_edit {
	const struct metadata_entry *changes;
	size_t n, entries_max; /* of all that are there then */
};
/* All of the changes or none. LIMIT: more than `entries_max`, or too much together. */
MUST_CHECK enum fault metadata_change(struct stack *, const struct metadata_place *,
                                      const struct metadata_edit *, struct why *);
/* Whether they would be too many or too much; changes nothing. */
MUST_CHECK enum fault metadata_check(struct stack *, const struct metadata_place *,
                                     const struct metadata_edit *, struct why *);
/* The mailbox is deleted: the owner's private ones and those that were shared. */
MUST_CHECK enum fault metadata_forget(struct stack *, const struct actor *, const struct id *mailbox,
                                      struct why *);

#endif
