#ifndef SHARED_SUITE_KEYWORD_H
#define SHARED_SUITE_KEYWORD_H
/*
 * Keywords (user flags) by name. A mailbox's header holds the sealed names in
 * order; messages carry a 64-bit mask over them. Names compare without ASCII case and keep their first spelling.
 */
#include "store/mailbox.h"
#include "suite/stack.h"

#define KEYWORD_NAME_MAX 100 /* bytes */

struct keywords {
	const char *names[MAILBOX_KEYWORDS_MAX];
	uint32_t n;
};

/* Opens a header's names. CORRUPT. */
MUST_CHECK enum fault keywords_open(const struct account_key *, const struct slice *sealed, uint32_t n,
                                    struct arena *, struct keywords *ret, struct why *);
/* Number of a name, or -1. */
int keywords_find(const struct keywords *, const char *name);
/* The same mask over other names: bits whose name `to` lacks are dropped. */
uint64_t keywords_map(const struct keywords *from, uint64_t mask, const struct keywords *to);

/* Sees to it that the mailbox's header has all of `names`; gives what it has then, and the head. LIMIT: it has
 * MAILBOX_KEYWORDS_MAX. INPUT: a name is empty or too long. One read, and one commit when some were missing. */
MUST_CHECK enum fault keywords_ensure(struct stack *, const struct actor *, const struct account_key *,
                                      const struct id *mailbox, const char *const *names, size_t n,
                                      struct arena *, struct keywords *ret, struct mailbox_head *ret_head,
                                      struct why *);

#endif
