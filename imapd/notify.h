#ifndef IMAPD_NOTIFY_H
#define IMAPD_NOTIFY_H
/*
 * What a session is told unasked (RFC 5465). Until its first NOTIFY that is everything of the selected mailbox, where
 * commands allow it; then what NOTIFY has asked for, at once also when no command is under way: of the selected mailbox by
 * notify.c, of others by notify_others.c as STATUS and LIST.
 *
 * Of other mailboxes a session knows what the last list said (watch.h). A new list is compared with it, and the differences are
 * told: however much has happened in between, and however slow the client reads, it is one comparison, and a nudge that
 * got lost only delays. What others share is a list of its own, and told by the rights l and r alone (RFC 5465 5.9).
 * Annotations are lists as well, and told by notify_annotations.h.
 */
#include "news_fetch.h"
#include "notify_request.h"
#include "session.h"
#include "snapshot.h"

struct watch;

struct notify {
	struct arena *arena; /* of the request */
	struct notify_request request;
	struct watch *watch;  /* NULL: other mailboxes are not asked for */
	struct snapshot told; /* what the client knows of them */
	struct session *session;
	struct list node; /* of the watch */
	struct list own;  /* notify_own.h */
	unsigned n_own;
	struct list own_annotations; /* notify_annotations.h */
	unsigned n_own_annotations;
};

/* enum snapshot_part that a request is about; 0: no mailbox but the selected one. */
unsigned notify_parts(const struct notify_request *);
/* Takes the arena and what `told` has over. */
void notify_set(struct session *, struct arena *, const struct notify_request *, struct snapshot *told);
void notify_free(struct session *);

/* Of the selected mailbox, enum notify_event. */
unsigned notify_selected(const struct session *);
/* Between commands EXPUNGE may be told. */
bool notify_expunges_at_once(const struct session *);
/* Messages that EXISTS has told of. */
void notify_note_new(struct session *, uint32_t first, uint32_t last);
/* The selected mailbox is about to be closed. */
void notify_leave_mailbox(struct session *);
/* The next thing to be fetched unasked, with its reference; NULL: none. */
struct news_fetch *notify_take_fetch(struct session *);
/* Begins what there is to be done aside, for what was told. */
void notify_go_on(struct session *);
/* False: the output is congested and some are left. */
bool notify_tell_others(struct session *);
bool notify_wants(const struct session *, const struct id *mailbox);
/* The lines that SET STATUS asks for, of one mailbox; nothing when it is not asked for. */
void notify_tell_status(struct session *, const struct notify_request *, const struct folder *);
/* The same of one that another account shares; with or without STATUS it is told which of them cannot be read. */
void notify_tell_shared(struct session *, const struct notify_request *, const struct folder *);

#endif
