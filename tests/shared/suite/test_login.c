/* login.h: who is logging in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "suite/login.h"

static struct login_check check_of(struct fixture *f)
{
	static const struct lockout_conf conf = { .network_failures = 5, .login_failures = 5 };

	return (struct login_check){
		.stack = f->stack,
		.cache = login_cache_new(60000, 100),
		.lockout = lockout_new(&conf),
		.ip = "192.0.2.1",
	};
}

static void check_done(struct login_check *check)
{
	login_cache_free(check->cache);
	lockout_free(check->lockout);
}

static void suspend(struct fixture *f, const struct id *id)
{
	struct account account = fixture_get(f, id);

	account.state = ACCOUNT_SUSPENDED;
	good(account_put(f->stack, &fixture_by, &account, WHY));
}

static void passwords(void **state)
{
	static const struct {
		const char *name, *login, *password;
		enum fault fault;
	} cases[] = {
		{ "right", "alice@example.org", PASSWORD, FAULT_NONE },
		{ "other case", "ALICE@Example.org", PASSWORD, FAULT_NONE },
		{ "wrong", "alice@example.org", "wrong", FAULT_AUTH },
		{ "empty", "alice@example.org", "", FAULT_AUTH },
		{ "nobody", "nobody@example.org", PASSWORD, FAULT_AUTH },
		{ "no address", "alice", PASSWORD, FAULT_AUTH },
		{ "no name", "", PASSWORD, FAULT_AUTH },
		{ "not UTF-8", "\xff@example.org", PASSWORD, FAULT_AUTH },
		{ "an alias", "team@example.org", PASSWORD, FAULT_AUTH },
		{ "suspended", "gone@example.org", PASSWORD, FAULT_DENIED },
		{ "suspended, wrong", "gone@example.org", "wrong", FAULT_AUTH },
	};
	static const char *const targets[] = { "alice@example.org" };
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), gone = fixture_person(f, "gone@example.org");

	good(alias_put(f->stack, NULL, SLICE("team@example.org"), targets, 1, RECORD_NEW, WHY));
	suspend(f, &gone.account.id);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct login_check check = check_of(f);
		struct account account;

		print_message("%s\n", cases[i].name);
		if (cases[i].fault) {
			bad(cases[i].fault,
			    login_password(&check, slice_str(cases[i].login), slice_str(cases[i].password),
			                   f->arena, &account, WHY));
		} else {
			good(login_password(&check, slice_str(cases[i].login), slice_str(cases[i].password),
			                    f->arena, &account, WHY));
			assert_true(id_eq(&account.id, &alice.account.id));
		}
		check_done(&check);
	}
}

static void a_changed_password(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct login_check check = check_of(f);
	const struct slice login = SLICE("alice@example.org");
	struct account account;

	good(login_password(&check, login, SLICE(PASSWORD), f->arena, &account, WHY));
	assert_true(login_cache_knows(check.cache, &account.id, account.password.argon, SLICE(PASSWORD)));
	good(login_password(&check, login, SLICE(PASSWORD), f->arena, &account, WHY));
	good(account_set_password(f->stack, &fixture_by, &alice.account.id, SLICE("battery staple"), WHY));
	bad(FAULT_AUTH, login_password(&check, login, SLICE(PASSWORD), f->arena, &account, WHY));
	good(login_password(&check, login, SLICE("battery staple"), f->arena, &account, WHY));
	check_done(&check);
}

static void failures_are_counted(void **state)
{
	struct fixture *f = *state;
	struct login_check check = check_of(f);
	const struct slice login = SLICE("alice@example.org");
	struct person alice = fixture_alice(f);
	struct account account;

	assert_int_equal(login_delay(&check, login), 0);
	for (int i = 0; i < 5; i++)
		bad(FAULT_AUTH, login_password(&check, login, SLICE("wrong"), f->arena, &account, WHY));
	assert_int_equal(login_delay(&check, login), -1);
	check.ip = "198.51.100.1"; /* the name is blocked from elsewhere as well */
	assert_int_equal(login_delay(&check, login), -1);
	assert_int_equal(login_delay(&check, SLICE("bob@example.org")), 0);
	check_done(&check);

	check = check_of(f);
	for (int i = 0; i < 3; i++)
		login_failed(&check, login);
	assert_true(login_delay(&check, login) > 0);
	good(login_proved(&check, &alice.account, WHY));
	assert_int_equal(login_delay(&check, login), 0);
	check_done(&check);
}

/* One name, however it is written. */
static void spellings(void **state)
{
	static const char *const names[] = {
		"alice@xn--bcher-kva.example",     "alice@b\xc3\xbc\x63her.example",
		"Alice@B\xc3\x9c\x43HER.Example",  "alice@bu\xcc\x88\x63her.example",
		"\"alice\"@xn--bcher-kva.example",
	};
	struct fixture *f = *state;
	struct login_check check = check_of(f);
	struct account account;

	fixture_domain(f, "xn--bcher-kva.example");
	(void)fixture_person(f, "alice@b\xc3\xbc\x63her.example");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		good(login_lookup(&check, slice_str(names[i]), f->arena, &account, WHY));
		bad(FAULT_AUTH,
		    login_password(&check, slice_str(names[i]), SLICE("wrong"), f->arena, &account, WHY));
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(login_delay(&check, slice_str(names[i])), -1);
	check_done(&check);
}

