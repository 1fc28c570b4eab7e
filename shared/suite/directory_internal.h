#ifndef SHARED_SUITE_DIRECTORY_INTERNAL_H
#define SHARED_SUITE_DIRECTORY_INTERNAL_H
/* What directory.c, account.c, domain.c, address.c, audit.c and the walkers of the whole store share. */
#include "suite/directory.h"

extern const struct actor actor_admin;

/* "User@EXAMPLE.org" to the key accounts and aliases are stored under. INPUT. */
MUST_CHECK enum fault directory_key(struct arena *, struct slice text, struct slice *ret, struct why *);
struct slice directory_domain_of(struct slice key);

MUST_CHECK enum fault account_read(const struct record *, struct arena *, struct account *ret, struct why *);
/* The account's record alone; its address stays as it is. STALE. */
MUST_CHECK enum fault account_put_record(struct stack *, const struct account *, struct why *);
/* What an interrupted making or deleting left: a record that no address leads to. Young ones may be under way still. */
MUST_CHECK enum fault account_is_leftover(struct stack *, const struct account *, int64_t young_ms, bool *ret,
                                          struct why *);
MUST_CHECK enum fault account_remove_leftover(struct stack *, const struct account *, struct why *);

MUST_CHECK enum fault address_read(const struct record *, struct arena *, struct address_row *ret,
                                   struct why *);
MUST_CHECK enum fault address_put(struct stack *, const struct address_row *, struct why *);
/* Entries of one kind by (domain, address), behind `after`; `domain` {NULL, 0}: all. */
MUST_CHECK enum fault address_walk(struct stack *, enum address_row_kind, struct slice domain,
                                   struct slice after, size_t limit, struct arena *, struct address_row **ret,
                                   size_t *ret_n, struct why *);

#endif
