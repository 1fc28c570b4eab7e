#ifndef SHARED_SUITE_LOGIN_H
#define SHARED_SUITE_LOGIN_H
/*
 * Who is logging in: the checks that smtpd and imapd share, each a blocking call
 * for a worker. A wrong name, a wrong password and a suspended account give the same FAULT_AUTH; `why` tells them apart for
 * the log.
 */
#include "auth/cache.h"
#include "auth/lockout.h"
#include "suite/directory.h"

struct login_check {
	struct stack *stack;
	struct login_cache *cache;
	struct lockout *lockout;
	const char *ip;
};

/* How long the answer has to wait, ms; -1: refuse without checking (AUTH). Ask it on the loop, and wait there: a worker
 * that slept would keep others from logging in. */
int64_t login_delay(const struct login_check *, struct slice login);
/* PLAIN and LOGIN, after the delay: looks the account up, checks the password (through the cache), counts the outcome.
 * TEMP: could not be told, and counts for nothing. */
MUST_CHECK enum fault login_password(const struct login_check *, struct slice login, struct slice password,
                                     struct arena *, struct account *ret, struct why *);
/* SCRAM, after the delay and before the proof: the account whose keys prove it. AUTH also when it may not log in. */
MUST_CHECK enum fault login_lookup(const struct login_check *, struct slice login, struct arena *,
                                   struct account *ret, struct why *);
/* SCRAM, after the proof. */
void login_proved(const struct login_check *, struct slice login, bool right);

#endif
