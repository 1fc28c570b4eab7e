#ifndef IMAPD_MAILBOX_FILTER_H
#define IMAPD_MAILBOX_FILTER_H
/*
 * Which mailboxes a command is about (RFC 5465 6, RFC 7377 2.2), for ESEARCH and NOTIFY:
 *
 *   filter = "selected" / "selected-delayed" / "inboxes" / "personal" / "subscribed" /
 *            ("subtree" / "subtree-one" / "mailboxes") SP (mailbox / "(" mailbox *(SP mailbox) ")")
 *
 * Names are taken as they are, wildcards too; who has none of these is not told so.
 */
#include "args.h"
#include "store/store.h"

enum mailbox_filter_kind {
	FILTER_SELECTED,
	FILTER_SELECTED_DELAYED,
	FILTER_INBOXES, /* to which messages are delivered: the INBOX and the one for junk */
	FILTER_PERSONAL,
	FILTER_SUBSCRIBED,
	FILTER_SUBTREE,
	FILTER_SUBTREE_ONE,
	FILTER_MAILBOXES,
};

#define FILTER_PATHS_MAX 1000

struct mailbox_filter {
	enum mailbox_filter_kind kind;
	const char *const *paths;
	uint32_t n;
};

bool mailbox_filter_parse(struct imap_args *, struct mailbox_filter *ret);
/* By its name alone; whether it can be selected is not looked at. Never true for the two that are about the selected one. */
bool mailbox_filter_has(const struct mailbox_filter *, const char *path, const struct mailbox_meta *);
/* The same for what others share: none of it is personal. */
bool mailbox_filter_has_shared(const struct mailbox_filter *, const char *path, const struct mailbox_meta *);
/* Whether it can have any of what others share. */
bool mailbox_filter_may_share(const struct mailbox_filter *);

#endif
