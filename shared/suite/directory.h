#ifndef SHARED_SUITE_DIRECTORY_H
#define SHARED_SUITE_DIRECTORY_H
/*
 * Who is here: domains, accounts, addresses; typed, over the store's records.
 * Values are JSON in the store (schemas/store). Every write makes an audit row
 * when `by` is given. One record answers RCPT: an account's address carries its public key, INBOX and Junk.
 *
 * Everything returned lives in the arena handed in.
 */
#include "auth/password.h"
#include "crypt/account_key.h"
#include "suite/stack.h"

struct change_by {             /* who changes something, for the audit row */
	const char *principal; /* token name, "cli", … */
	const char *ip;
};

/* ---- domains ---- */

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };

struct dkim_selector {
	const char *selector;
	enum dkim_algorithm algorithm;
	bool active;            /* signs; otherwise only published */
	const char *public_txt; /* what to publish at selector._domainkey.domain */
	struct slice
	    sealed; /* private key, PKCS#8 PEM, sealed to the queue's public key: only mta opens it */
	int64_t created;
};

struct domain {
	const char *name;      /* A-label, lower case */
	const char *catch_all; /* address that takes unknown recipients; NULL: refuse them */
	const struct dkim_selector *selectors;
	size_t n_selectors;
	int64_t created;
	uint64_t version;
};

MUST_CHECK enum fault domain_create(struct stack *, const struct change_by *, struct slice name,
                                    struct arena *, struct domain *ret,
                                    struct why *); /* with an rsa and an ed25519 selector; EXISTS */
MUST_CHECK enum fault domain_get(struct stack *, struct slice name, struct arena *, struct domain *ret,
                                 struct why *);
MUST_CHECK enum fault domain_put(struct stack *, const struct change_by *, const struct domain *,
                                 struct why *); /* STALE; INPUT: its catch-all is no address */
/* EXISTS while accounts or aliases are left in it. */
MUST_CHECK enum fault domain_delete(struct stack *, const struct change_by *, struct slice name,
                                    struct why *);
MUST_CHECK enum fault domain_list(struct stack *, struct slice after, size_t limit, struct arena *,
                                  struct domain **ret, size_t *ret_n, struct why *);
/* A new key for a domain, added to `domain` (not yet stored). EXISTS, INPUT: no selector's name. */
MUST_CHECK enum fault domain_add_selector(struct stack *, struct arena *, struct domain *,
                                          const char *selector, enum dkim_algorithm, struct why *);

/* ---- accounts ---- */

#define ACCOUNT_TRACE_MINUTES_MAX (7 * 24 * 60)

enum account_state { ACCOUNT_ACTIVE, ACCOUNT_SUSPENDED };

struct account {
	struct id id;
	const char *login; /* its own address, normalized */
	const char *domain;
	const char *name; /* for people; may be "" */
	enum account_state state;
	bool is_public; /* nobody logs in to it: its mailboxes are there to be shared (share.h) */
	struct password password;
	struct account_public public_key;
	uint8_t generation;
	struct slice wrapped;    /* private key, by the accounts ring */
	struct id inbox, junk;   /* zero junk: none */
	uint64_t quota;          /* bytes; 0: none */
	uint64_t quota_messages; /* 0: none */
	int role;                /* enum role (auth/role.h): over its domain, ROLE_OWNER over all */
	const char *referral;    /* the IMAP server that it lives on, "host" or "host:port"; "": here */
	/* names of IMAP capabilities that its sessions do not have, between spaces; "": all are on */
	const char *capabilities_off;
	int64_t trace_until; /* imapd writes down what its sessions say, clock_now(); 0: it does not */
	int64_t created;
	uint64_t version;
};

struct account_new {
	struct slice address, password, name;
	uint64_t quota, quota_messages;
	bool is_public; /* it has no password */
};

/* Makes keys, the account, the standard mailboxes (INBOX, Drafts, Sent, Junk, Trash, Archive; subscribed, special use)
 * and the address, which comes last: an account is there when its address is. EXISTS, NOT_FOUND (no such domain), INPUT. */
MUST_CHECK enum fault account_create(struct stack *, const struct change_by *, const struct account_new *,
                                     struct arena *, struct account *ret, struct why *);
MUST_CHECK enum fault account_get(struct stack *, const struct id *, struct arena *, struct account *ret,
                                  struct why *);
/* May it, by its role, see or (`write`) change another one, or itself? */
bool account_may(const struct account *, bool write, const struct account *other);
/* By login name, which is the address. Two commands. */
MUST_CHECK enum fault account_by_login(struct stack *, struct slice login, struct arena *,
                                       struct account *ret, struct why *);
