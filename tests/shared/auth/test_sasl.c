/* SASL dialogues: PLAIN, LOGIN, SCRAM-SHA-256. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/hmac.h>
#include <sodium.h>

#include "auth/sasl.h"
#include "auth/sasl_mechanism.h"
#include "base/base64.h"
#include "base/rand.h"

#define NONE ((struct slice){ NULL, 0 })

static struct arena *arena;

static int start(void **state)
{
	(void)state;
	rand_start();
	arena = arena_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct slice big(size_t len, uint8_t c)
{
	return slice_of(memset(arena_alloc(arena, len), c, len), len);
}

static void mechanisms_are_found(void **state)
{
	(void)state;
	assert_non_null(sasl_new(arena, SLICE("PLAIN")));
	assert_non_null(sasl_new(arena, SLICE("login")));
	assert_non_null(sasl_new(arena, SLICE("Scram-Sha-256")));
	assert_null(sasl_new(arena, SLICE("SCRAM-SHA-256-PLUS")));
	assert_null(sasl_new(arena, SLICE("SCRAM-SHA-1")));
	assert_null(sasl_new(arena, SLICE("PLAI")));
	assert_null(sasl_new(arena, SLICE("")));
	assert_string_equal(sasl_mechanisms(true), "PLAIN LOGIN SCRAM-SHA-256");
	assert_string_equal(sasl_mechanisms(false), "SCRAM-SHA-256");
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
	struct sasl *sasl = sasl_new(arena, slice_str(d->mechanism));
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
	struct sasl *sasl = sasl_new(arena, SLICE("LOGIN"));
	struct slice challenge;

	(void)state;
	assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
	assert_true(slice_eq(challenge, SLICE("Username:")));
	assert_int_equal(sasl_step(sasl, SLICE("user"), &challenge), SASL_CHALLENGE);
	assert_true(slice_eq(challenge, SLICE("Password:")));
	sasl = sasl_new(arena, SLICE("PLAIN"));
	assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
	assert_int_equal(challenge.len, 0);
	assert_non_null(challenge.data);
}

static void passwords_go_with_the_arena(void **state)
{
	struct arena *own = arena_new();
	struct sasl *sasl = sasl_new(own, SLICE("PLAIN"));
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

#define RFC_SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_NONCE        "rOprNGfwEbeRWgbNEkqO" RFC_SERVER_NONCE
#define RFC_FIRST        "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define RFC_FINAL        "c=biws,r=" RFC_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static void rfc_keys(struct scram_keys *keys)
{
	struct buf salt;

	buf_init(&salt, SCRAM_SALT);
	assert_true(base64_decode(&salt, SLICE("W22ZaJ0SNY7soEsUEjb6gQ==")));
	scram_keys_make(SLICE("pencil"), salt.data, 4096, keys);
	buf_done(&salt);
}

/* Up to the server's first message. */
static struct sasl *scram_begun(struct slice first, const struct scram_keys *keys,
                                struct slice *ret_challenge)
{
	struct sasl *sasl = sasl_new(arena, SLICE("SCRAM-SHA-256"));

	sasl_scram_set_nonce(sasl, RFC_SERVER_NONCE);
	assert_int_equal(sasl_step(sasl, first, ret_challenge), SASL_NEED_USER);
	sasl_user(sasl, keys);
	assert_int_equal(sasl_step(sasl, NONE, ret_challenge), SASL_CHALLENGE);
	return sasl;
}

