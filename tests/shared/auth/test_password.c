/* Verifiers, preparation, and what a password must be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/password.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/rand.h"

static int start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

static void passwords_are_prepared(void **state)
{
	static const struct {
		const char *name;
		struct slice in, out; /* out empty: refused */
	} cases[] = {
		{ "ASCII stays", SLICE("correct Horse~"), SLICE("correct Horse~") },
		{ "spaces stay as many", SLICE("  a  b "), SLICE("  a  b ") },
		{ "a no-break space",
		  SLICE("a\xc2\xa0"
		        "b"),
		  SLICE("a b") },
		{ "an ideographic space",
		  SLICE("a\xe3\x80\x80"
		        "b"),
		  SLICE("a b") },
		{ "decomposed becomes composed", SLICE("e\xcc\x81t\xc3\xa9"), SLICE("\xc3\xa9t\xc3\xa9") },
		{ "NFC, not NFKC", SLICE("\xef\xac\x81"), SLICE("\xef\xac\x81") },
		{ "no case is folded", SLICE("\xc3\x84\xc3\xa4"), SLICE("\xc3\x84\xc3\xa4") },
		{ "what NFC makes longer", SLICE("\xf0\x9d\x85\xa0"),
		  SLICE("\xf0\x9d\x85\x98\xf0\x9d\x85\xa5\xf0\x9d\x85\xae") },
		{ "emoji and a joiner", SLICE("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80"),
		  SLICE("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80") },
		{ "nothing", SLICE(""), SLICE("") },
		{ "tab", SLICE("a\tb"), SLICE("") },
		{ "NUL", SLICE("a\0b"), SLICE("") },
		{ "DEL", SLICE("a\x7f"), SLICE("") },
		{ "C1 control", SLICE("\xc3\xa9\xc2\x85"), SLICE("") },
		{ "newline after a letter of more bytes", SLICE("\xc3\xa9\n"), SLICE("") },
		{ "line separator", SLICE("a\xe2\x80\xa8"), SLICE("") },
		{ "soft hyphen", SLICE("a\xc2\xad"), SLICE("") },
		{ "private use", SLICE("\xee\x80\x80"), SLICE("") },
		{ "no character", SLICE("\xef\xbf\xbf"), SLICE("") },
		{ "unassigned", SLICE("\xcd\xb8"), SLICE("") },
		{ "Latin-1", SLICE("p\xe4ss"), SLICE("") },
		{ "overlong", SLICE("\xc1\x81"), SLICE("") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct secret *got = password_prepare(cases[i].in);

		if (!got != !cases[i].out.len || (got && !slice_eq(secret_slice(got), cases[i].out)))
			fail_msg("%s", cases[i].name);
		secret_unref(got);
	}
}

static void a_verifier_knows_its_password(void **state)
{
	struct slice composed = SLICE("caf\xc3\xa9 au lait"),
	             decomposed = SLICE("cafe\xcc\x81 au\xc2\xa0lait");
	struct password made, again;
	struct scram_keys keys;
	struct why why;

	(void)state;
	assert_int_equal(password_make(composed, &made, &why), FAULT_NONE);
	assert_int_equal(password_make(composed, &again, &why), FAULT_NONE);
	assert_true(slice_starts(slice_str(made.argon), "$argon2id$v=19$m=19456,t=2,p=1$"));
	assert_string_not_equal(made.argon, again.argon);
	assert_memory_not_equal(made.scram.salt, again.scram.salt, SCRAM_SALT);
	assert_int_equal(password_check(made.argon, composed), FAULT_NONE);
	assert_int_equal(password_check(made.argon, decomposed), FAULT_NONE);
	assert_int_equal(password_check(made.argon, SLICE("cafe au lait")), FAULT_AUTH);
	assert_int_equal(password_check(made.argon, SLICE("")), FAULT_AUTH);

	assert_true(made.scram.iterations >= 4096);
	scram_keys_make(decomposed, made.scram.salt, made.scram.iterations, &keys);
	assert_memory_equal(keys.stored_key, made.scram.stored_key, 32);
	assert_memory_equal(keys.server_key, made.scram.server_key, 32);
}

