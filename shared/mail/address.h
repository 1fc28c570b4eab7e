#ifndef SHARED_MAIL_ADDRESS_H
#define SHARED_MAIL_ADDRESS_H
/*
 * One mail address as SMTP has it (RFC 5321 4.1.2, with RFC 6531's UTF-8):
 * parsed strictly, printed, brought to the form accounts are looked up by.
 * Address lists of header fields are address_list.h.
 *
 * Slices point into the text handed in, or into the arena.
 */
#include "base/fault.h"
#include "base/buf.h"

struct arena;

enum {
	/* RFC 5321 4.5.3.1.1 says 64, yet bounce addresses of mass senders and SRS forms run past it. */
	ADDRESS_LOCAL_MAX = 192,
	ADDRESS_DOMAIN_MAX = 255,
	ADDRESS_MAX = ADDRESS_LOCAL_MAX + 1 + ADDRESS_DOMAIN_MAX,
};

struct address {
	struct slice local;  /* without quotes and backslashes */
	struct slice domain; /* as written; a literal with its brackets */
	bool literal;        /* the domain is [192.0.2.1] or [IPv6:...] */
	bool utf8;           /* one of both is not ASCII: needs SMTPUTF8 */
};

/* `text` is one Mailbox, all of it. INPUT; why says what is wrong with it. */
MUST_CHECK enum fault address_parse(struct arena *, struct slice text, struct address *ret, struct why *);
/* Cuts one Mailbox from the front of `*text`, up to the first byte that cannot belong to it. INPUT. */
MUST_CHECK enum fault address_take(struct arena *, struct slice *text, struct address *ret, struct why *);
/* Cuts a Local-part alone (RCPT TO:<Postmaster>): only `local` and `utf8` are set. INPUT. */
MUST_CHECK enum fault address_take_local(struct arena *, struct slice *text, struct address *ret,
                                         struct why *);
/* Cuts a Domain or address literal: only `domain`, `literal` and `utf8` are set. INPUT. */
MUST_CHECK enum fault address_take_domain(struct slice *text, struct address *ret, struct why *);

/* local@domain, the local part quoted where the grammar wants it. */
bool address_print(struct buf *, const struct address *);
/* The same as a NUL-terminated string in the arena. */
struct slice address_text(struct arena *, const struct address *);

/* The same address with its domain as lower-case A-labels. INPUT: the domain is no IDN. */
MUST_CHECK enum fault address_normalise(struct arena *, const struct address *, struct address *ret,
                                        struct why *);
/* "local@domain" to look an account up by: domain as above, local part in lower case and, when not ASCII, in
 * NFC; unquoted (the last @ divides). Two spellings of one address give the same key. INPUT. */
MUST_CHECK enum fault address_key(struct arena *, const struct address *, struct slice *ret, struct why *);

/* Divides "user+tag" at the first separator that is not the first byte; false (all is base) without one. */
bool address_split_tag(struct slice local, uint8_t separator, struct slice *ret_base, struct slice *ret_tag);

#endif
