#ifndef IMAPD_TARGET_H
#define IMAPD_TARGET_H
/*
 * The mailbox that a command names: the one that COPY, MOVE and APPEND put messages into, if the account has
 * room for them, or that SELECT opens. The list of mailboxes that was kept may say yes; NO takes a fresh look. Into the Outbox nothing is put but by sending it.
 */
#include "command.h"

struct target {
	const char *path;
	uint64_t quota; /* 0: not asked, or none */
	uint64_t bytes; /* that are to be added */
	bool opens;     /* SELECT: nothing is put into it */
	bool kept;      /* found in a list that was kept, which may be behind */
	bool wants_attributes;
	const char *attributes; /* as LIST tells them, when they are wanted */
};

/* Worker; at most one look at the account's mailboxes. NO_TARGET, OVER_QUOTA, UNSUPPORTED. */
MUST_CHECK enum fault target_find(const struct imap_cmd *, struct stack *, struct target *, struct id *ret,
                                  struct why *);
/* Any thread. The mailbox that was found is gone: whether to find it once more, now freshly. */
bool target_is_behind(const struct imap_cmd *, const struct target *);

#endif
