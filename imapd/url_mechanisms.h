#ifndef IMAPD_URL_MECHANISMS_H
#define IMAPD_URL_MECHANISMS_H
/* "* OK [URLMECH …]" (RFC 4467 8), for SELECT, EXAMINE and RESETKEY; over TLS only, since other mechanisms have secrets in
 * there. */
#include "command.h"

void url_mechanisms_tell(struct session *);

#endif