static void what_cannot_be_prepared_is_used_as_it_is(void **state)
{
	struct slice latin1 = SLICE("gef\xe4hrlich");
	struct password made;
	struct why why;

	(void)state;
	assert_int_equal(password_make(latin1, &made, &why), FAULT_NONE);
	assert_int_equal(password_check(made.argon, latin1), FAULT_NONE);
	assert_int_equal(password_check(made.argon, SLICE("gef\xc3\xa4hrlich")), FAULT_AUTH);
}

static void verifiers_made_elsewhere(void **state)
{
	/* by OpenSSL 4, four lanes, for "pässword with spaces" */
	static const char foreign[] = "$argon2id$v=19$m=8192,t=3,p=4$c29tZXNhbHQtZWxzZXdocg$"
	                              "OlTwEVfQ8hadjT+ud6TiymxgQpo2OtQpbKbbo7Ihpk4";
	static const char *const malformed[] = { "", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv",
		                                 "$argon2id$v=19$m=8192,t=3,p=4$c29tZXNhbHQtZWxzZXdocg$",
		                                 "$argon2id$v=19$m=1,t=0,p=0$c29tZXNhbHQtZWxzZXdocg$AAAA" };

	(void)state;
	assert_int_equal(password_check(foreign, SLICE("p\xc3\xa4ssword with spaces")), FAULT_NONE);
	assert_int_equal(password_check(foreign, SLICE("p\xc3\xa4ssword with space")), FAULT_AUTH);
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++)
		if (password_check(malformed[i], SLICE("password")) != FAULT_AUTH)
			fail_msg("%s", malformed[i]);
}

/* The example of RFC 7677 3, from its password on: keys as in the published ones for "pencil". */
static void scram_keys_are_those_of_rfc_7677(void **state)
{
	struct scram_keys keys;
	struct buf salt, text;

	(void)state;
	buf_init(&salt, SCRAM_SALT);
	buf_init(&text, 100);
	assert_true(base64_decode(&salt, SLICE("W22ZaJ0SNY7soEsUEjb6gQ==")));
	scram_keys_make(SLICE("pencil"), salt.data, 4096, &keys);
	base64_encode(&text, slice_of(keys.stored_key, 32));
	assert_true(slice_eq(buf_slice(&text), SLICE("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=")));
	buf_clear(&text);
	base64_encode(&text, slice_of(keys.server_key, 32));
	assert_true(slice_eq(buf_slice(&text), SLICE("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")));
	buf_done(&salt);
	buf_done(&text);
}

static int64_t fastest(void (*check)(struct slice))
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t began = clock_mono_ns();

		check(SLICE("some password"));
		best = MIN_OF(best, clock_mono_ns() - began);
	}
	return best;
}

static char somebody[128];

static void check_somebody(struct slice password)
{
	assert_int_equal(password_check(somebody, password), FAULT_AUTH);
}

static void nobody_costs_what_somebody_costs(void **state)
{
	struct password made;
	int64_t known, unknown;
	struct why why;

	(void)state;
	assert_int_equal(password_make(SLICE("another password"), &made, &why), FAULT_NONE);
	memcpy(somebody, made.argon, sizeof(somebody));
	known = fastest(check_somebody);
	unknown = fastest(password_check_nobody);
	if (unknown < known / 2 || unknown > known * 2)
		fail_msg("%d us against %d us", (int)(unknown / 1000), (int)(known / 1000));
}

