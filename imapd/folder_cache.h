#ifndef IMAPD_FOLDER_CACHE_H
#define IMAPD_FOLDER_CACHE_H
/*
 * An account's mailboxes by name, kept from one command to the next, since names hardly ever change.
 *
 * A list is loaded whole and its folders never change; it lives while somebody holds it. The cache drops it
 *  1. when a command of this process has changed the account's mailboxes, before the reply: whatever begins behind
 *     the reply sees the change;
 *  2. when the bus says that somebody else has changed them, and when the bus comes back;
 *  3. when it is FOLDER_CACHE_MS old, so that a nudge that got lost only delays.
 *
 * Nobody is refused anything on the word of a list that was kept (target.h), and a mailbox that is gone
 * takes no commit. But commits know ids, not names: between a RENAME in another process and its nudge the old name still
 * leads to the renamed mailbox.
 */
#include "suite/folder.h"

#define FOLDER_CACHE_MS 10000

struct account_ctx;
struct map;
struct folder_cache; /* one account's, shared by its account_ctxs */

struct folder_list {
	struct folders folders;
	/* The cache's own, under its lock. */
	struct arena *arena;
	struct mailbox_head *heads; /* as of the latest commits, by index; folders have them as loaded */
	int64_t loaded_at;
	unsigned refs;
};

/* The loop's only. `all`: account id -> its cache. */
struct folder_cache *folder_cache_get(struct map *all, const struct id *account);
void folder_cache_put(struct folder_cache *);
void folder_cache_drop_old(struct folder_cache *);

/* Any thread. */
void folder_cache_drop(struct folder_cache *);
/* What an own commit gave: usage counts it. */
void folder_cache_note(struct folder_cache *, const struct id *mailbox, const struct mailbox_head *);
struct folder_list *folder_list_kept(struct folder_cache *); /* NULL: none is */
/* Worker. Loads a new one, which is kept from now on. */
MUST_CHECK enum fault folder_list_load(const struct account_ctx *, struct stack *, struct folder_list **ret,
                                       struct why *);
struct folder_list *folder_list_hold(struct folder_cache *, struct folder_list *); /* one reference more */
void folder_list_put(struct folder_cache *, struct folder_list *);                 /* NULL accepted */
struct usage folder_list_used(struct folder_cache *, const struct folder_list *);  /* all its mailboxes */

#endif
