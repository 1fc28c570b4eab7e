#ifndef IMAPD_TRACE_H
#define IMAPD_TRACE_H
/*
 * Writing down what a session and its client say, for an operator who looks for the cause of trouble: while its account's
 * trace_until is ahead. Secrets and messages are left out (trace_mask.h), the rest is sealed with the account's key
 * (suite/trace_file.h). Loop only.
 */
#include "session.h"

/* Begins or ends it, as the account says now; with the next command when one is under way. */
void trace_consider(struct session *);
void trace_end(struct session *); /* whether there is one or not */

#endif
