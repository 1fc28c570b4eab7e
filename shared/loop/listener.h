#ifndef SHARED_LOOP_LISTENER_H
#define SHARED_LOOP_LISTENER_H
/* Listening sockets. An address is "127.0.0.1:25", "[::]:25", "*:25" (both families) or "unix:/path". */
#include "loop/conn.h"

struct listener;

/* `on_accept` owns the conn from then on: conn_own() at once, or conn_abort(). EACCES is said as "needs privilege",
 * EADDRINUSE as "in use". Port 0 picks one: listener_port(). SO_REUSEPORT when `share`. */
MUST_CHECK enum fault listener_open(struct loop *, const char *address, bool share,
                                    void (*on_accept)(void *arg, struct conn *), void *arg,
                                    struct listener **ret, struct why *);
uint16_t listener_port(const struct listener *);
/* Stops accepting, e.g. while the process is at its limit of connections. */
void listener_pause(struct listener *, bool paused);
void listener_close(struct listener *); /* NULL accepted */

#endif
