#ifndef SHARED_SUITE_LOGIN_H
#define SHARED_SUITE_LOGIN_H
/*
 * Who is logging in: the checks that smtpd and imapd share, and where failures are counted. An unknown name and a wrong
 * password are both FAULT_AUTH and take the same time; only who has proven to be the owner learns that the account is
 * suspended: FAULT_DENIED. `why` tells all apart for the log.
 */
#include "auth/cache.h"
#include "auth/lockout.h"
#include "crypt/tag.h"
#include "suite/ban.h"
#include "suite/directory.h"

struct login_check {
	struct stack *stack;
	struct login_cache *cache;
	struct lockout *lockout;
	struct bans *bans; /* may be NULL */
	const char *ip;
	struct oauth *oauth; /* NULL: no tokens */
};

/* How long the answer has to wait, ms; -1: refuse without checking (AUTH). Ask it on the loop, and wait there: a worker
 * that slept would keep others from logging in. */
int64_t login_delay(const struct login_check *, struct slice login);
/* PLAIN and LOGIN, after the delay, on a worker: looks the account up, checks the password (through the cache). AUTH,
 * DENIED. Other faults: it could not be told, and counts for nothing. */
MUST_CHECK enum fault login_password(const struct login_check *, struct slice login, struct slice password,
                                     struct arena *, struct account *ret, struct why *);
/* SCRAM, after the delay and before the proof, on a worker: the account whose keys prove it. AUTH: there is none. */
MUST_CHECK enum fault login_lookup(const struct login_check *, struct slice login, struct arena *,
                                   struct account *ret, struct why *);
/* SCRAM, when there is none, in the same place: the salt to ask with, the same in every process for the same name. */
MUST_CHECK enum fault login_nobody(const struct login_check *, struct slice login, struct arena *,
                                   uint8_t ret_salt[SCRAM_SALT], struct why *);
/* A tag that only the suite makes on a text, the same in every process (crypt/tag.h): by it what the suite has given
 * away is known again, without a look at what it speaks of. On a worker. */
MUST_CHECK enum fault login_suite_tag(struct stack *, struct slice text, uint8_t ret[TAG_SIZE], struct why *);
/* SCRAM, once it is proven. DENIED. */
MUST_CHECK enum fault login_proved(const struct login_check *, const struct account *, struct why *);
/* OAUTHBEARER and XOAUTH2, after the delay, on a worker: whose the token is. `login`: whose it has to be, or empty. AUTH,
 * counted already; DENIED. */
MUST_CHECK enum fault login_token(const struct login_check *, struct slice login, struct slice token,
                                  struct arena *, struct account *ret, struct why *);
/* It was not, or the exchange makes no sense. */
void login_failed(const struct login_check *, struct slice login);

#endif
