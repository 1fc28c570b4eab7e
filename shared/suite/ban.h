#ifndef SHARED_SUITE_BAN_H
#define SHARED_SUITE_BAN_H
/*
 * Bans: an address, a network or a login name that may not log in for a time. They are records in the store, so that they
 * hold in every process, can be listed and lifted, and end by themselves. The lockout makes them after repeated failures;
 * operators make others. They are about logins only: mail from other servers is no affair of theirs.
 */
#include "auth/lockout.h"
#include "suite/directory.h"

struct daemon;
struct suite_conf;

#define BAN_MS_MAX (INT64_C(10) * 365 * 24 * 3600 * 1000)

struct ban {
	const char *subject; /* "192.0.2.1", "2001:db8::/64", "alice@example.org" */
	const char *reason, *by;
	bool automatic; /* the lockout's: a network that the account has logged in from lately is excepted */
	int64_t since, until;
};

/* INPUT: a subject that is neither a network nor a login name. One that is there already is replaced. */
MUST_CHECK enum fault ban_put(struct stack *, const struct change_by *, const struct ban *, struct why *);
MUST_CHECK enum fault ban_lift(struct stack *, const struct change_by *, struct slice subject, struct why *);
/* By subject, behind `after`; those that have ended are not among them. */
MUST_CHECK enum fault ban_list(struct stack *, struct slice after, size_t limit, struct arena *,
                               struct ban **ret, size_t *ret_n, struct why *);

/* ---- what a process knows of them ---- */

struct bans;

/* As the settings want it (login_failures… and login_ban), for imapd and smtpd alike. */
struct lockout *bans_lockout(const struct suite_conf *);
/* Keeps itself fresh on the daemon's loop and workers. A ban that somebody lifted is forgiven by the lockout too. */
struct bans *bans_new(struct daemon *, struct lockout *);
void bans_free(struct bans *); /* after the loop ended; NULL accepted */
/* From any thread. */
bool bans_hold(struct bans *, const char *ip, struct slice login);
/* The lockout has blocked these (enum lockout_blocked): other processes shall know. */
void bans_note(struct bans *, const char *ip, struct slice login, unsigned blocked);

#endif
