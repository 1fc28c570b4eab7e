#ifndef IMAPD_ESEARCH_PLACE_H
#define IMAPD_ESEARCH_PLACE_H
/*
 * Which mailboxes an ESEARCH is for (RFC 7377 2.2): those of the account, then what others share with it. There it needs the
 * right r, and l as well unless the mailbox was named; what grants less is passed over in silence.
 */
#include "command.h"
#include "mailbox_filter.h"
#include "suite/share.h"

#define ESEARCH_FILTERS_MAX 64

struct esearch_place {
	struct id id;
	const char *path;          /* as the session calls it */
	const struct share *share; /* NULL: the account's own */
	struct actor actor;        /* of what is shared: who looks */
	uint32_t needs;
};

struct esearch_places {
	struct mailbox_filter filters[ESEARCH_FILTERS_MAX];
	uint32_t n_filters;
	bool in_selected, in_others;
	struct esearch_place *list;
	size_t n;
	struct shares shares;
};

/* "(" filter *(SP filter) ")" */
bool esearch_places_parse(struct imap_args *, struct esearch_places *);
/* Worker. Makes the list. */
MUST_CHECK enum fault esearch_places_load(struct esearch_places *, struct imap_cmd *, struct stack *,
                                          struct why *);
/* Worker. Whether what is shared is so still: NOT_FOUND. */
MUST_CHECK enum fault esearch_place_check(const struct esearch_place *, struct stack *, struct why *);

#endif
