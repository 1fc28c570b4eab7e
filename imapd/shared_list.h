#ifndef IMAPD_SHARED_LIST_H
#define IMAPD_SHARED_LIST_H
/*
 * What others share with an account, as one look saw it, for NOTIFY (watch.h): the mailboxes that it may look up, and the names
 * above them. What it may not look up is here as a mere name, if it leads to something: with an id of its own, so
 * that rights that are given or taken away look like a mailbox that comes or goes (RFC 5465 5.4).
 *
 * Made on a worker; holding and releasing are the loop's only.
 */
#include "suite/share.h"

struct account_ctx;
struct annotations;

struct shared_list {
	struct folders folders; /* each in its struct share */
	const struct id *owners;
	size_t n_owners;
	int64_t loaded_at; /* clock_mono_ms() */
	struct arena *arena;
	unsigned refs;
};

/* Worker. With the annotations that are shared in them, unless ret_annotations is NULL. */
MUST_CHECK enum fault shared_list_load(const struct account_ctx *, struct stack *, struct shared_list **ret,
                                       struct annotations **ret_annotations, struct why *);
struct shared_list *shared_list_hold(struct shared_list *); /* NULL accepted, as below */
void shared_list_put(struct shared_list *);
/* Is one of them this mailbox of that account; NULL: any. */
bool shared_list_has(const struct shared_list *, const struct id *account, const struct id *mailbox);
/* The rights on one of its folders. */
uint32_t shared_list_rights(const struct folder *);

#endif
