#ifndef SHARED_AUTH_LOCKOUT_H
#define SHARED_AUTH_LOCKOUT_H
/*
 * Slowing guesses down: failures per peer network (/32, /64) and per login name, each with a limit of its own,
 * forgotten by a half-life. From the third failure on the answer waits, at the limit it is refused
 * for a while that is logged with its reason. Safe from any thread; bounded.
 *
 * A network from which a login has succeeded within a day is trusted for that login: there only its own
 * failures count, and they count for nobody else. So guessing from elsewhere does not lock a
 * user out, nor does one user's forgotten phone lock out the office.
 */
#include "base/slice.h"

struct lockout;

enum lockout_blocked { LOCKOUT_NETWORK = 1, LOCKOUT_LOGIN = 2 };

struct lockout_conf {
	int64_t network_failures, login_failures; /* that lead to a block; default 10 */
	int64_t window_ms;                        /* after which a failure weighs half; default 10 minutes */
	int64_t block_ms;                         /* default 10 minutes */
	size_t entries_max;                       /* default 65536; the longest unused is forgotten first */
	int64_t (*now_ms)(void);                  /* default clock_mono_ms() */
};

struct lockout *lockout_new(const struct lockout_conf *); /* a field of 0: its default */
void lockout_free(struct lockout *);
/* How long to wait before the answer, ms; -1: refuse without checking. */
int64_t lockout_delay(struct lockout *, const char *ip, struct slice login);
/* An empty login counts against the network only. */
/* Says what it has blocked by that, which was not blocked before. */
unsigned lockout_failed(struct lockout *, const char *ip, struct slice login);
void lockout_succeeded(struct lockout *, const char *ip, struct slice login);
/* A login has succeeded from there lately. */
bool lockout_trusts(struct lockout *, const char *ip, struct slice login);
/* Forgets what a network ("192.0.2.1", "2001:db8::/64") or a login name did. */
void lockout_forgive(struct lockout *, const char *subject, bool is_network);
int64_t lockout_block_ms(const struct lockout *);

#endif
