/* SASL: which mechanisms there are, and the dialogues of PLAIN and LOGIN. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/sasl.h"
#include "base/rand.h"
#include "shared/auth/sasl_test.h"

static const struct sasl_offer plaintext = { 0 };
static const struct slice names[] = { SLICE("alice@example.org"), SLICE("Al@example.org") };
static const struct sasl_offer certified = { .tls = true, .proven = names, .n_proven = 2 };

static const struct sasl_offer tokens = { .tls = true, .tokens = ",\"scope\":\"mail\"" };
static const struct sasl_offer exposed = { .tokens = "" };

static const struct offer_case {
	const char *mechanism;
	const struct sasl_offer *offer;
	bool offered;
} offers[] = {
	{ "PLAIN", &unbound, true },
	{ "PLAIN", &plaintext, false },
	{ "login", &unbound, true },
	{ "login", &plaintext, false },
	{ "Scram-Sha-256", &plaintext, true },
	{ "PLAIN", &bound, true },
	{ "scram-sha-256-plus", &bound, true },
	{ "SCRAM-SHA-256-PLUS", &unbound, false }, /* nothing to bind to */
	{ "SCRAM-SHA-1-PLUS", &bound, false },
	{ "SCRAM-SHA-1", &unbound, false },
	{ "EXTERNAL", &bound, false }, /* no certificate */
	{ "external", &certified, true },
	{ "OAUTHBEARER", &bound, false },
	{ "OAUTHBEARER", &tokens, true },
	{ "xoauth2", &tokens, true },
	{ "XOAUTH2", &exposed, false }, /* a token is as good as a password */
	{ "PLAI", &unbound, false },
	{ "", &unbound, false },
};

static void mechanisms_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		const struct offer_case *c = &offers[i];
		struct sasl *sasl = sasl_new(arena, slice_str(c->mechanism), c->offer);

		if ((sasl != NULL) != c->offered)
			fail_msg("%s, case %zu", c->mechanism, i);
	}
	assert_string_equal(sasl_mechanisms(arena, &bound), "PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS");
	assert_string_equal(sasl_mechanisms(arena, &unbound), "PLAIN LOGIN SCRAM-SHA-256");
	assert_string_equal(sasl_mechanisms(arena, &plaintext), "SCRAM-SHA-256");
	assert_string_equal(sasl_mechanisms(arena, &certified), "PLAIN LOGIN SCRAM-SHA-256 EXTERNAL");
	assert_string_equal(sasl_mechanisms(arena, &tokens), "PLAIN LOGIN SCRAM-SHA-256 OAUTHBEARER XOAUTH2");
}

/* Every line is a response; the dialogue is fed until something other than a challenge comes. */
struct dialogue {
	const char *name, *mechanism;
	struct slice responses[3];
	enum sasl_next end;
	unsigned steps; /* that it took */
	struct slice login, password, authzid;
};

