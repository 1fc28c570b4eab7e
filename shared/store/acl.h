#ifndef SHARED_STORE_ACL_H
#define SHARED_STORE_ACL_H
/*
 * Access control lists of mailboxes (RFC 4314): who, beside the account it belongs to, may do what in a mailbox.
 *
 * An entry names an account, or everyone of a domain, by an id; what somebody may do is what the entries that
 * name him and his domain grant together. There are no negative rights. The owner's own rights are in no
 * list: he has all of them, always.
 */
#include "base/buf.h"
#include "store/store.h"

enum acl_right {                        /* bits, in the order in which RFC 4314 names the letters */
	         ACL_LOOKUP = 1,        /* l: LIST shows it */
	         ACL_READ = 2,          /* r */
	         ACL_SEEN = 4,          /* s: keeps \Seen */
	         ACL_WRITE = 8,         /* w: other flags */
	         ACL_INSERT = 16,       /* i: APPEND, COPY into */
	         ACL_POST = 32,         /* p: means nothing here, but is kept */
	         ACL_CREATE = 64,       /* k: mailboxes below it */
	         ACL_DELETE_BOX = 128,  /* x: DELETE and RENAME of it */
	         ACL_DELETE = 256,      /* t: \Deleted */
	         ACL_EXPUNGE = 512,     /* e */
	         ACL_ADMINISTER = 1024, /* a: this list */
	         ACL_ALL = 2047,
};

/* The id that stands in lists for all accounts of a domain ("anyone" to RFC 4314). */
struct id acl_everyone(struct slice domain);
uint32_t acl_rights(const struct mailbox_meta *, const struct id *who, const struct id *everyone);

/* Letters; c and d are those of RFC 2086 (section 2.1.1). False: another letter. */
bool acl_parse(struct slice letters, uint32_t *ret_rights);
#define ACL_LETTERS 14
/* With c and d behind them, where some of what they stood for is granted. */
const char *acl_print(uint32_t rights, char room[ACL_LETTERS]);

enum acl_change { ACL_SET, ACL_ADD, ACL_REMOVE };
/* The list with the entry of `who` changed; no rights are no entry. LIMIT: ACL_ENTRIES_MAX. */
MUST_CHECK enum fault acl_change(const struct acl_entry *, size_t n, const struct id *who, enum acl_change,
                                 uint32_t rights, struct arena *, struct acl_entry **ret, size_t *ret_n,
                                 struct why *);

#endif
