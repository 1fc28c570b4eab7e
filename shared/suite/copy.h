#ifndef SHARED_SUITE_COPY_H
#define SHARED_SUITE_COPY_H
/*
 * Copying messages between mailboxes: new entries for the same contents, so a
 * copy costs one commit whatever the size; between two accounts the contents get the second account's name, and the
 * entries keys that it opens. Used by COPY, MOVE and RENAME of the INBOX.
 */
#include "store/mailbox.h"
#include "suite/keyword.h"

struct copy_item {
	uint32_t uid; /* in the source */
	bool loaded;  /* message.content and message.key are filled; else they are read from the page */
	struct mailbox_append message; /* keywords: mask over the source's names; tag: ignored */
};

struct copy_into { /* a target that is not acted on as the source is */
	const struct actor *actor;
	const struct account_key *key; /* of actor.account */
	uint32_t flags;                /* that are copied; others are left out */
	bool keywords;                 /* are copied */
};

struct copy_request {
	struct id from, to;
	struct copy_item *items; /* ascending by UID */
	size_t n;
	const struct keywords *keywords; /* the source's names */
	const struct copy_into *into;    /* NULL: as the source */
	const struct id
	    *move; /* they are moved: a marker says so under this tag until move_done(). NULL: they stay */
};

/* Snapshot of a state's messages for a request, in the arena; UIDs that are not there are left out. */
void copy_items(const struct mailbox_state *, const struct uid_set *uids, struct arena *,
                struct copy_item **ret, size_t *ret_n);

/* Content ids and keys of all items: what is not loaded is read from its page. NOT_FOUND: one is gone. */
MUST_CHECK enum fault copy_load(struct stack *, const struct actor *, struct copy_request *, struct arena *,
                                struct why *);

/* All or none. NO_TARGET: `to` is gone. NOT_FOUND: a source message's page is gone. */
MUST_CHECK enum fault copy_run(struct stack *, const struct actor *, const struct account_key *,
                               struct copy_request *, struct arena *, struct mailbox_appended *ret,
                               struct why *);

/* Removes messages, whatever else changed meanwhile: catches up and tries again while it is stale. */
MUST_CHECK enum fault copy_expunge(struct stack *, const struct actor *, const struct id *mailbox,
                                   const struct uid_set *uids, struct why *);

#endif
