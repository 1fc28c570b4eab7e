#ifndef IMAPD_GUEST_CHECK_H
#define IMAPD_GUEST_CHECK_H
/*
 * Whether sessions that have a mailbox of another account open may keep it: asked when the bus says that its account's
 * mailboxes have changed, before they are told unasked what happened there, and now and then. Commands ask for themselves
 * (command.c): this is for those who wait.
 */
#include "base/rand.h"

struct imapd;
struct session;

/* Those in mailboxes of this account; NULL: all. */
void guest_check(struct imapd *, const struct id *account);

/* One, unless that is under way: who still may is told its news then. */
void guest_check_session(struct session *);

#endif