static void new_passwords_must_be_acceptable(void **state)
{
	static char much[PASSWORD_MAX + 1];
	static const struct {
		const char *name;
		struct slice password, login;
		const char *wrong;
	} cases[] = {
		{ "good", SLICE("correct horse"), SLICE("alice@example.org"), NULL },
		{ "eight", SLICE("12345678"), SLICE("alice@example.org"), NULL },
		{ "seven", SLICE("1234567"), SLICE("alice@example.org"), "8 characters" },
		{ "none", SLICE(""), SLICE("alice@example.org"), "8 characters" },
		{ "eight characters of two bytes",
		  SLICE("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"), SLICE("a"),
		  NULL },
		{ "seven characters of two bytes",
		  SLICE("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"), SLICE("a"),
		  "8 characters" },
		{ "the login", SLICE("Alice@Example.org"), SLICE("alice@example.org"), "name" },
		{ "its local part", SLICE("ALICE.LIDDELL"), SLICE("alice.liddell@example.org"), "name" },
		{ "its domain", SLICE("example.org"), SLICE("alice@example.org"), NULL },
		{ "a name without a domain", SLICE("administrator"), SLICE("administrator"), "name" },
		{ "a control character", SLICE("12345678\t"), SLICE("a"), "control" },
		{ "Latin-1", SLICE("gef\xe4hrlich"), SLICE("a"), "UTF-8" },
		{ "too long", { (const uint8_t *)much, sizeof(much) }, SLICE("a"), "at most" },
		{ "as long as may be", { (const uint8_t *)much, PASSWORD_MAX }, SLICE("a"), NULL },
	};

	(void)state;
	memset(much, 'x', sizeof(much));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct why why = { "" };
		enum fault fault = password_acceptable(cases[i].password, cases[i].login, &why);

		if (fault != (cases[i].wrong ? FAULT_INPUT : FAULT_NONE) ||
		    (cases[i].wrong && !strstr(why.text, cases[i].wrong)))
			fail_msg("%s: %s %s", cases[i].name, fault_name(fault), why.text);
	}
}

static void generated_passwords_can_be_typed(void **state)
{
	unsigned seen[256] = { 0 }, kinds = 0;
	char one[24], last[24] = "";
	struct why why;

	(void)state;
	for (int i = 0; i < 500; i++) {
		password_generate(one);
		assert_int_equal(strlen(one), 23);
		assert_string_not_equal(one, last);
		memcpy(last, one, sizeof(last));
		for (size_t k = 0; k < 23; k++) {
			assert_int_equal(one[k] == '-', k % 6 == 5);
			seen[(uint8_t)one[k]]++;
		}
		assert_int_equal(password_acceptable(slice_str(one), SLICE("a"), &why), FAULT_NONE);
	}
	for (size_t i = 0; i < 256; i++)
		kinds += seen[i] > 0;
	assert_int_equal(kinds, 33); /* 32 and the dash */
	assert_int_equal(seen['0'] + seen['1'] + seen['l'] + seen['o'], 0);
}

/* BLAKE2b of the name under the key: known from Python's hashlib. */
static void salts_for_nobody(void **state)
{
	uint8_t key[SCRAM_NOBODY_KEY], salt[SCRAM_SALT];
	static const uint8_t expected[SCRAM_SALT] = { 0x9d, 0xc2, 0xde, 0x42, 0x9e, 0xae, 0xe3, 0xcf,
		                                      0xc9, 0xd2, 0x59, 0x78, 0xd7, 0x7c, 0x30, 0x29 };

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	scram_nobody_salt(key, SLICE("nobody@example.org"), salt);
	assert_memory_equal(salt, expected, sizeof(salt));
	key[0] ^= 1;
	scram_nobody_salt(key, SLICE("nobody@example.org"), salt);
	assert_memory_not_equal(salt, expected, sizeof(salt));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_prepared),
		cmocka_unit_test(a_verifier_knows_its_password),
		cmocka_unit_test(what_cannot_be_prepared_is_used_as_it_is),
		cmocka_unit_test(verifiers_made_elsewhere),
		cmocka_unit_test(scram_keys_are_those_of_rfc_7677),
		cmocka_unit_test(nobody_costs_what_somebody_costs),
		cmocka_unit_test(salts_for_nobody),
		cmocka_unit_test(new_passwords_must_be_acceptable),
		cmocka_unit_test(generated_passwords_can_be_typed),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
