#ifndef SHARED_SUITE_FOLDER_H
#define SHARED_SUITE_FOLDER_H
/*
 * An account's mailboxes by name. Names are sealed in the store, one component
 * each under its parent, so RENAME is one update; here they are opened and make a tree. The separator is "/".
 * Names are UTF-8, NFC, without controls; INBOX is any case at top level. Whoever calls holds the account's key.
 */
#include "store/mailbox.h"
#include "suite/stack.h"

#define FOLDER_SEPARATOR '/'
#define FOLDER_NAME_MAX  255 /* bytes of one component */
#define FOLDER_DEPTH_MAX 16
#define FOLDERS_MAX      10000 /* of one account */

struct folder {
	struct mailbox_row row;
	const char *name; /* last component */
	const char *path; /* whole, "A/B/C"; "INBOX" in capitals */
	struct folder *parent;
	bool has_children;  /* names of any kind */
	bool has_inferiors; /* mailboxes that can be selected, at any depth */
};

/* A name that is there for its subscription alone: its mailbox was deleted (RFC 9051 6.3.7). */
static inline bool folder_is_mere_subscription(const struct folder *folder)
{
	return folder->row.meta.no_select && folder->row.meta.subscribed && !folder->has_inferiors;
}

struct folders { /* sorted by path: INBOX first, then by bytes */
	struct folder **list;
	size_t n;
};

MUST_CHECK enum fault folders_load(struct stack *, const struct actor *, const struct account_key *,
                                   struct arena *, struct folders *ret, struct why *);
struct folder *folders_find(const struct folders *, const char *path); /* exact but for INBOX; NULL */
struct folder *folders_by_id(const struct folders *, const struct id *);

/* Checks a path as a client may name a new mailbox, NFC-normalises it. INPUT. */
MUST_CHECK enum fault folder_path_check(struct slice path, struct arena *, const char **ret, struct why *);

/* Creates it and the missing parents; they are shared as the mailbox above them is. EXISTS (also when only as a \NoSelect name: then that becomes selectable). */
MUST_CHECK enum fault folder_create(struct stack *, const struct actor *, const struct account_key *,
                                    const char *path, uint32_t special_use, bool subscribed, struct id *ret,
                                    struct why *);
/* Children stay: then the name stays as \NoSelect. A subscription stays as well: as a \NoSelect name with an id of its
 * own, so that no commit meant for what was deleted gets in there. INBOX: DENIED. */
MUST_CHECK enum fault folder_delete(struct stack *, const struct actor *, const struct account_key *,
                                    const char *path, struct why *);
/* Moves children along. INBOX: its messages move to the new name (RFC 9051 6.3.6), the INBOX stays.
 * EXISTS, NOT_FOUND, LIMIT (too deep), DENIED (below itself). */
MUST_CHECK enum fault folder_rename(struct stack *, const struct actor *, const struct account_key *,
                                    const char *from, const char *to, struct why *);
/* Unsubscribing from a mailbox that was deleted removes its name. */
MUST_CHECK enum fault folder_subscribe(struct stack *, const struct actor *, const struct account_key *,
                                       const char *path, bool subscribed, struct why *);
/* One at top level, subscribed, whose id is known before. EXISTS: the name is taken, or somebody was faster. */
MUST_CHECK enum fault folder_make(struct stack *, const struct actor *, const struct account_key *,
                                  const struct folders *, const char *name, const struct id *, struct why *);
/* The standard ones of a new account. */
MUST_CHECK enum fault folders_make_standard(struct stack *, const struct actor *, const struct account_key *,
                                            struct id *ret_inbox, struct id *ret_junk, struct why *);

#endif
