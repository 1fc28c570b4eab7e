#ifndef SHARED_MAIL_ADDRESS_LIST_H
#define SHARED_MAIL_ADDRESS_LIST_H
/*
 * Address lists of header fields (RFC 5322 3.4 and 4.4, RFC 6532), read as
 * tolerantly as mail demands: ENVELOPE shows them, DMARC's From check counts
 * them. Nothing is refused; `broken` says the grammar was not kept somewhere.
 *
 * Slices point into one block of the arena (which is about as long as the value).
 */
#include "base/slice.h"

struct arena;

enum address_kind {
	ADDRESS_ENTRY_MAILBOX,
	ADDRESS_ENTRY_GROUP, /* a group begins, called `name` */
	ADDRESS_ENTRY_END,   /* the group's end; always there, and groups do not nest */
};

struct address_entry {
	enum address_kind kind;
	/* Display name: quotes, backslashes and folds off, encoded-words as they are; or the comment behind a
	 * bare address. No data: none. */
	struct slice name;
	struct slice route;  /* "@a,@b" of the obsolete source route. No data: none */
	struct slice local;  /* without quotes and backslashes; empty: missing, or <> */
	struct slice domain; /* as written, comments and blanks off; empty: missing */
};

struct address_list {
	struct address_entry *entries;
	uint32_t n, cap;
	bool broken;
	bool cut; /* there were more than `max` */
};

/* Reads a field's value. At most `max` entries are made (group marks count), and the end of a group begun. */
void address_list_parse(struct arena *, struct slice value, uint32_t max, struct address_list *ret);
/* The same, behind what the list has already: a second field of the same name. At most `max` entries more. */
void address_list_append(struct arena *, struct slice value, uint32_t max, struct address_list *);
/* The n-th real mailbox from 0, NULL behind the last. */
const struct address_entry *address_list_mailbox(const struct address_list *, uint32_t n);

#endif
