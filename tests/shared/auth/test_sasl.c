/* SASL: which mechanisms there are, and the dialogues of PLAIN and LOGIN. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/sasl.h"
#include "base/rand.h"
#include "shared/auth/sasl_test.h"

static void mechanisms_are_found(void **state)
{
	(void)state;
	assert_non_null(sasl_new(arena, SLICE("PLAIN"), NULL));
	assert_non_null(sasl_new(arena, SLICE("login"), NULL));
	assert_non_null(sasl_new(arena, SLICE("Scram-Sha-256"), NULL));
	assert_non_null(sasl_new(arena, SLICE("PLAIN"), exported));
	assert_non_null(sasl_new(arena, SLICE("scram-sha-256-plus"), exported));
	assert_null(sasl_new(arena, SLICE("SCRAM-SHA-256-PLUS"), NULL)); /* nothing to bind to */
	assert_null(sasl_new(arena, SLICE("SCRAM-SHA-1-PLUS"), exported));
	assert_null(sasl_new(arena, SLICE("SCRAM-SHA-1"), NULL));
	assert_null(sasl_new(arena, SLICE("PLAI"), NULL));
	assert_null(sasl_new(arena, SLICE(""), NULL));
	assert_string_equal(sasl_mechanisms(true, exported), "PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS");
	assert_string_equal(sasl_mechanisms(true, NULL), "PLAIN LOGIN SCRAM-SHA-256");
	assert_string_equal(sasl_mechanisms(false, NULL), "SCRAM-SHA-256");
}

/* Every line is a response; the dialogue is fed until something other than a challenge comes. */
struct dialogue {
	const char *name, *mechanism;
	struct slice responses[3];
	enum sasl_next end;
	unsigned steps; /* that it took */
	struct slice authzid, login, password;
};

static void run_dialogue(const struct dialogue *d)
{
	struct sasl *sasl = sasl_new(arena, slice_str(d->mechanism), NULL);
	enum sasl_next next = SASL_CHALLENGE;
	struct slice challenge;
	unsigned steps = 0;

	while (steps < 3 && next == SASL_CHALLENGE)
		next = sasl_step(sasl, d->responses[steps++], &challenge);
	if (next != d->end || steps != d->steps)
		fail_msg("%s: %d after %u: %s", d->name, (int)next, steps, sasl_error(sasl));
	if ((next == SASL_FAILED) != (*sasl_error(sasl) != '\0'))
		fail_msg("%s: \"%s\"", d->name, sasl_error(sasl));
	if (next == SASL_CHECK &&
	    (!slice_eq(sasl_login(sasl), d->login) || !slice_eq(sasl_password(sasl), d->password) ||
	     !slice_eq(sasl_authzid(sasl), d->authzid) || !sasl_authzid(sasl).data != !d->authzid.data))
		fail_msg("%s: parts", d->name);
	if (next == SASL_CHECK) /* nothing may follow */
		assert_int_equal(sasl_step(sasl, d->responses[0], &challenge), SASL_FAILED);
}

