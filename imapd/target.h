#ifndef IMAPD_TARGET_H
#define IMAPD_TARGET_H
/* The mailbox that COPY, MOVE and APPEND put messages into, and whether the account has room for them. */
#include "command.h"

struct target {
	const char *path;
	uint64_t quota; /* 0: not asked, or none */
	uint64_t bytes; /* that are to be added */
};

/* Worker; one look at the account's mailboxes. NO_TARGET, OVER_QUOTA. */
MUST_CHECK enum fault target_find(const struct imap_cmd *, struct stack *, const struct target *,
                                  struct id *ret, struct why *);

#endif
