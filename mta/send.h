#ifndef MTA_SEND_H
#define MTA_SEND_H
/*
 * From a domain to an answer: targets one after the other, each first with TLS
 * and, when that fails, once without; then the message over the connection that
 * stands; then the connection to the next delivery of the same destination.
 */
struct delivery;

void send_start(struct delivery *);  /* it has a connection slot */
void send_cancel(struct delivery *); /* whatever is under way, but for jobs */

#endif
