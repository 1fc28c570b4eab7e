#ifndef IMAPD_URL_GRANT_H
#define IMAPD_URL_GRANT_H
/*
 * URLs that carry who may use them (URLAUTH, RFC 4467): granted by the account that they name, and opened in its name, by
 * whoever has one and is among those who may.
 *
 * Nothing is looked for that a URL names before it is known that the suite has made it. Then its owner has to be there,
 * to see the mailbox now, and to have the key still that it was signed with (suite/url_key.h).
 */
#include "batch.h"
#include "command.h"
#include "imap_url.h"
#include "suite/share.h"

#define URL_MECHANISM "INTERNAL"

struct url_grant { /* a mailbox as its URL's owner sees it */
	struct actor actor;
	const struct account_key *key; /* of whose it is */
	struct id mailbox;
	/* url_grant.c's own */
	struct account owner;
	struct account_key *owners;
	struct shares shares;
};

/* The account that a URL names: its user at this server (empty: none is named), or, as clients spell it who know an address
 * and no server, "alice@example.org" with the address's domain as the server. No data: it is of another server. */
struct slice url_login(const struct stack *, const struct imap_url *, struct arena *);

/* Worker. The URL, which is the session's own account's to grant, as it is given away. NOT_FOUND: there is no such
 * mailbox, or the account may not read it. */
MUST_CHECK enum fault url_grant_make(const struct imap_cmd *, struct stack *, const struct imap_url *,
                                     struct arena *, const char **ret, struct why *);
/* Worker. NOT_FOUND, whatever is wrong with the URL or with what it names; other faults may pass. `ret` is zeroed, and
 * url_grant_done() may be called for it whatever comes of it. */
MUST_CHECK enum fault url_grant_open(struct url_grant *ret, const struct imap_cmd *, struct stack *,
                                     const struct imap_url *, struct arena *, struct why *);
void url_grant_done(struct url_grant *);

/* Worker. The message, with its record, ready for batch_open(). NOT_FOUND. */
MUST_CHECK enum fault url_message(struct stack *, const struct actor *, const struct id *mailbox,
                                  const struct imap_url *, struct arena *, struct batch_item *ret,
                                  struct why *);

#endif
