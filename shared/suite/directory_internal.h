#ifndef SHARED_SUITE_DIRECTORY_INTERNAL_H
#define SHARED_SUITE_DIRECTORY_INTERNAL_H
/* What directory.c, domain.c, address.c and audit.c share. */
#include "suite/directory.h"

extern const struct actor actor_admin;

/* "User@EXAMPLE.org" to the key accounts and aliases are stored under. INPUT. */
MUST_CHECK enum fault directory_key(struct arena *, struct slice text, struct slice *ret, struct why *);
struct slice directory_domain_of(struct slice key);

MUST_CHECK enum fault address_read(const struct record *, struct arena *, struct address_row *ret,
                                   struct why *);
MUST_CHECK enum fault address_put(struct stack *, const struct address_row *, struct why *);
/* Entries of one kind by (domain, address), behind `after`; `domain` {NULL, 0}: all. */
MUST_CHECK enum fault address_walk(struct stack *, enum address_row_kind, struct slice domain, struct slice after,
                                   size_t limit, struct arena *, struct address_row **ret, size_t *ret_n,
                                   struct why *);

#endif
