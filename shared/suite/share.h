#ifndef SHARED_SUITE_SHARE_H
#define SHARED_SUITE_SHARE_H
/*
 * Mailboxes shared between accounts, by name (RFC 4314, RFC 2342): those of other users are "Shared/LOGIN/PATH", those
 * of public accounts "Public/NAME/PATH", where NAME is the account's local part, or its whole login when
 * it is of another domain.
 *
 * What is shared with whom is the store's word alone (mailbox_shared()). The names are the owner's and sealed with its
 * key; so whoever calls holds the ring that opens it.
 */
#include "store/acl.h"
#include "suite/directory.h"
#include "suite/folder.h"

#define SHARE_USERS  "Shared" /* what the names of others' mailboxes begin with */
#define SHARE_PUBLIC "Public"

/* Who looks, from an account that is logged in. */
struct actor share_guest(const struct id *account, const char *domain);
/* A name of one of the two namespaces; what is below, or the namespace itself. */
bool share_is_shared_name(const char *path);

struct share_owner {
	struct account account;
	struct account_key *key;
	struct folders folders; /* as it calls them itself */
	const char *prefix;     /* before its paths, "Shared/bob@example.org/" */
	struct usage used;
};

struct share {
	struct folder
	    folder; /* path as the guest calls it; a name that is there for what is below alone has owner NULL */
	struct share_owner *owner;
	const struct folder *own; /* the owner's */
	uint32_t rights;
};

struct shares {
	struct share *list; /* sorted by path */
	size_t n;
	struct share_owner *owners;
	size_t n_owners;
};

/*
 * What is shared with a guest: all of it (`path` NULL), or of the one owner whom the path leads to. The folders of
 * a list have parents and children among themselves; those without the right l are in it all the same.
 */
MUST_CHECK enum fault share_load(struct stack *, const struct actor *guest, const char *path, struct arena *,
                                 struct shares *ret, struct why *);
void shares_done(struct shares *);                                  /* the keys */
struct share *shares_find(const struct shares *, const char *path); /* NULL */
/* The actor for what is done in a mailbox of the list. */
struct actor share_actor(const struct actor *guest, const struct share *);

/* Changes one entry of a mailbox's ACL, and tells whom it concerns. `actor` is its owner (or an administrator held to
 * it), or a guest with the right a. NOT_FOUND, LIMIT. */
MUST_CHECK enum fault share_set(struct stack *, const struct actor *, const struct id *mailbox,
                                const struct id *who, enum acl_change, uint32_t rights, struct why *);
/* "anyone" or a login, as entries name it; `domain` is the mailbox's owner's. NOT_FOUND: no such account. */
MUST_CHECK enum fault share_who(struct stack *, struct slice name, const char *domain, struct arena *,
                                struct id *ret, struct why *);
/* And back; NULL: the account is gone. */
MUST_CHECK enum fault share_name(struct stack *, const struct id *who, const char *domain, struct arena *,
                                 const char **ret, struct why *);

#endif
