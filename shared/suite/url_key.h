#ifndef SHARED_SUITE_URL_KEY_H
#define SHARED_SUITE_URL_KEY_H
/*
 * What accounts sign URLs with (RFC 4467 2.2, the "mailbox access key"): one random key for an account and a mailbox,
 * its own or another's, sealed under the account's key. Whoever takes it away revokes all URLs that it has signed.
 *
 * A URL's tag has two halves. The first is the suite's own, and says only that the suite has made the URL: what was made
 * up is known by that, before anything is looked for that it names. The second is the mailbox's key's.
 */
#include "crypt/tag.h"
#include "suite/stack.h"

#define URL_TAG_SIZE (2 * TAG_SIZE)

struct url_key_place {
	const struct account_key *key;
	struct id account, mailbox;
};

/* Of the text up to the tag. With the key that is there, or a new one, which is on stable storage then. */
MUST_CHECK enum fault url_key_sign(struct stack *, const struct url_key_place *, struct slice text,
                                   uint8_t ret[URL_TAG_SIZE], struct why *);
/* AUTH: the suite has not made this tag. */
MUST_CHECK enum fault url_key_check_made(struct stack *, struct slice text, struct slice tag, struct why *);
/* AUTH: not this key, or there is none. */
MUST_CHECK enum fault url_key_check(struct stack *, const struct url_key_place *, struct slice text,
                                    struct slice tag, struct why *);

/* What a record of COLL_URL_KEYS holds. CORRUPT. */
MUST_CHECK enum fault url_key_read(const struct account_key *, const struct record *, uint8_t ret[TAG_KEY],
                                   struct why *);

/* Another one from now on; of all mailboxes: none. */
MUST_CHECK enum fault url_key_reset(struct stack *, const struct url_key_place *, struct why *);
MUST_CHECK enum fault url_key_reset_all(struct stack *, const struct id *account, struct why *);

/* The mailbox is deleted: its owner's. Those of others are left to the sweeper. */
MUST_CHECK enum fault url_key_forget(struct stack *, const struct actor *, const struct id *mailbox,
                                     struct why *);

#endif
