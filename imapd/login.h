#ifndef IMAPD_LOGIN_H
#define IMAPD_LOGIN_H
/*
 * Logging in, as LOGIN and AUTHENTICATE share it: the checks of suite/login.h, and the session that comes of it.
 *
 *   login_start()   in parse()
 *   login_begin()   on the loop: the lockout's delay, then IMAP_RUN
 *   login_check()   on a worker: name and password; or
 *   login_find(), then, once SASL has proven it, login_prove(); or
 *   login_by_token()
 *   login_end()     on the loop: the session is the account's, or NO
 *   login_done()    in the command's done()
 */
#include "command.h"
#include "suite/login.h"

struct login {
	const char *mechanism; /* for the log */
	struct slice name, password;
	struct login_check check;
	struct open_keys *open_keys;
	uint64_t account_nudges; /* as they were at the beginning */
	struct account account;  /* in the command's arena */
	bool found;
	uint8_t nobody_salt[SCRAM_SALT]; /* when not found */
	struct account_key *key;
};

void login_start(struct imap_cmd *, struct login *, const char *mechanism);
enum imap_next login_begin(struct imap_cmd *, struct login *);
void login_delayed(struct imap_cmd *); /* the command's on_timeout() */
MUST_CHECK enum fault login_check(struct imap_cmd *, struct login *, struct why *);
/* The same with a bearer token as the password, and perhaps no name. */
MUST_CHECK enum fault login_by_token(struct imap_cmd *, struct login *, struct why *);
/* No such account is no fault: login->found says it. */
MUST_CHECK enum fault login_find(struct imap_cmd *, struct login *, struct why *);
MUST_CHECK enum fault login_prove(struct login *, struct why *);
enum imap_next login_end(struct imap_cmd *, struct login *, enum fault, const struct why *);
void login_done(struct login *);

#endif