static void run_dialogue(const struct dialogue *d)
{
	struct sasl *sasl = sasl_new(arena, slice_str(d->mechanism), &unbound);
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

static void run_dialogues(const struct dialogue *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_dialogue(&cases[i]);
}

static void plain_speaks(void **state)
{
	const struct slice user = SLICE("user"), pencil = SLICE("pencil");
	const struct dialogue cases[] = {
		{ "plain", "PLAIN", { SLICE("\0user\0pencil") }, SASL_CHECK, 1, user, pencil },
		{ "plain, later", "PLAIN", { NONE, SLICE("\0user\0pencil") }, SASL_CHECK, 2, user, pencil },
		{ "plain for another",
		  "PLAIN",
		  { SLICE("boss\0user\0pencil") },
		  SASL_CHECK,
		  1,
		  user,
		  pencil,
		  SLICE("boss") },
		{ "plain in UTF-8",
		  "PLAIN",
		  { SLICE("\0us\xc3\xa9r\0p\xc3\xa9ncil") },
		  SASL_CHECK,
		  1,
		  SLICE("us\xc3\xa9r"),
		  SLICE("p\xc3\xa9ncil") },
		{ "plain, a password in Latin-1",
		  "PLAIN",
		  { SLICE("\0user\0p\xe9") },
		  SASL_CHECK,
		  1,
		  user,
		  SLICE("p\xe9") },
	};

	(void)state;
	run_dialogues(cases, ARRAY_LEN(cases));
}

static void plain_is_refused(void **state)
{
	const struct dialogue cases[] = {
		{ "plain, empty", "PLAIN", { SLICE("") }, SASL_FAILED, 1 },
		{ "plain, nothing twice", "PLAIN", { NONE, NONE }, SASL_FAILED, 2 },
		{ "plain, one part", "PLAIN", { SLICE("user") }, SASL_FAILED, 1 },
		{ "plain, two parts", "PLAIN", { SLICE("user\0pencil") }, SASL_FAILED, 1 },
		{ "plain, four parts", "PLAIN", { SLICE("\0user\0pen\0cil") }, SASL_FAILED, 1 },
		{ "plain, NUL at the end", "PLAIN", { SLICE("\0user\0pencil\0") }, SASL_FAILED, 1 },
		{ "plain, no name", "PLAIN", { SLICE("\0\0pencil") }, SASL_FAILED, 1 },
		{ "plain, no password", "PLAIN", { SLICE("\0user\0") }, SASL_FAILED, 1 },
		{ "plain, a name in Latin-1", "PLAIN", { SLICE("\0us\xe9r\0pencil") }, SASL_FAILED, 1 },
		{ "plain, authzid in Latin-1", "PLAIN", { SLICE("b\xe9\0user\0pencil") }, SASL_FAILED, 1 },
		{ "plain, too long", "PLAIN", { big(SASL_RESPONSE_MAX + 1, 'a') }, SASL_FAILED, 1 },
	};

	(void)state;
	run_dialogues(cases, ARRAY_LEN(cases));
}

static void login_speaks(void **state)
{
	const struct slice user = SLICE("user"), pencil = SLICE("pencil");
	const struct dialogue cases[] = {
		{ "login", "LOGIN", { NONE, user, pencil }, SASL_CHECK, 3, user, pencil },
		{ "login, name first", "LOGIN", { user, pencil }, SASL_CHECK, 2, user, pencil },
	};

	(void)state;
	run_dialogues(cases, ARRAY_LEN(cases));
}

static void login_is_refused(void **state)
{
	const struct slice user = SLICE("user");
	const struct dialogue cases[] = {
		{ "login, no name", "LOGIN", { NONE, SLICE("") }, SASL_FAILED, 2 },
		{ "login, no password", "LOGIN", { user, SLICE("") }, SASL_FAILED, 2 },
		{ "login, a name with NUL", "LOGIN", { SLICE("us\0er") }, SASL_FAILED, 1 },
		{ "login, a password with NUL", "LOGIN", { user, SLICE("pen\0cil") }, SASL_FAILED, 2 },
		{ "login, a name too long", "LOGIN", { big(SASL_NAME_MAX + 1, 'a') }, SASL_FAILED, 1 },
	};

	(void)state;
	run_dialogues(cases, ARRAY_LEN(cases));
}

static void login_asks_as_clients_expect(void **state)
{
	struct sasl *sasl = sasl_new(arena, SLICE("LOGIN"), &unbound);
	struct slice challenge;

	(void)state;
	assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
	assert_true(slice_eq(challenge, SLICE("Username:")));
	assert_int_equal(sasl_step(sasl, SLICE("user"), &challenge), SASL_CHALLENGE);
	assert_true(slice_eq(challenge, SLICE("Password:")));
	sasl = sasl_new(arena, SLICE("PLAIN"), &unbound);
	assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
	assert_int_equal(challenge.len, 0);
	assert_non_null(challenge.data);
}

static void passwords_go_with_the_arena(void **state)
{
	struct arena *own = arena_new();
	struct sasl *sasl = sasl_new(own, SLICE("PLAIN"), &unbound);
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

/* ---- EXTERNAL ---- */

static const struct external_case {
	const char *name;
	struct slice responses[2];
	const char *login; /* that it comes to; NULL: refused */
} external_cases[] = {
	{ "its first name", { SLICE("") }, "alice@example.org" },
	{ "asked for", { NONE, SLICE("") }, "alice@example.org" },
	{ "asked for, nothing at all", { NONE, NONE }, "alice@example.org" },
	{ "by name", { SLICE("alice@example.org") }, "alice@example.org" },
	{ "the other name, other case", { SLICE("AL@example.org") }, "Al@example.org" },
	{ "somebody else", { SLICE("bob@example.org") }, NULL },
	{ "a part of its name", { SLICE("alice") }, NULL },
	{ "a NUL behind its name", { SLICE("alice@example.org\0") }, NULL },
	{ "not UTF-8", { SLICE("\xff") }, NULL },
};

static void external_is_who_the_certificate_names(void **state)
{
	static const struct scram_keys keys = { .iterations = 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(external_cases); i++) {
		const struct external_case *c = &external_cases[i];
		struct sasl *sasl = sasl_new(arena, SLICE("EXTERNAL"), &certified);
		struct slice challenge;
		enum sasl_next next = sasl_step(sasl, c->responses[0], &challenge);

		if (next == SASL_CHALLENGE)
			next = sasl_step(sasl, c->responses[1], &challenge);
		if (next != (c->login ? SASL_NEED_USER : SASL_FAILED) || challenge.len)
			fail_msg("%s: %d, %s", c->name, (int)next, sasl_error(sasl));
		if (!c->login)
			continue;
		assert_true(slice_eq(sasl_login(sasl), slice_str(c->login)));
		sasl_user(sasl, &keys);
		assert_int_equal(sasl_step(sasl, SLICE(""), &challenge), SASL_OK);
		assert_int_equal(challenge.len, 0);
	}
}

static void external_of_nobody_is_refused(void **state)
{
	static const uint8_t salt[SCRAM_SALT];
	struct sasl *sasl = sasl_new(arena, SLICE("EXTERNAL"), &certified);
	struct slice challenge;

	(void)state;
	assert_int_equal(sasl_step(sasl, SLICE(""), &challenge), SASL_NEED_USER);
	sasl_nobody(sasl, salt);
	assert_int_equal(sasl_step(sasl, SLICE(""), &challenge), SASL_FAILED);
	assert_string_equal(sasl_error(sasl), "EXTERNAL: no such user");
}

/* ---- OAUTHBEARER and XOAUTH2 ---- */

static const struct token_case {
	const char *name, *mechanism;
	struct slice response;
	const char *login, *token; /* NULL: refused at once */
} token_cases[] = {
	{ "bearer", "OAUTHBEARER", SLICE("n,a=user@example.org,\1host=h\1port=143\1auth=Bearer to.k-n=\1\1"),
	  "user@example.org", "to.k-n=" },
	{ "bearer without a name", "OAUTHBEARER", SLICE("n,,\1auth=Bearer x\1\1"), "", "x" },
	{ "the scheme in another case", "OAUTHBEARER", SLICE("y,,\1AUTH=bearer x\1\1"), "", "x" },
	{ "an escaped name", "OAUTHBEARER", SLICE("n,a=u=2Cs=3D,\1auth=Bearer x\1\1"), "u,s=", "x" },
	{ "unknown keys", "OAUTHBEARER", SLICE("n,,\1mthd=POST\1user=x\1auth=Bearer x\1\1"), "", "x" },
	{ "channel binding", "OAUTHBEARER", SLICE("p=tls-exporter,,\1auth=Bearer x\1\1"), NULL, NULL },
	{ "a name badly escaped", "OAUTHBEARER", SLICE("n,a=u=,\1auth=Bearer x\1\1"), NULL, NULL },
	{ "no prefix", "OAUTHBEARER", SLICE("n,user,\1auth=Bearer x\1\1"), NULL, NULL },
	{ "no header", "OAUTHBEARER", SLICE("\1auth=Bearer x\1\1"), NULL, NULL },
	{ "something before the first separator", "OAUTHBEARER", SLICE("n,,x\1auth=Bearer x\1\1"), NULL,
	  NULL },
	{ "the separator alone", "OAUTHBEARER", SLICE("\1"), NULL, NULL },
	{ "nothing", "OAUTHBEARER", SLICE(""), NULL, NULL },
	{ "no end", "OAUTHBEARER", SLICE("n,,\1auth=Bearer x\1"), NULL, NULL },
	{ "more behind the end", "OAUTHBEARER", SLICE("n,,\1auth=Bearer x\1\1x"), NULL, NULL },
	{ "no token", "OAUTHBEARER", SLICE("n,,\1auth=Bearer \1\1"), NULL, NULL },
	{ "no authorization", "OAUTHBEARER", SLICE("n,,\1host=h\1\1"), NULL, NULL },
	{ "two of them", "OAUTHBEARER", SLICE("n,,\1auth=Bearer x\1auth=Bearer y\1\1"), NULL, NULL },
	{ "another scheme", "OAUTHBEARER", SLICE("n,,\1auth=MAC x\1\1"), NULL, NULL },
	{ "a token of two words", "OAUTHBEARER", SLICE("n,,\1auth=Bearer x y\1\1"), NULL, NULL },
	{ "xoauth2", "XOAUTH2", SLICE("user=user@example.org\1auth=Bearer tok\1\1"), "user@example.org",
	  "tok" },
	{ "xoauth2 without a name", "XOAUTH2", SLICE("auth=Bearer tok\1\1"), NULL, NULL },
	{ "xoauth2, an empty name", "XOAUTH2", SLICE("user=\1auth=Bearer tok\1\1"), NULL, NULL },
	{ "xoauth2, two names", "XOAUTH2", SLICE("user=a\1user=b\1auth=Bearer tok\1\1"), NULL, NULL },
	{ "xoauth2 without a token", "XOAUTH2", SLICE("user=a\1\1"), NULL, NULL },
};

static void tokens_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(token_cases); i++) {
		const struct token_case *c = &token_cases[i];
		struct sasl *sasl = sasl_new(arena, slice_str(c->mechanism), &tokens);
		struct slice challenge;
		enum sasl_next next = sasl_step(sasl, c->response, &challenge);

		if (next != (c->token ? SASL_TOKEN : SASL_FAILED))
			fail_msg("%s: %d, %s", c->name, (int)next, sasl_error(sasl));
		if (c->token && (!slice_eq(sasl_login(sasl), slice_str(c->login)) ||
		                 !slice_eq(sasl_password(sasl), slice_str(c->token))))
			fail_msg("%s: parts", c->name);
	}
}