/* The record, if it still has this version, then what its address carries of it. STALE, INPUT. */
MUST_CHECK enum fault account_put(struct stack *, const struct change_by *, const struct account *,
                                  struct why *);
MUST_CHECK enum fault account_set_password(struct stack *, const struct change_by *, const struct id *,
                                           struct slice password, struct why *);
/* Address first, then the keys (shreds the mail), then mailboxes and account; contents are left to the sweeper. When it
 * was interrupted, the sweeper goes on. */
MUST_CHECK enum fault account_delete(struct stack *, const struct change_by *, const struct id *,
                                     struct why *);
/* `domain` {NULL, 0}: all. */
MUST_CHECK enum fault account_list(struct stack *, struct slice domain, struct slice after, size_t limit,
                                   struct arena *, struct account **ret, size_t *ret_n, struct why *);
MUST_CHECK enum fault account_unlock(struct stack *, const struct account *, struct account_key **ret,
                                     struct why *);

/* ---- addresses ---- */

enum address_row_kind { ADDRESS_ACCOUNT, ADDRESS_ALIAS, ADDRESS_DOMAIN };

struct address_row {
	const char *address; /* "user@domain"; "@domain" for ADDRESS_DOMAIN */
	enum address_row_kind kind;
	/* ADDRESS_ACCOUNT */
	struct id account, inbox, junk;
	struct account_public public_key;
	uint8_t generation;
	uint64_t quota, quota_messages;
	bool suspended;
	/* ADDRESS_ALIAS: where it goes. ADDRESS_DOMAIN: the catch-all, 0 or 1 */
	const char **targets;
	size_t n_targets;
	uint64_t version;
};

#define ALIAS_TARGETS_MAX 100

enum found_as { FOUND_NOT_LOCAL, FOUND_NOBODY, FOUND_EXACT, FOUND_TAGGED, FOUND_CATCH_ALL };

/* What an address is, in one round trip: exact, then without "+tag", then the domain's catch-all. `address` as
 * address_key() normalizes it (mail/address.h). NOT_LOCAL and NOBODY are not faults: *ret_found says so. */
MUST_CHECK enum fault address_find(struct stack *, struct slice local, struct slice domain, struct arena *,
                                   enum found_as *ret_found, struct address_row *ret, struct why *);
MUST_CHECK enum fault alias_put(struct stack *, const struct change_by *, struct slice address,
                                const char *const *targets, size_t n, uint64_t version,
                                struct why *); /* NOT_FOUND: domain; EXISTS: an account has it */
MUST_CHECK enum fault alias_delete(struct stack *, const struct change_by *, struct slice address,
                                   struct why *);
MUST_CHECK enum fault alias_get(struct stack *, struct slice address, struct arena *, struct address_row *ret,
                                struct why *);
MUST_CHECK enum fault alias_list(struct stack *, struct slice domain, struct slice after, size_t limit,
                                 struct arena *, struct address_row **ret, size_t *ret_n, struct why *);

/* ---- the suite's own key pairs, in settings ---- */

/* Made at first use by whoever holds the queue ring. NOT_FOUND: nobody has yet. */
MUST_CHECK enum fault queue_public_key(struct stack *, struct account_public *ret, uint8_t *ret_generation,
                                       struct why *);
MUST_CHECK enum fault queue_private_key(struct stack *, struct account_key **ret, struct why *);
/* The same for the timeline (timeline.h); made and opened by whoever holds both rings. */
MUST_CHECK enum fault timeline_public_key(struct stack *, struct account_public *ret, uint8_t *ret_generation,
                                          struct why *);
MUST_CHECK enum fault timeline_private_key(struct stack *, struct account_key **ret, struct why *);
/* Wraps the private half again when another KEK than the active one did. */
MUST_CHECK enum fault key_pair_rewrap(struct stack *, enum key_pair, bool *ret_done, struct why *);

/* ---- audit ---- */

struct audit_row {
	int64_t at;
	const char *principal, *ip, *action, *object, *detail;
};
MUST_CHECK enum fault audit_add(struct stack *, const struct change_by *, const char *action,
                                const char *object, const char *domain, const char *detail, struct why *);
MUST_CHECK enum fault audit_list(struct stack *, struct slice domain, struct slice after, size_t limit,
                                 struct arena *, struct audit_row **ret, size_t *ret_n,
                                 struct slice *ret_next, struct why *);

#endif
