#ifndef IMAPD_IMAP_URL_H
#define IMAPD_IMAP_URL_H
/*
 * A URL that names a message, or a piece of one (RFC 5092; ";PARTIAL=": RFC 5550 3.1), absolute, from the server's root, or
 * relative to the selected mailbox:
 *
 *   imap-url  = ["imap://" [user [";AUTH=" …] "@"] host [":" port]] "/" mailbox [";UIDVALIDITY=" n] "/" message /
 *               message
 *   message   = ";UID=" n ["/;SECTION=" section] ["/;PARTIAL=" offset ["." length]]
 *
 * An absolute one of a user may carry who may use it (URLAUTH, RFC 4467 3, RFC 5092 6.1), and that the server grants it:
 *
 *   rump      = imap-url [";EXPIRE=" date-time] ";URLAUTH=" access
 *   access    = "submit+" user / "user+" user / "authuser" / "anonymous"
 *   full      = rump ":" mechanism ":" token
 *
 * No session here, and no I/O: whether the URL is one of ours is its reader's to say.
 */
#include "args.h"
#include "fetch_item.h"

#define IMAP_URL_MAX 8192

enum url_access { URL_PLAIN, URL_SUBMIT, URL_USER, URL_AUTHUSER, URL_ANONYMOUS };

struct url_auth {
	enum url_access access;
	struct slice user; /* of SUBMIT and USER */
	bool expires;
	int64_t until; /* clock_now() */
	struct slice rump;
	struct slice mechanism, token; /* no data: it is the rump alone */
};

struct imap_url {
	struct slice user, host; /* no data: there is none */
	const char *mailbox;     /* UTF-8; NULL: the selected one */
	uint32_t uid_validity;   /* 0: whichever */
	uint32_t uid;
	struct fetch_section section; /* with `partial` */
	struct url_auth auth;
};

/* What it gives lives in the arena. */
bool imap_url_parse(struct slice text, struct arena *, struct imap_url *ret);

#endif
