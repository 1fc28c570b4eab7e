#ifndef IMAPD_STATUS_ITEM_H
#define IMAPD_STATUS_ITEM_H
/*
 * What a STATUS tells of a mailbox, mostly from its row alone: for STATUS itself, and for
 * LIST with RETURN (STATUS …) (RFC 5819).
 */
#include "command.h"

/* status-att-list: "(" status-att *(SP status-att) ")", as bits. */
bool status_items_parse(struct imap_args *, unsigned *ret_items);
/* Asking for HIGHESTMODSEQ turns CONDSTORE on (RFC 7162 3.1). */
/* What is told of a mailbox where something happened. */
unsigned status_items_of_news(bool flags, bool modseq);
void status_items_settle(struct session *, unsigned items);
/* What the row does not tell: DELETED and DELETED-STORAGE take a look at the messages, and UNSEEN to a guest. */
struct status_deleted {
	uint64_t messages, bytes;
	bool has_unseen; /* a guest's own */
	uint64_t unseen;
};
bool status_items_want_deleted(unsigned items, const struct actor *);
/* Worker. NOT_FOUND. */
MUST_CHECK enum fault status_count_deleted(struct stack *, const struct actor *, const struct id *mailbox,
                                           unsigned items, struct status_deleted *ret, struct why *);
/* The whole line "* STATUS …". */
void status_add(struct buf *, const struct session *, const char *path, const struct mailbox_row *,
                const struct status_deleted *, unsigned items);

#endif
