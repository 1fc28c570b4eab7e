#ifndef IMAPD_TARGET_H
#define IMAPD_TARGET_H
/*
 * The mailbox that a command names: the one that COPY, MOVE and APPEND put messages into, if its owner has
 * room for them, or that SELECT opens. The list of mailboxes that was kept may say yes; NO takes a fresh look.
 * What others share is looked for afresh always.
 * Into the Outbox nothing is put but by sending it.
 */
#include "command.h"
#include "suite/share.h"

struct target {
	const char *path;
	struct usage quota; /* of the session's account; 0: none */
	struct usage added; /* what is to be */
	struct usage freed; /* what goes for it, */
	struct id freed_of; /* from a mailbox of this account: others' quotas gain nothing by it */
	bool opens;         /* SELECT: nothing is put into it */
	uint32_t needs; /* rights: 0 none; without them it is DENIED, or not there for who does not see it */
	bool wants_attributes;
	const char *attributes; /* as LIST tells them, when they are wanted */
	/* What was found: whose it is, and how the session acts in it. */
	bool kept;                     /* found in a list that was kept, which may be behind */
	const struct account_key *key; /* its owner's */
	struct actor actor;
	uint32_t rights;
	uint32_t special_use;
	struct shares shares;
	const struct share *share; /* NULL: it is the session's own */
};

/* Any thread; asks no store. False: the account's mailboxes are not known as of lately, or there is none that will do. */
bool target_find_kept(const struct imap_cmd *, struct target *, struct id *ret);
/* Worker; at most one look at the account's mailboxes. NO_TARGET, DENIED, OVER_QUOTA, UNSUPPORTED. */
MUST_CHECK enum fault target_find(const struct imap_cmd *, struct stack *, struct target *, struct id *ret,
                                  struct why *);
/* Any thread. The mailbox that was found is gone: whether to find it once more, now freshly. */
bool target_is_behind(const struct imap_cmd *, const struct target *);
/* Flags, and whether keywords, that may be put there; a guest's \Seen is not among them. */
uint32_t target_flags(const struct target *);
bool target_takes_keywords(const struct target *);
/* Worker. What a guest has put there as \Seen is so for itself. The messages are there whatever becomes of that. */
void target_note_seen(const struct imap_cmd *, struct stack *, const struct target *, uint32_t uid_validity,
                      const struct uid_set *uids);
void target_done(struct target *); /* zeroed memory is a target that it may be called for */

#endif
