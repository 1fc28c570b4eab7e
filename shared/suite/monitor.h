#ifndef SHARED_SUITE_MONITOR_H
#define SHARED_SUITE_MONITOR_H
/*
 * The monitor port of a daemon: /metrics (Prometheus text), /healthz (the process
 * answers), /readyz (store and object store answer; looked at once a second at most). HTTP is libmicrohttpd's, on a thread of its own.
 */
#include "suite/stack.h"

struct monitor;

/* `address` is "127.0.0.1:9100"; port 0 picks one. */
MUST_CHECK enum fault monitor_new(const char *address, struct stack *, struct monitor **ret,
                                  uint16_t *ret_port, struct why *);
void monitor_free(struct monitor *); /* NULL accepted */

#endif