static void plain_and_login_speak(void **state)
{
	const struct slice user = SLICE("user"), pencil = SLICE("pencil");
	const struct dialogue cases[] = {
		{ "plain", "PLAIN", { SLICE("\0user\0pencil") }, SASL_CHECK, 1, NONE, user, pencil },
		{ "plain, later",
		  "PLAIN",
		  { NONE, SLICE("\0user\0pencil") },
		  SASL_CHECK,
		  2,
		  NONE,
		  user,
		  pencil },
		{ "plain for another",
		  "PLAIN",
		  { SLICE("boss\0user\0pencil") },
		  SASL_CHECK,
		  1,
		  SLICE("boss"),
		  user,
		  pencil },
		{ "plain in UTF-8",
		  "PLAIN",
		  { SLICE("\0us\xc3\xa9r\0p\xc3\xa9ncil") },
		  SASL_CHECK,
		  1,
		  NONE,
		  SLICE("us\xc3\xa9r"),
		  SLICE("p\xc3\xa9ncil") },
		{ "plain, a password in Latin-1",
		  "PLAIN",
		  { SLICE("\0user\0p\xe9") },
		  SASL_CHECK,
		  1,
		  NONE,
		  user,
		  SLICE("p\xe9") },
		{ "plain, empty", "PLAIN", { SLICE("") }, SASL_FAILED, 1, NONE, NONE, NONE },
		{ "plain, nothing twice", "PLAIN", { NONE, NONE }, SASL_FAILED, 2, NONE, NONE, NONE },
		{ "plain, one part", "PLAIN", { SLICE("user") }, SASL_FAILED, 1, NONE, NONE, NONE },
		{ "plain, two parts", "PLAIN", { SLICE("user\0pencil") }, SASL_FAILED, 1, NONE, NONE, NONE },
		{ "plain, four parts",
		  "PLAIN",
		  { SLICE("\0user\0pen\0cil") },
		  SASL_FAILED,
		  1,
		  NONE,
		  NONE,
		  NONE },
		{ "plain, NUL at the end",
		  "PLAIN",
		  { SLICE("\0user\0pencil\0") },
		  SASL_FAILED,
		  1,
		  NONE,
		  NONE,
		  NONE },
		{ "plain, no name", "PLAIN", { SLICE("\0\0pencil") }, SASL_FAILED, 1, NONE, NONE, NONE },
		{ "plain, no password", "PLAIN", { SLICE("\0user\0") }, SASL_FAILED, 1, NONE, NONE, NONE },
		{ "plain, a name in Latin-1",
		  "PLAIN",
		  { SLICE("\0us\xe9r\0pencil") },
		  SASL_FAILED,
		  1,
		  NONE,
		  NONE,
		  NONE },
		{ "plain, authzid in Latin-1",
		  "PLAIN",
		  { SLICE("b\xe9\0user\0pencil") },
		  SASL_FAILED,
		  1,
		  NONE,
		  NONE,
		  NONE },
		{ "plain, too long",
		  "PLAIN",
		  { big(SASL_RESPONSE_MAX + 1, 'a') },
		  SASL_FAILED,
		  1,
		  NONE,
		  NONE,
		  NONE },
		{ "login", "LOGIN", { NONE, user, pencil }, SASL_CHECK, 3, NONE, user, pencil },
		{ "login, name first", "LOGIN", { user, pencil }, SASL_CHECK, 2, NONE, user, pencil },
		{ "login, no name", "LOGIN", { NONE, SLICE("") }, SASL_FAILED, 2, NONE, NONE, NONE },
		{ "login, no password", "LOGIN", { user, SLICE("") }, SASL_FAILED, 2, NONE, NONE, NONE },
		{ "login, a name with NUL", "LOGIN", { SLICE("us\0er") }, SASL_FAILED, 1, NONE, NONE, NONE },
		{ "login, a password with NUL",
		  "LOGIN",
		  { user, SLICE("pen\0cil") },
		  SASL_FAILED,
		  2,
		  NONE,
		  NONE,
		  NONE },
		{ "login, a name too long",
		  "LOGIN",
		  { big(SASL_NAME_MAX + 1, 'a') },
		  SASL_FAILED,
		  1,
		  NONE,
		  NONE,
		  NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run_dialogue(&cases[i]);
}

static void login_asks_as_clients_expect(void **state)
{
	struct sasl *sasl = sasl_new(arena, SLICE("LOGIN"), NULL);
	struct slice challenge;

	(void)state;
	assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
	assert_true(slice_eq(challenge, SLICE("Username:")));
	assert_int_equal(sasl_step(sasl, SLICE("user"), &challenge), SASL_CHALLENGE);
	assert_true(slice_eq(challenge, SLICE("Password:")));
	sasl = sasl_new(arena, SLICE("PLAIN"), NULL);
	assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
	assert_int_equal(challenge.len, 0);
	assert_non_null(challenge.data);
}

static void passwords_go_with_the_arena(void **state)
{
	struct arena *own = arena_new();
	struct sasl *sasl = sasl_new(own, SLICE("PLAIN"), NULL);
	struct slice challenge;
	struct sasl *first;

	(void)state;
	assert_int_equal(sasl_step(sasl, SLICE("\0user\0pencil"), &challenge), SASL_CHECK);
	first = sasl;
	/* a reset keeps the first block, where both lie, so that what is left of them can be seen */
	const uint8_t *password = sasl_password(first).data;

	arena_reset(own);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(password[i], 0);
	arena_free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mechanisms_are_found),
		cmocka_unit_test(plain_and_login_speak),
		cmocka_unit_test(login_asks_as_clients_expect),
		cmocka_unit_test(passwords_go_with_the_arena),
	};

	return cmocka_run_group_tests(tests, start, end);
}
