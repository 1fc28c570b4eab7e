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

/* PLAIN and LOGIN: looks the account up, waits and refuses as lockout says, checks the password (through the cache). */
MUST_CHECK enum fault login_password(const struct login_check *, struct slice login, struct slice password,
				     struct arena *, struct account *ret, struct why *);
/* SCRAM, before the proof: the account whose keys prove it. AUTH also when it may not log in. */
MUST_CHECK enum fault login_lookup(const struct login_check *, struct slice login, struct arena *, struct account *ret,
				   struct why *);
/* SCRAM, after the proof. */
void login_proved(const struct login_check *, struct slice login, bool right);

#endif
