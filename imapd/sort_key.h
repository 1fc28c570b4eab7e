#ifndef IMAPD_SORT_KEY_H
#define IMAPD_SORT_KEY_H
/*
 * What SORT sorts by (RFC 5256 3, DISPLAYFROM and DISPLAYTO: RFC 5957, RELEVANCY: RFC 6203 6): the
 * criteria as they are read, each message's values, and their order. Texts are folded
 * (mail/fold.h) and cut, so that comparing is comparing bytes and no message takes more than its share. What comes of headers is
 * kept in columns (column.h), which have numbers for texts too.
 */
#include "args.h"
#include "column.h"
#include "search_match.h"

enum sort_by {
	SORT_ARRIVAL,
	SORT_SIZE,
	SORT_RELEVANCY, /* the best first */
	/* by the header */
	SORT_DATE,
	SORT_CC,
	SORT_FROM,
	SORT_TO,
	SORT_SUBJECT,
	SORT_DISPLAYFROM,
	SORT_DISPLAYTO,
	SORT_BYS
};

#define SORT_TEXT_MAX   512
#define SORT_MEMORY_MAX (256u * 1024 * 1024) /* of the values of all messages */

struct sort_criteria {
	struct sort_criterion {
		enum sort_by by;
		bool reverse;
	} list[SORT_BYS]; /* each key once: the second time it decides nothing */
	uint32_t n;
	bool by_header, by_relevancy;
};

struct sort_row {
	uint32_t uid, found; /* `found`: the caller's */
	int64_t *values;     /* of each criterion */
};

struct sort_list { /* zeroed at first */
	struct sort_criteria criteria;
	struct sort_row *rows; /* ascending by UID once it is in order */
	uint32_t n, cap;
	/* Of each criterion that is by the header. Their columns are the caller's to give. */
	struct column_use uses[SORT_BYS];
	uint32_t *order;               /* indices of rows, sorted */
	bool full;                     /* SORT_MEMORY_MAX: not all rows are there */
	struct arena *arena, *scratch; /* scratch: one message's */
	struct buf plain, folded;
};

/* "(" sort-criterion *(SP sort-criterion) ")" */
bool sort_parse(struct imap_args *, struct sort_criteria *ret);

/* All that its header is looked at for is in columns. */
bool sort_knows(struct sort_list *, uint32_t uid);
/* A header without data: it is not known. */
void sort_take(struct sort_list *, const struct search_row *, struct slice header);
void sort_put_in_order(struct sort_list *);
void sort_list_done(struct sort_list *);

/* The base subject, folded and cut: as texts are compared. In `folded`; `plain` is scratch. */
struct slice sort_subject(struct slice header, struct buf *plain, struct buf *folded, bool *ret_reply);

/* When it was sent, by its own account; else when it came. */
int64_t sort_sent(const struct search_row *, struct slice header);

#endif
