#ifndef IMAPD_BATCH_H
#define IMAPD_BATCH_H
/*
 * Messages of a view on their way to a worker: a copy of what the view knows of
 * each, then their keys and content records, read together. For FETCH and SEARCH.
 */
#include "store/mailbox.h"
#include "suite/message.h"

struct view;

struct batch_item {
	uint32_t uid;
	bool loaded; /* content and key are filled */
	bool gone;   /* expunged meanwhile */
	struct id content;
	struct wrapped_key key;
	struct record record; /* its key is {NULL, 0} when the content is missing */
};

struct batch {
	struct id mailbox;
	struct batch_item *items; /* ascending by UID */
	size_t n;
	/* batch.c's own */
	struct page_row *pages; /* read for keys that the view lacked */
	size_t n_pages;
};

/* Loop. Takes what the view has at index `at`. */
void batch_take(struct batch_item *, const struct mailbox_state *, uint32_t at);
/* Worker, both in this order. Everything read lives in the arena. */
MUST_CHECK enum fault batch_load_keys(struct batch *, struct stack *, const struct actor *, struct arena *,
                                      struct why *);
MUST_CHECK enum fault batch_load_records(struct batch *, struct stack *, const struct actor *, bool with_body,
                                         struct arena *, struct why *);
/* Worker. An item's message, opened: NOT_FOUND when it is gone, CORRUPT. */
MUST_CHECK enum fault batch_open(const struct batch_item *, const struct account_key *, struct arena *,
                                 struct message *ret, struct why *);
/* Loop: keys that were read are the view's from now on. */
void batch_give_keys(const struct batch *, struct mailbox_state *);

#endif
