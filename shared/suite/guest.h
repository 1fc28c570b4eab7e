#ifndef SHARED_SUITE_GUEST_H
#define SHARED_SUITE_GUEST_H
/*
 * What is an account's own in a mailbox that another one shares with it: its subscription, and which messages it
 * has seen (RFC 4314 5.1.2 leaves it open; each reader's own is what people expect). One small record for
 * each of the two together. The owner's \Seen is in the mailbox's log; a guest's is laid over that.
 *
 * A guest's view of the mailbox follows the mailbox's mod-sequence: so whoever changes the record commits a change of
 * no flags to the same messages behind it.
 */
#include "store/mailbox.h"
#include "suite/stack.h"

struct guest_mark {
	struct id mailbox;
	bool subscribed;
	uint32_t uid_validity; /* of the UIDs; 0: none were seen */
	struct uid_set seen;
	uint64_t version;
};

void guest_mark_done(struct guest_mark *);

/* What there is, or an empty one. */
MUST_CHECK enum fault guest_mark_get(struct stack *, const struct id *account, const struct id *mailbox,
                                     struct guest_mark *ret, struct why *);
/* Adds to what was seen, or takes away from it; gives what it is then. On stable storage within 100 ms. */
MUST_CHECK enum fault guest_mark_see(struct stack *, const struct id *account, const struct id *mailbox,
                                     uint32_t uid_validity, const struct uid_set *add,
                                     const struct uid_set *remove, struct guest_mark *ret, struct why *);
/* That for a guest in the mailbox, then the change of no flags that tells all views: ret_head is the head behind it. */
MUST_CHECK enum fault guest_see(struct stack *, const struct actor *guest, uint32_t uid_validity,
                                const struct uid_set *add, const struct uid_set *remove,
                                struct guest_mark *ret, struct mailbox_head *ret_head, struct why *);
MUST_CHECK enum fault guest_mark_subscribe(struct stack *, const struct id *account, const struct id *mailbox,
                                           bool subscribed, struct why *);
/* The mailboxes it has subscribed to. */
MUST_CHECK enum fault guest_subscriptions(struct stack *, const struct id *account, struct arena *,
                                          struct id **ret, size_t *ret_n, struct why *);

/* What a record of COLL_GUESTS says. CORRUPT. */
MUST_CHECK enum fault guest_mark_read(const struct record *, struct guest_mark *ret, struct why *);
/* Of one record's key. */
bool guest_key_read(struct slice key, struct id *ret_mailbox, struct id *ret_account);

#endif
