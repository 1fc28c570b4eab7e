#ifndef SHARED_SUITE_FSCK_INTERNAL_H
#define SHARED_SUITE_FSCK_INTERNAL_H
/* What fsck.c and fsck_beside.c share. */
#include "suite/check.h"
#include "suite/directory.h"

struct fsck_owner {          /* the account whose records were looked at last */
	struct arena *arena; /* NULL: there is none yet */
	struct account account;
	bool there;
	struct account_key *key; /* NULL without the ring, or when it does not open */
};

struct fsck {
	struct stack *stack;
	unsigned how; /* enum fsck_how */
	void (*on_problem)(void *, const char *);
	void (*on_progress)(void *, const struct walk_progress *);
	void *arg;
	struct walk_progress progress;
	struct fsck_result *result;
	struct account_key *queue_key; /* NULL without the queue ring */
	struct fsck_owner owner;
};

void PRINTF_LIKE(2, 3) fsck_problem(struct fsck *, const char *format, ...);
void fsck_step(struct fsck *, const char *doing);

/* fsck_beside.c: who mailboxes are shared with, and the records that go with mailboxes: guests', metadata, URL keys. */
MUST_CHECK enum fault fsck_acls(struct fsck *, const struct account *, const struct mailbox_row *, size_t n,
                                struct why *);
MUST_CHECK enum fault fsck_beside(struct fsck *, struct why *);

#endif
