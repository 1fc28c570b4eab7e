#ifndef IMAPD_WATCH_H
#define IMAPD_WATCH_H
/*
 * The mailboxes of an account for all sessions of this process that want to hear of changes in them (NOTIFY): one list,
 * looked at when the bus says that there is something new, not more often than every WATCH_PAUSE ms, and every `poll`
 * in any case. One look is one call of the store, whatever the number of mailboxes and sessions; no view is loaded for it.
 * What others share is looked at by itself, when somebody asks for it: which mailboxes those are, and each owner's names;
 * and so are annotations, which messages that come leave as they are.
 */
#include "notify.h"

#define WATCH_SOON  20  /* ms from a nudge to the look: others come in the same moment */
#define WATCH_PAUSE 500 /* ms between two looks */

/* The session's s->notify->watch. */
void watch_join(struct session *);
void watch_leave(struct session *);
/* The newest; parts are NULL that were not loaded yet, or that no session asks for. */
const struct snapshot *watch_newest(const struct watch *);
/* From the bus. `mailbox` NULL: names. */
void watches_nudge(struct imapd *, const struct id *account, const struct id *mailbox);
/* Of the account's mailboxes, or private ones of it. */
void watches_nudge_annotations(struct imapd *, const struct id *account, const struct id *mailbox);
void watches_look_all(struct imapd *);

#endif
