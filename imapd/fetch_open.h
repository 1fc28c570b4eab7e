#ifndef IMAPD_FETCH_OPEN_H
#define IMAPD_FETCH_OPEN_H
/* Between fetch_render.c, which writes responses, and fetch_open.c, which opens what they are made of; nobody else includes this. */
#include "fetch_render.h"

struct fetch_worker {
	struct fetch_render *render;
	struct fetch_opened *opened;
	struct buf *out;
	struct stack *stack;
	const struct actor *actor;
	const struct account_key *key;
	struct why *why;
	uint64_t decoded; /* in this run */
};

/* The item of the batch that is under way. */
MUST_CHECK enum fault fetch_open(struct fetch_worker *);
MUST_CHECK enum fault fetch_need_summary(struct fetch_worker *);
MUST_CHECK enum fault fetch_need_tree(struct fetch_worker *);
/* [offset, offset + len) of the message to the end of `out`, exactly. */
MUST_CHECK enum fault fetch_read(struct fetch_worker *, uint64_t offset, uint64_t len, struct buf *out);
MUST_CHECK enum fault fetch_find_place(struct fetch_worker *, const struct fetch_section *,
                                       struct fetch_place *ret);

#endif
