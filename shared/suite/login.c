/* Logging in (login.h). */
#include "suite/login.h"

#include "suite/directory_internal.h"
#include "suite/oauth.h"

/* An account's name can be written in several ways; guesses count for it however they spell it. */
static struct slice one_name(struct arena *arena, struct slice login)
{
	struct slice key;
	struct why why;

	return login.len && !directory_key(arena, login, &key, &why) ? key : login;
}

int64_t login_delay(const struct login_check *check, struct slice login)
{
	struct arena *arena = arena_new();
	const struct slice name = one_name(arena, login);
	const int64_t delay = check->bans && bans_hold(check->bans, check->ip, name)
	                          ? -1
	                          : lockout_delay(check->lockout, check->ip, name);

	arena_free(arena);
	return delay;
}

enum fault login_lookup(const struct login_check *check, struct slice login, struct arena *arena,
                        struct account *ret, struct why *why)
{
	enum fault fault = account_by_login(check->stack, login, arena, ret, why);

	if (fault == FAULT_NOT_FOUND || fault == FAULT_INPUT)
		return fault_set(why, FAULT_AUTH, "no such account");
	if (!fault && ret->is_public)
		return fault_set(why, FAULT_AUTH, "%s is public: nobody logs in to it", ret->login);
	return fault;
}

static enum fault check_password(const struct login_check *check, const struct account *account,
                                 struct slice password, struct why *why)
{
	const char *argon = account->password.argon;
	enum fault fault;

	if (login_cache_knows(check->cache, &account->id, argon, password))
		return FAULT_NONE;
	fault = password_check(argon, password);
	if (fault == FAULT_AUTH)
		return fault_set(why, fault, "wrong password for %s", account->login);
	if (fault) /* could not be told: nobody's failure */
		return fault_set(why, fault, "no memory to check the password of %s", account->login);
	login_cache_add(check->cache, &account->id, argon, password);
	return FAULT_NONE;
}

enum fault login_password(const struct login_check *check, struct slice login, struct slice password,
                          struct arena *arena, struct account *ret, struct why *why)
{
	enum fault fault = login_lookup(check, login, arena, ret, why);

	if (fault == FAULT_AUTH) /* the answer takes as long as for an account that is there */
		password_check_nobody(password);
	if (!fault)
		fault = check_password(check, ret, password, why);
	if (fault == FAULT_AUTH)
		login_failed(check, login);
	return fault ? fault : login_proved(check, ret, why);
}

static enum fault token_account(const struct login_check *check, struct slice login, struct slice token,
                                struct arena *arena, struct account *ret, struct why *why)
{
	struct slice named;
	enum fault fault = oauth_check(check->oauth, token, arena, &named, why);

	if (!fault)
		fault = login_lookup(check, named, arena, ret, why);
	if (!fault && login.len && !slice_ieq(login, slice_str(ret->login)))
		fault = fault_set(why, FAULT_AUTH, "a token of %s", ret->login);
	/* whose it is may be known only now */
	if (!fault && check->bans && bans_hold(check->bans, check->ip, slice_str(ret->login)))
		fault = fault_set(why, FAULT_TEMP, "%s may not log in now", ret->login);
	return fault;
}

enum fault login_token(const struct login_check *check, struct slice login, struct slice token,
                       struct arena *arena, struct account *ret, struct why *why)
{
	enum fault fault = token_account(check, login, token, arena, ret, why);

	if (fault == FAULT_AUTH)
		login_failed(check, login);
	return fault ? fault : login_proved(check, ret, why);
}

enum fault login_proved(const struct login_check *check, const struct account *account, struct why *why)
{
	lockout_succeeded(check->lockout, check->ip, slice_str(account->login));
	if (account->state == ACCOUNT_SUSPENDED)
		return fault_set(why, FAULT_DENIED, "the account %s is suspended", account->login);
	return FAULT_NONE;
}

void login_failed(const struct login_check *check, struct slice login)
{
	struct arena *arena = arena_new();
	const struct slice name = one_name(arena, login);
	const unsigned blocked = lockout_failed(check->lockout, check->ip, name);

	if (blocked && check->bans)
		bans_note(check->bans, check->ip, name, blocked);
	arena_free(arena);
}
