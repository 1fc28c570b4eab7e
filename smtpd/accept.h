#ifndef SMTPD_ACCEPT_H
#define SMTPD_ACCEPT_H
/* What happens between the final dot and the answer: judge, decide, seal, deliver or queue (P1, P6). */
#include "session.h"

/* The transaction is whole; replies and ends it, now or later. */
void accept_message(struct session *);

#endif
