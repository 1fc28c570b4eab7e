#ifndef IMAPD_NOTIFY_REQUEST_H
#define IMAPD_NOTIFY_REQUEST_H
/* What a NOTIFY asks for (RFC 5465 8). No session here. */
#include "mailbox_filter.h"
#include "news_fetch.h"

enum notify_event {
	NOTIFY_NEW = 1, /* MessageNew */
	NOTIFY_EXPUNGE = 2,
	NOTIFY_FLAGS = 4,
	NOTIFY_NAME = 8, /* MailboxName */
	NOTIFY_SUBSCRIPTION = 16,
	NOTIFY_METADATA = 32, /* MailboxMetadataChange */
	NOTIFY_SERVER = 64,   /* ServerMetadataChange: the user's, of no mailbox */
	NOTIFY_UNKNOWN = 128, /* one that we do not offer: the command is refused */
	NOTIFY_MESSAGES = NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_FLAGS,
	NOTIFY_NO_MESSAGES = NOTIFY_NAME | NOTIFY_SUBSCRIPTION | NOTIFY_METADATA | NOTIFY_SERVER,
};
/* For BADEVENT. */
#define NOTIFY_EVENTS                                                                                        \
	"MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange "         \
	"ServerMetadataChange"

#define NOTIFY_GROUPS_MAX 100
#define NOTIFY_PATHS_MAX  200 /* names in all groups together: each change is held against them */

struct notify_group {
	struct mailbox_filter filter;
	unsigned events; /* but for NOTIFY_SERVER */
};

struct notify_request {
	bool status; /* of what is watched, at once */
	const struct notify_group *groups;
	uint32_t n;
	/* Of the selected mailbox. */
	bool has_selected, delayed; /* delayed: EXPUNGE only where commands allow it */
	unsigned selected;
	struct news_fetch
	    *fetch;     /* of new messages there; NULL: nothing. A reference, freed with the arena */
	bool may_share; /* mailboxes of others may be meant */
	bool metadata;  /* of mailboxes */
	bool server_metadata;
	bool unknown_event;
	bool too_expensive;
};

/* "NONE" / "SET" [SP "STATUS"] SP event-groups. False: BAD. */
bool notify_request_parse(struct imap_args *, struct notify_request *ret);
/* What is asked for of this mailbox when it is not selected. */
unsigned notify_request_events(const struct notify_request *, const char *path, const struct mailbox_meta *);
/* The same for one that another account shares. */
unsigned notify_request_events_shared(const struct notify_request *, const char *path,
                                      const struct mailbox_meta *);

#endif