/* A store that is away is nobody's failure. */
static void the_store_is_away(void **state)
{
	struct fixture *f = *state;
	struct login_check check = check_of(f);
	const struct slice login = SLICE("alice@example.org");
	struct person alice = fixture_alice(f);
	struct account account;
	struct record record;
	const struct actor system = { .kind = ACTOR_SYSTEM };

	good(record_get(f->stack->store, &system, COLL_ACCOUNTS, id_slice(&alice.account.id), false, f->arena,
	                &record, WHY));
	record.value = SLICE("{\"login\":");
	good(record_put(f->stack->store, &system, COLL_ACCOUNTS, &record, WHY));
	for (int i = 0; i < 6; i++)
		bad(FAULT_CORRUPT, login_password(&check, login, SLICE(PASSWORD), f->arena, &account, WHY));
	assert_int_equal(login_delay(&check, login), 0);
	check_done(&check);
}

static void looking_up(void **state)
{
	struct fixture *f = *state;
	struct login_check check = check_of(f);
	struct person alice = fixture_alice(f), gone = fixture_person(f, "gone@example.org");
	struct account account;

	suspend(f, &gone.account.id);
	good(login_lookup(&check, SLICE("alice@example.org"), f->arena, &account, WHY));
	assert_true(id_eq(&account.id, &alice.account.id));
	assert_int_equal(account.password.scram.iterations, SCRAM_ITERATIONS);
	bad(FAULT_AUTH, login_lookup(&check, SLICE("bob@example.org"), f->arena, &account, WHY));
	good(login_lookup(&check, SLICE("gone@example.org"), f->arena, &account, WHY));
	bad(FAULT_DENIED, login_proved(&check, &account, WHY));
	assert_int_equal(login_delay(&check, SLICE("bob@example.org")), 0); /* only the proof counts */
	check_done(&check);
}

static void salt_of(const struct login_check *check, struct fixture *f, const char *login,
                    uint8_t ret[SCRAM_SALT])
{
	good(login_nobody(check, slice_str(login), f->arena, ret, WHY));
}

/* A name that nobody has: the salt is as an account's would be, by name, and the same wherever it is asked for. */
static void salts_for_nobody(void **state)
{
	static const struct {
		const char *name, *login;
		bool same;
	} cases[] = {
		{ "again", "nobody@example.org", true },
		{ "other case", "NoBody@EXAMPLE.org", true },
		{ "another name", "nobodi@example.org", false },
		{ "another domain", "nobody@example.net", false },
		{ "no address", "nobody", false },
	};
	struct fixture *f = *state;
	struct login_check check = check_of(f);
	uint8_t first[SCRAM_SALT], salt[SCRAM_SALT];
	const struct actor system = { .kind = ACTOR_SYSTEM };

	salt_of(&check, f, "nobody@example.org", first);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		salt_of(&check, f, cases[i].login, salt);
		if ((memcmp(salt, first, sizeof(salt)) == 0) != cases[i].same)
			fail_msg("%s", cases[i].name);
	}
	memset(&f->stack->nobody, 0, sizeof(f->stack->nobody)); /* as another process begins */
	salt_of(&check, f, "nobody@example.org", salt);
	assert_memory_equal(salt, first, sizeof(salt));

	memset(&f->stack->nobody, 0, sizeof(f->stack->nobody)); /* another suite has another key */
	good(record_del(f->stack->store, &system, COLL_SETTINGS, SLICE("nobody-key"), RECORD_ANY, WHY));
	salt_of(&check, f, "nobody@example.org", salt);
	assert_memory_not_equal(salt, first, sizeof(salt));
	check_done(&check);
}

/* What is there and does not read is not made anew: that would give other salts from one moment to the next. */
static void a_damaged_key_for_nobody(void **state)
{
	static const char *const values[] = { "{", "{}", "{\"key\":\"AAAA\"}", "{\"key\":1}" };
	struct fixture *f = *state;
	struct login_check check = check_of(f);
	const struct actor system = { .kind = ACTOR_SYSTEM };
	uint8_t salt[SCRAM_SALT];

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct record record = { .key = SLICE("nobody-key"),
			                 .version = RECORD_ANY,
			                 .value = slice_str(values[i]) };

		good(record_put(f->stack->store, &system, COLL_SETTINGS, &record, WHY));
		bad(FAULT_CORRUPT, login_nobody(&check, SLICE("nobody@example.org"), f->arena, salt, WHY));
	}
	check_done(&check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(passwords),        case_of(a_changed_password),       case_of(failures_are_counted),
		case_of(spellings),        case_of(the_store_is_away),        case_of(looking_up),
		case_of(salts_for_nobody), case_of(a_damaged_key_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
