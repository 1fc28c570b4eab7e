#ifndef IMAPD_WATCH_H
#define IMAPD_WATCH_H
/*
 * The mailboxes of an account for all sessions of this process that want to hear of changes in them (NOTIFY): one list,
 * looked at when the bus says that there is something new, not more often than every WATCH_PAUSE ms, and every `poll`
 * in any case. One look is one call of the store, whatever the number of mailboxes and sessions; no view is loaded for it.
 * What others share is looked at by itself, when somebody asks for it: which mailboxes those are, and each owner's names.
 */
#include "notify.h"

#define WATCH_SOON  20  /* ms from a nudge to the look: others come in the same moment */
#define WATCH_PAUSE 500 /* ms between two looks */

/* The session's s->notify->watch. */
void watch_join(struct session *);
void watch_leave(struct session *);
/* The newest list; NULL: none was loaded yet. */
struct folder_list *watch_list(const struct watch *);
/* The same of what others share; NULL also when no session asks for it. */
struct shared_list *watch_shared(const struct watch *);
/* From the bus. `mailbox` NULL: names. */
void watches_nudge(struct imapd *, const struct id *account, const struct id *mailbox);
void watches_look_all(struct imapd *);

#endif
