/* Logging in (login.h). */
#include "suite/login.h"

#include "base/clock.h"

static enum fault may_try(const struct login_check *check, struct slice login, struct why *why)
{
	int64_t wait = lockout_delay(check->lockout, check->ip, login);

	if (wait < 0)
		return fault_set(why, FAULT_AUTH, "too many failures from %s or for this name", check->ip);
	clock_sleep(wait);
	return FAULT_NONE;
}

static enum fault look_up(const struct login_check *check, struct slice login, struct arena *arena,
			  struct account *ret, struct why *why)
{
	enum fault fault = account_by_login(check->stack, login, arena, ret, why);

	if (fault == FAULT_NOT_FOUND || fault == FAULT_INPUT)
		return fault_set(why, FAULT_AUTH, "no such account");
	if (!fault && ret->state == ACCOUNT_SUSPENDED)
		return fault_set(why, FAULT_AUTH, "the account %s is suspended", ret->login);
	return fault;
}

static enum fault check_password(const struct login_check *check, const struct account *account,
				 struct slice password, struct why *why)
{
	const char *argon = account->password.argon;

	if (login_cache_knows(check->cache, &account->id, argon, password))
		return FAULT_NONE;
	if (password_check(argon, password))
		return fault_set(why, FAULT_AUTH, "wrong password for %s", account->login);
	login_cache_add(check->cache, &account->id, argon, password);
	return FAULT_NONE;
}

enum fault login_password(const struct login_check *check, struct slice login, struct slice password,
			  struct arena *arena, struct account *ret, struct why *why)
{
	enum fault fault = may_try(check, login, why);

	if (fault)
		return fault;
	fault = look_up(check, login, arena, ret, why);
	if (!fault)
		fault = check_password(check, ret, password, why);
	else if (fault == FAULT_AUTH)
		password_check_nobody(password); /* the answer takes as long as for an account that is there */
	if (!fault)
		lockout_succeeded(check->lockout, check->ip, login);
	else if (fault == FAULT_AUTH)
		lockout_failed(check->lockout, check->ip, login);
	return fault;
}

enum fault login_lookup(const struct login_check *check, struct slice login, struct arena *arena, struct account *ret,
			struct why *why)
{
	enum fault fault = may_try(check, login, why);

	return fault ? fault : look_up(check, login, arena, ret, why);
}

void login_proved(const struct login_check *check, struct slice login, bool right)
{
	if (right)
		lockout_succeeded(check->lockout, check->ip, login);
	else
		lockout_failed(check->lockout, check->ip, login);
}
