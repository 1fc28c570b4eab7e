#ifndef IMAPD_URL_MECHANISMS_H
#define IMAPD_URL_MECHANISMS_H
/* "* OK [URLMECH …]" (RFC 4467 8), for SELECT, EXAMINE and RESETKEY; over TLS only, since other mechanisms have secrets in
 * there. */
#include "command.h"

void url_mechanisms_tell(struct session *);
/* The account has another key for the mailbox: its sessions that have it open hear of it, but for `by` (NULL: all). */
void url_mechanisms_tell_others(struct imapd *, const struct id *account, const struct id *mailbox,
                                const struct session *by);

#endif
