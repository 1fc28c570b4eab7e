#ifndef IMAPD_RESYNC_H
#define IMAPD_RESYNC_H
/*
 * SELECT with QRESYNC (RFC 7162 3.2.5): what has happened in the mailbox since the client was last there. Message
 * numbers that still have the UIDs they had say that nothing has vanished in front of them (3.2.5.2).
 */
#include "command.h"
#include "fetch_view.h"

struct resync { /* zeroed at first */
	bool asked;
	uint64_t uid_validity, since;
	struct uid_set *known; /* the UIDs that the client has; NULL: all */
	bool by_number;        /* message numbers were given, too: */
	struct uid_set *known_seqs, *known_seqs_uids;
	/* resync.c's own */
	bool started;
	struct uid_set vanished;
	uint32_t vanished_at;
	struct rows rows;
	struct fetch_view view;
	struct buf out;
};

/* "(" uidvalidity SP mod-sequence [SP known-uids] [SP "(" seqs SP uids ")"] ")" */
bool resync_parse(struct imap_args *, struct resync *);
/* Behind the replies that every SELECT gives. True: all is told; false: again, when the client has read. */
bool resync_tell(struct session *, struct resync *);
void resync_done(struct resync *);

#endif
