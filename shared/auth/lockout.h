#ifndef SHARED_AUTH_LOCKOUT_H
#define SHARED_AUTH_LOCKOUT_H
/*
 * Slowing guesses down: failures per peer network (/32, /64) and per login name,
 * forgotten by a half-life. Past the limit the answer waits, then is refused
 * for a while that is logged with its reason. Safe from any thread; bounded.
 */
#include "base/slice.h"

struct lockout;

struct lockout_conf {
	unsigned failures_max; /* before a block; default 10 */
	int64_t block_ms;      /* default 10 minutes */
	size_t entries_max;    /* default 65536 */
};

struct lockout *lockout_new(const struct lockout_conf *);
void lockout_free(struct lockout *);
/* How long to wait before the answer, ms; -1: refuse without checking. */
int64_t lockout_delay(struct lockout *, const char *ip, struct slice login);
void lockout_failed(struct lockout *, const char *ip, struct slice login);
void lockout_succeeded(struct lockout *, const char *ip, struct slice login);

#endif