static void scram_is_that_of_rfc_7677(void **state)
{
	struct scram_keys keys;
	struct slice challenge;
	struct sasl *sasl;

	(void)state;
	rfc_keys(&keys);
	sasl = scram_begun(SLICE(RFC_FIRST), &keys, &challenge);
	assert_true(slice_eq(sasl_login(sasl), SLICE("user")));
	assert_null(sasl_authzid(sasl).data);
	assert_true(slice_eq(challenge, SLICE("r=" RFC_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")));
	assert_int_equal(sasl_step(sasl, SLICE(RFC_FINAL), &challenge), SASL_OK);
	assert_true(slice_eq(challenge, SLICE("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
	assert_int_equal(sasl_step(sasl, SLICE(RFC_FINAL), &challenge), SASL_FAILED);

	sasl = sasl_new(arena, SLICE("SCRAM-SHA-256")); /* without an initial response */
	assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
	assert_int_equal(challenge.len, 0);
	assert_int_equal(sasl_step(sasl, SLICE(RFC_FIRST), &challenge), SASL_NEED_USER);
}

static void every_changed_byte_of_the_end_is_seen(void **state)
{
	const struct slice final = SLICE(RFC_FINAL);
	struct scram_keys keys;
	struct slice challenge;

	(void)state;
	rfc_keys(&keys);
	for (size_t i = 0; i < final.len; i++) {
		uint8_t *changed = (uint8_t *)arena_copy(arena, final).data;
		struct sasl *sasl = scram_begun(SLICE(RFC_FIRST), &keys, &challenge);

		changed[i] ^= 1;
		if (sasl_step(sasl, slice_of(changed, final.len), &challenge) != SASL_FAILED)
			fail_msg("byte %zu", i);
		sasl = scram_begun(SLICE(RFC_FIRST), &keys, &challenge);
		assert_int_equal(sasl_step(sasl, slice_first(final, i), &challenge), SASL_FAILED);
	}
}

static void scram_beginnings(void **state)
{
	const struct {
		const char *name;
		struct slice first;
		const char *login, *authzid; /* login NULL: it fails */
	} cases[] = {
		{ "n", SLICE("n,,n=user,r=x"), "user", NULL },
		{ "y", SLICE("y,,n=user,r=x"), "user", NULL },
		{ "authzid", SLICE("n,a=boss,n=user,r=x"), "user", "boss" },
		{ "escapes", SLICE("y,a=a=2Cb=3D,n==3Da=2Cb=2C,r=x"), "=a,b,", "a,b=" },
		{ "an extension", SLICE("n,,n=user,r=x,z=1,A=b=c"), "user", NULL },
		{ "UTF-8", SLICE("n,,n=us\xc3\xa9r,r=x"), "us\xc3\xa9r", NULL },
		{ "a nonce with =", SLICE("n,,n=user,r=a=b"), "user", NULL },
		{ "empty", SLICE(""), NULL, NULL },
		{ "only a header", SLICE("n,,"), NULL, NULL },
		{ "channel binding", SLICE("p=tls-exporter,,n=user,r=x"), NULL, NULL },
		{ "unknown flag", SLICE("x,,n=user,r=x"), NULL, NULL },
		{ "upper-case flag", SLICE("N,,n=user,r=x"), NULL, NULL },
		{ "flag too long", SLICE("nn,,n=user,r=x"), NULL, NULL },
		{ "no header", SLICE("n=user,r=x"), NULL, NULL },
		{ "authzid without a=", SLICE("n,boss,n=user,r=x"), NULL, NULL },
		{ "authzid empty", SLICE("n,a=,n=user,r=x"), NULL, NULL },
		{ "mandatory extension", SLICE("n,,m=1,n=user,r=x"), NULL, NULL },
		{ "mandatory extension later", SLICE("n,,n=user,r=x,m=1"), NULL, NULL },
		{ "malformed extension", SLICE("n,,n=user,r=x,1=1"), NULL, NULL },
		{ "empty extension", SLICE("n,,n=user,r=x,"), NULL, NULL },
		{ "no name", SLICE("n,,n=,r=x"), NULL, NULL },
		{ "no name at all", SLICE("n,,r=x"), NULL, NULL },
		{ "no nonce", SLICE("n,,n=user"), NULL, NULL },
		{ "empty nonce", SLICE("n,,n=user,r="), NULL, NULL },
		{ "nonce with a space", SLICE("n,,n=user,r=a b"), NULL, NULL },
		{ "nonce with a high byte", SLICE("n,,n=user,r=a\xc3\xa9"), NULL, NULL },
		{ "other order", SLICE("n,,r=x,n=user"), NULL, NULL },
		{ "escape cut short", SLICE("n,,n=user=2,r=x"), NULL, NULL },
		{ "escape unknown", SLICE("n,,n=us=41er,r=x"), NULL, NULL },
		{ "equals sign bare", SLICE("n,,n=us=er,r=x"), NULL, NULL },
		{ "name in Latin-1", SLICE("n,,n=us\xe9r,r=x"), NULL, NULL },
		{ "name with NUL", SLICE("n,,n=us\0er,r=x"), NULL, NULL },
		{ "nonce too long",
		  slice_str(arena_printf(arena, "n,,n=user,r=%.*s", 1025, big(1025, 'a').data)), NULL, NULL },
		{ "name too long", slice_str(arena_printf(arena, "n,,n=%.*s,r=x", 1025, big(1025, 'a').data)),
		  NULL, NULL },
		{ "name too long in escapes",
		  slice_str(arena_printf(arena, "n,,n=%.*s=2C,r=x", 1024, big(1024, 'a').data)), NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sasl *sasl = sasl_new(arena, SLICE("SCRAM-SHA-256"));
		struct slice challenge;
		enum sasl_next next = sasl_step(sasl, cases[i].first, &challenge);

		if (next != (cases[i].login ? SASL_NEED_USER : SASL_FAILED))
			fail_msg("%s: %d %s", cases[i].name, (int)next, sasl_error(sasl));
		if (cases[i].login && (!slice_eq(sasl_login(sasl), slice_str(cases[i].login)) ||
		                       !slice_eq(sasl_authzid(sasl), slice_str(cases[i].authzid))))
			fail_msg("%s: names", cases[i].name);
	}
}

/* The client's last message, signed for what was said, with `binding` and `more` put in. */
static struct slice client_final(struct slice first_bare, struct slice server_first, const char *binding,
                                 struct slice nonce, const char *more, const char *password,
                                 const uint8_t *salt)
{
	const char *without = arena_printf(arena, "c=%s,r=%.*s%s", binding, SLICE_FMT(nonce), more);
	const char *message =
	    arena_printf(arena, "%.*s,%.*s,%s", SLICE_FMT(first_bare), SLICE_FMT(server_first), without);
	uint8_t salted[32], client[32], stored[32], signature[32];
	unsigned len;
	char proof[64];

	/* written with OpenSSL throughout: a second opinion */
	PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, SCRAM_SALT, 4096, EVP_sha256(), 32, salted);
	HMAC(EVP_sha256(), salted, 32, (const uint8_t *)"Client Key", 10, client, &len);
	EVP_Digest(client, 32, stored, &len, EVP_sha256(), NULL);
	HMAC(EVP_sha256(), stored, 32, (const uint8_t *)message, strlen(message), signature, &len);
	for (int i = 0; i < 32; i++)
		client[i] ^= signature[i];
	sodium_bin2base64(proof, sizeof(proof), client, 32, sodium_base64_VARIANT_ORIGINAL);
	return slice_str(arena_printf(arena, "%s,p=%s", without, proof));
}

static void scram_ends(void **state)
{
	static const struct {
		const char *name, *first; /* after the header */
		const char *header, *binding, *more, *password;
		enum sasl_next end;
	} cases[] = {
		{ "right", "n=user,r=abc", "n,,", "biws", "", "pencil", SASL_OK },
		{ "wrong password", "n=user,r=abc", "n,,", "biws", "", "pencils", SASL_FAILED },
		{ "y", "n=user,r=abc", "y,,", "eSws", "", "pencil", SASL_OK },
		{ "y taken back: somebody took PLUS out of the list", "n=user,r=abc", "y,,", "biws", "",
		  "pencil", SASL_FAILED },
		{ "authzid", "n=user,r=abc", "n,a=boss,", "bixhPWJvc3Ms", "", "pencil", SASL_OK },
		{ "authzid taken back", "n=user,r=abc", "n,a=boss,", "biws", "", "pencil", SASL_FAILED },
		{ "extensions", "n=user,r=abc,x=1", "n,,", "biws", ",y=2", "pencil", SASL_OK },
		{ "mandatory extension", "n=user,r=abc", "n,,", "biws", ",m=2", "pencil", SASL_FAILED },
		{ "binding not base64", "n=user,r=abc", "n,,", "biw", "", "pencil", SASL_FAILED },
		{ "binding longer", "n=user,r=abc", "n,,", "biwsLA==", "", "pencil", SASL_FAILED },
	};
	struct scram_keys keys;

	(void)state;
	rfc_keys(&keys);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice server_first, challenge, nonce = SLICE("abc" RFC_SERVER_NONCE);
		struct sasl *sasl =
		    scram_begun(slice_str(arena_printf(arena, "%s%s", cases[i].header, cases[i].first)),
		                &keys, &server_first);
		struct slice final = client_final(slice_str(cases[i].first), server_first, cases[i].binding,
		                                  nonce, cases[i].more, cases[i].password, keys.salt);
		enum sasl_next next = sasl_step(sasl, final, &challenge);

		if (next != cases[i].end)
			fail_msg("%s: %d %s", cases[i].name, (int)next, sasl_error(sasl));
	}
}

static void a_nonce_of_another_dialogue_is_refused(void **state)
{
	struct slice server_first, challenge;
	struct scram_keys keys;
	struct sasl *sasl;

	(void)state;
	rfc_keys(&keys);
	for (int other = 0; other < 2; other++) {
		struct slice nonce = other ? SLICE("abc") : SLICE("abc" RFC_SERVER_NONCE);

		sasl = scram_begun(SLICE("n,,n=user,r=abc"), &keys, &server_first);
		assert_int_equal(sasl_step(sasl,
		                           client_final(SLICE("n=user,r=abc"), server_first, "biws", nonce,
		                                        "", "pencil", keys.salt),
		                           &challenge),
		                 other ? SASL_FAILED : SASL_OK);
	}
}

static void server_nonces_differ(void **state)
{
	struct slice one, two;
	struct slice *challenges[] = { &one, &two };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sasl *sasl = sasl_new(arena, SLICE("SCRAM-SHA-256"));

		assert_int_equal(sasl_step(sasl, SLICE("n,,n=user,r=abc"), challenges[i]), SASL_NEED_USER);
		sasl_user(sasl, NULL);
		assert_int_equal(sasl_step(sasl, NONE, challenges[i]), SASL_CHALLENGE);
		assert_true(slice_starts(*challenges[i], "r=abc"));
	}
	assert_false(slice_eq(one, two));
}

static struct slice unknown_challenge(struct slice name)
{
	struct slice challenge;

	scram_begun(slice_str(arena_printf(arena, "n,,n=%.*s,r=abc", SLICE_FMT(name))), NULL, &challenge);
	return challenge;
}

static void unknown_users_look_like_known_ones(void **state)
{
	struct slice challenge = unknown_challenge(SLICE("nobody")), server_first;
	struct scram_keys keys = { .iterations = 1 };
	struct slice salt, rest, part;
	struct sasl *sasl;
	struct buf raw;

	(void)state;
	assert_true(slice_eq(challenge, unknown_challenge(SLICE("nobody"))));
	assert_true(slice_eq(challenge, unknown_challenge(SLICE("NoBody"))));
	assert_false(slice_eq(challenge, unknown_challenge(SLICE("nobodi"))));
	rest = challenge;
	assert_true(slice_cut(&rest, ',', &part) && slice_cut(&rest, ',', &salt));
	buf_init(&raw, 100);
	assert_true(base64_decode(&raw, slice_from(salt, 2)));
	assert_int_equal(raw.len, SCRAM_SALT);
	assert_true(slice_eq(rest, slice_str(arena_printf(arena, "i=%d", SCRAM_ITERATIONS))));

	sasl = scram_begun(SLICE("n,,n=nobody,r=abc"), NULL, &server_first);
	memcpy(keys.salt, raw.data, SCRAM_SALT);
	assert_int_equal(sasl_step(sasl,
	                           client_final(SLICE("n=nobody,r=abc"), server_first, "biws",
	                                        SLICE("abc" RFC_SERVER_NONCE), "", "pencil", keys.salt),
	                           &challenge),
	                 SASL_FAILED);
	assert_int_equal(challenge.len, 0);
	assert_string_equal(sasl_error(sasl), "SCRAM: no such user");
	buf_done(&raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mechanisms_are_found),
		cmocka_unit_test(plain_and_login_speak),
		cmocka_unit_test(login_asks_as_clients_expect),
		cmocka_unit_test(passwords_go_with_the_arena),
		cmocka_unit_test(scram_is_that_of_rfc_7677),
		cmocka_unit_test(every_changed_byte_of_the_end_is_seen),
		cmocka_unit_test(scram_beginnings),
		cmocka_unit_test(scram_ends),
		cmocka_unit_test(a_nonce_of_another_dialogue_is_refused),
		cmocka_unit_test(server_nonces_differ),
		cmocka_unit_test(unknown_users_look_like_known_ones),
	};

	return cmocka_run_group_tests(tests, start, end);
}