static void a_refused_token_is_explained(void **state)
{
	static const struct {
		const char *mechanism;
		struct slice response;
		const char *said;
	} cases[] = {
		{ "OAUTHBEARER", SLICE("n,,\1auth=Bearer x\1\1"),
		  "{\"status\":\"invalid_token\",\"scope\":\"mail\"}" },
		{ "XOAUTH2", SLICE("user=a\1auth=Bearer x\1\1"),
		  "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sasl *sasl = sasl_new(arena, slice_str(cases[i].mechanism), &tokens);
		struct slice challenge;

		assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
		assert_int_equal(challenge.len, 0);
		assert_int_equal(sasl_step(sasl, cases[i].response, &challenge), SASL_TOKEN);
		assert_int_equal(sasl_step(sasl, SLICE(""), &challenge), SASL_CHALLENGE);
		assert_true(slice_eq(challenge, slice_str(cases[i].said)));
		/* whatever it answers, even another token */
		assert_int_equal(sasl_step(sasl, cases[i].response, &challenge), SASL_FAILED);
		assert_string_not_equal(sasl_error(sasl), "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mechanisms_are_found),
		cmocka_unit_test(plain_speaks),
		cmocka_unit_test(plain_is_refused),
		cmocka_unit_test(login_speaks),
		cmocka_unit_test(login_is_refused),
		cmocka_unit_test(login_asks_as_clients_expect),
		cmocka_unit_test(passwords_go_with_the_arena),
		cmocka_unit_test(external_is_who_the_certificate_names),
		cmocka_unit_test(external_of_nobody_is_refused),
		cmocka_unit_test(tokens_are_read),
		cmocka_unit_test(a_refused_token_is_explained),
	};

	return cmocka_run_group_tests(tests, start, end);
}
