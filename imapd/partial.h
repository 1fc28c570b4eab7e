#ifndef IMAPD_PARTIAL_H
#define IMAPD_PARTIAL_H
/* Pages of a result (RFC 9394 4), as SEARCH, SORT and FETCH name them. */
#include "args.h"

struct partial { /* 1 is the first result; `backwards`: the last */
	uint32_t first, last;
	bool backwards;
};

/* partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number; either order */
bool partial_parse(struct imap_args *, struct partial *ret);
/* Which of n results it names: [ret_from, ret_to). */
void partial_of(const struct partial *, size_t n, size_t *ret_from, size_t *ret_to);

#endif
