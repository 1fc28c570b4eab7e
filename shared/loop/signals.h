#ifndef SHARED_LOOP_SIGNALS_H
#define SHARED_LOOP_SIGNALS_H
/* SIGTERM and SIGINT ask to drain (a second one ends at once), SIGHUP to reload. (SIGPIPE is ignored once there
 * is a loop.) */
#include "loop/loop.h"

struct signals;

struct signals *signals_new(struct loop *, void (*on_stop)(void *arg), void (*on_reload)(void *arg),
                            void *arg);
void signals_free(struct signals *);

#endif
