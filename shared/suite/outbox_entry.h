#ifndef SHARED_SUITE_OUTBOX_ENTRY_H
#define SHARED_SUITE_OUTBOX_ENTRY_H
/* What outbox.c and outbox_cancel.c share: an account's queue entries, those of one message beside each other. */
#include "crypt/account_key.h"
#include "store/queue.h"
#include "suite/outbox.h"

struct outbox_entry {
	struct id id, content;
	enum queue_status status;
	int64_t created, due,
	    lease_until; /* lease_until not 0: it is claimed, or was and nothing came of it yet */
	uint32_t attempts;
	uint64_t size, fence;
	struct wrapped_key key; /* kind 0: it is not shown */
};

struct outbox_entries {
	struct outbox_entry *list; /* by content, then by id */
	size_t n;
};

MUST_CHECK enum fault outbox_entries(struct stack *, const struct actor *, struct arena *,
                                     struct outbox_entries *ret, struct why *);
/* Those of one message: the first, and how many; NULL when there are none. */
struct outbox_entry *outbox_entries_of(const struct outbox_entries *, const struct id *content,
                                       size_t *ret_n);

#endif
