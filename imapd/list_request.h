#ifndef IMAPD_LIST_REQUEST_H
#define IMAPD_LIST_REQUEST_H
/*
 * What a LIST or LSUB asks for (RFC 5258 with RFC 5819, RFC 6154, RFC 8440 and RFC 9590; RFC 3501 6.3.9). No I/O here: cmd_list.c
 * has the way.
 */
#include "metadata_request.h"

#define LIST_PATTERNS_MAX 64
#define LIST_PATTERN_TEXT (16 * 1024) /* of all patterns together, each with the reference before it */

enum list_options { /* bits */
	            LIST_SUBSCRIBED = 1,
	            LIST_SPECIAL_USE = 2,
	            LIST_CRITERIA = LIST_SUBSCRIBED | LIST_SPECIAL_USE,
	            LIST_RECURSIVE = 4, /* RECURSIVEMATCH */
};

struct list_request {
	bool extended;     /* any of the forms that RFC 5258 has added */
	unsigned selected; /* what a mailbox has to be */
	bool tells_subscribed;
	bool my_rights;                   /* MYRIGHTS (RFC 8440) */
	unsigned status;                  /* status_item.h; 0: none is asked for */
	struct metadata_request metadata; /* n 0: none are asked for */
	bool has_empty;                   /* an empty name, which is no pattern */
	const char **patterns;
	uint32_t n;
};

/* Behind the verb. False: BAD, with the text in args->error. */
bool list_request_parse(struct imap_args *, struct list_request *ret);
/* Whether a pattern may match names of what others share, all of which begin with one word. */
bool list_request_may_match(const struct list_request *, const char *space);
/* LIST "" "" asks for the separator, with any reference. */
bool list_request_is_for_separator(const struct list_request *);

#endif
