/* SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, as the RFCs have them and as nobody should. */
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
#include "shared/auth/sasl_test.h"
static const uint8_t made_up_salt[SCRAM_SALT] = "made up for test";

#define RFC_SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_NONCE        "rOprNGfwEbeRWgbNEkqO" RFC_SERVER_NONCE
#define RFC_FIRST        "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define RFC_FINAL        "c=biws,r=" RFC_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

/* The same exchange, bound: computed with Python's hashlib and hmac. "p=tls-exporter,," and the binding */
#define PLUS_FIRST  "p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define PLUS_CBIND  "cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define PLUS_FINAL  "c=" PLUS_CBIND ",r=" RFC_NONCE ",p=QC6CS20quADQRb3mT99YUH+n3VJxUvzuK0K0E1Vrs2M="
#define PLUS_SERVER "v=2GiAgapEppLVlUXbxUDksL3VgYHzuqiK5tR4mhJGgvs="

static void rfc_keys(struct scram_keys *keys)
{
	struct buf salt;

	buf_init(&salt, SCRAM_SALT);
	assert_true(base64_decode(&salt, SLICE("W22ZaJ0SNY7soEsUEjb6gQ==")));
	scram_keys_make(SLICE("pencil"), salt.data, 4096, keys);
	buf_done(&salt);
}

/* Up to the server's first message. `keys` NULL: there is no such account. */
static struct sasl *begun(struct sasl *sasl, struct slice first, const struct scram_keys *keys,
                          struct slice *ret_challenge)
{
	sasl_scram_set_nonce(sasl, RFC_SERVER_NONCE);
	assert_int_equal(sasl_step(sasl, first, ret_challenge), SASL_NEED_USER);
	if (keys)
		sasl_user(sasl, keys);
	else
		sasl_nobody(sasl, made_up_salt);
	assert_int_equal(sasl_step(sasl, NONE, ret_challenge), SASL_CHALLENGE);
	return sasl;
}

static struct sasl *scram_begun(struct slice first, const struct scram_keys *keys,
                                struct slice *ret_challenge)
{
	return begun(sasl_new(arena, SLICE("SCRAM-SHA-256"), &unbound), first, keys, ret_challenge);
}

static struct sasl *plus_begun(struct slice first, const struct scram_keys *keys, struct slice *ret_challenge)
{
	return begun(sasl_new(arena, SLICE("SCRAM-SHA-256-PLUS"), &bound), first, keys, ret_challenge);
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

	sasl = sasl_new(arena, SLICE("SCRAM-SHA-256"), &unbound); /* without an initial response */
	assert_int_equal(sasl_step(sasl, NONE, &challenge), SASL_CHALLENGE);
	assert_int_equal(challenge.len, 0);
	assert_int_equal(sasl_step(sasl, SLICE(RFC_FIRST), &challenge), SASL_NEED_USER);
}

static void plus_is_bound(void **state)
{
	struct scram_keys keys;
	struct slice challenge;
	struct sasl *sasl;

	(void)state;
	rfc_keys(&keys);
	sasl = plus_begun(SLICE(PLUS_FIRST), &keys, &challenge);
	assert_true(slice_eq(challenge, SLICE("r=" RFC_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")));
	assert_int_equal(sasl_step(sasl, SLICE(PLUS_FINAL), &challenge), SASL_OK);
	assert_true(slice_eq(challenge, SLICE(PLUS_SERVER)));
}

static void every_changed_byte_of_the_end_is_seen(void **state)
{
	static const struct {
		struct sasl *(*begin)(struct slice, const struct scram_keys *, struct slice *);
		struct slice first, final;
	} cases[] = {
		{ scram_begun, SLICE(RFC_FIRST), SLICE(RFC_FINAL) },
		{ plus_begun, SLICE(PLUS_FIRST), SLICE(PLUS_FINAL) },
	};
	struct scram_keys keys;
	struct slice challenge;

	(void)state;
	rfc_keys(&keys);
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		const struct slice final = cases[c].final;

		for (size_t i = 0; i < final.len; i++) {
			uint8_t *changed = (uint8_t *)arena_copy(arena, final).data;
			struct sasl *sasl = cases[c].begin(cases[c].first, &keys, &challenge);

			changed[i] ^= 1;
			if (sasl_step(sasl, slice_of(changed, final.len), &challenge) != SASL_FAILED)
				fail_msg("case %zu byte %zu", c, i);
			sasl = cases[c].begin(cases[c].first, &keys, &challenge);
			assert_int_equal(sasl_step(sasl, slice_first(final, i), &challenge), SASL_FAILED);
		}
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
		struct sasl *sasl = sasl_new(arena, SLICE("SCRAM-SHA-256"), &unbound);
		struct slice challenge;
		enum sasl_next next = sasl_step(sasl, cases[i].first, &challenge);

		if (next != (cases[i].login ? SASL_NEED_USER : SASL_FAILED))
			fail_msg("%s: %d %s", cases[i].name, (int)next, sasl_error(sasl));
		if (cases[i].login && (!slice_eq(sasl_login(sasl), slice_str(cases[i].login)) ||
		                       !slice_eq(sasl_authzid(sasl), slice_str(cases[i].authzid))))
			fail_msg("%s: names", cases[i].name);
	}
}

/* What the client says of channel binding, by what was offered. */
static void binding_flags(void **state)
{
	static const struct {
		const char *name;
		bool bound, plus;
		struct slice first;
		enum sasl_next end;
		const char *error;
	} cases[] = {
		{ "n, nothing offered", false, false, SLICE("n,,n=user,r=x"), SASL_NEED_USER, "" },
		{ "n, the client knows of none", true, false, SLICE("n,,n=user,r=x"), SASL_NEED_USER, "" },
		{ "y, nothing offered", false, false, SLICE("y,,n=user,r=x"), SASL_NEED_USER, "" },
		{ "y, and it was offered", true, false, SLICE("y,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: channel binding was offered, and somebody hid that from the client" },
		{ "p without PLUS", true, false, SLICE("p=tls-exporter,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: channel binding is for SCRAM-SHA-256-PLUS" },
		{ "PLUS", true, true, SLICE("p=tls-exporter,,n=user,r=x"), SASL_NEED_USER, "" },
		{ "PLUS for another", true, true, SLICE("p=tls-exporter,a=boss,n=user,r=x"), SASL_NEED_USER,
		  "" },
		{ "PLUS, n", true, true, SLICE("n,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: SCRAM-SHA-256-PLUS without channel binding" },
		{ "PLUS, y", true, true, SLICE("y,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: SCRAM-SHA-256-PLUS without channel binding" },
		{ "PLUS, tls-unique", true, true, SLICE("p=tls-unique,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: unsupported channel binding type" },
		{ "PLUS, tls-server-end-point", true, true, SLICE("p=tls-server-end-point,,n=user,r=x"),
		  SASL_FAILED, "SCRAM: unsupported channel binding type" },
		{ "PLUS, a longer name", true, true, SLICE("p=tls-exporters,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: unsupported channel binding type" },
		{ "PLUS, upper case", true, true, SLICE("p=TLS-EXPORTER,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: unsupported channel binding type" },
		{ "PLUS, no name", true, true, SLICE("p=,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: unsupported channel binding type" },
		{ "PLUS, p alone", true, true, SLICE("p,,n=user,r=x"), SASL_FAILED,
		  "SCRAM: malformed channel binding flag" },
		{ "PLUS, cut", true, true, SLICE("p=tls-exporter"), SASL_FAILED, "SCRAM: malformed start" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sasl *sasl =
		    sasl_new(arena, cases[i].plus ? SLICE("SCRAM-SHA-256-PLUS") : SLICE("SCRAM-SHA-256"),
		             cases[i].bound ? &bound : &unbound);
		struct slice challenge;

		if (sasl_step(sasl, cases[i].first, &challenge) != cases[i].end ||
		    strcmp(sasl_error(sasl), cases[i].error) != 0)
			fail_msg("%s: \"%s\"", cases[i].name, sasl_error(sasl));
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

static const char *bound_text(const char *header, const uint8_t *data, size_t len)
{
	size_t head = strlen(header), size = sodium_base64_encoded_len(head + len, 1);
	uint8_t *raw = arena_alloc(arena, head + len);

	memcpy(raw, header, head);
	memcpy(raw + head, data, len);
	return sodium_bin2base64(arena_alloc(arena, size), size, raw, head + len,
	                         sodium_base64_VARIANT_ORIGINAL);
}

/* The password is right in all of them: it is the connection that is another one. */
static void plus_ends(void **state)
{
	const char *header = "p=tls-exporter,,";
	uint8_t other[SASL_BINDING + 1] = { 0 };
	const struct {
		const char *name, *header;
		const uint8_t *data;
		size_t len;
		enum sasl_next end;
	} cases[] = {
		{ "right", header, exported, SASL_BINDING, SASL_OK },
		{ "another connection's", header, other, SASL_BINDING, SASL_FAILED },
		{ "cut", header, exported, SASL_BINDING - 1, SASL_FAILED },
		{ "cut to a half", header, exported, SASL_BINDING / 2, SASL_FAILED },
		{ "none", header, exported, 0, SASL_FAILED },
		{ "longer", header, other, SASL_BINDING + 1, SASL_FAILED },
		{ "an authzid came in", "p=tls-exporter,a=boss,", exported, SASL_BINDING, SASL_FAILED },
		{ "the header of n", "n,,", exported, SASL_BINDING, SASL_FAILED },
		{ "n, unbound", "n,,", exported, 0, SASL_FAILED },
	};
	struct scram_keys keys;

	(void)state;
	rfc_keys(&keys);
	memcpy(other + 1, exported, SASL_BINDING); /* the right one, but not where it should be */
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice server_first, challenge;
		struct sasl *sasl = plus_begun(SLICE("p=tls-exporter,,n=user,r=abc"), &keys, &server_first);
		struct slice final = client_final(SLICE("n=user,r=abc"), server_first,
		                                  bound_text(cases[i].header, cases[i].data, cases[i].len),
		                                  SLICE("abc" RFC_SERVER_NONCE), "", "pencil", keys.salt);
		enum sasl_next next = sasl_step(sasl, final, &challenge);

		if (next != cases[i].end)
			fail_msg("%s: %d %s", cases[i].name, (int)next, sasl_error(sasl));
		if (next == SASL_FAILED)
			assert_string_equal(sasl_error(sasl),
			                    "SCRAM: the channel binding is another than this connection's");
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
		struct sasl *sasl = sasl_new(arena, SLICE("SCRAM-SHA-256"), &unbound);

		assert_int_equal(sasl_step(sasl, SLICE("n,,n=user,r=abc"), challenges[i]), SASL_NEED_USER);
		sasl_nobody(sasl, made_up_salt);
		assert_int_equal(sasl_step(sasl, NONE, challenges[i]), SASL_CHALLENGE);
		assert_true(slice_starts(*challenges[i], "r=abc"));
	}
	assert_false(slice_eq(one, two));
}

static void unknown_users_look_like_known_ones(void **state)
{
	struct slice challenge, server_first, salt, rest, part;
	struct scram_keys keys = { .iterations = 1 };
	struct sasl *sasl;
	struct buf raw;

	(void)state;
	sasl = scram_begun(SLICE("n,,n=nobody,r=abc"), NULL, &server_first);
	rest = server_first;
	assert_true(slice_cut(&rest, ',', &part) && slice_cut(&rest, ',', &salt));
	buf_init(&raw, 100);
	assert_true(base64_decode(&raw, slice_from(salt, 2)));
	assert_true(slice_eq(buf_slice(&raw), slice_of(made_up_salt, SCRAM_SALT)));
	assert_true(slice_eq(rest, slice_str(arena_printf(arena, "i=%d", SCRAM_ITERATIONS))));
	buf_done(&raw);

	memcpy(keys.salt, made_up_salt, SCRAM_SALT);
	assert_int_equal(sasl_step(sasl,
	                           client_final(SLICE("n=nobody,r=abc"), server_first, "biws",
	                                        SLICE("abc" RFC_SERVER_NONCE), "", "pencil", keys.salt),
	                           &challenge),
	                 SASL_FAILED);
	assert_int_equal(challenge.len, 0);
	assert_string_equal(sasl_error(sasl), "SCRAM: no such user");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scram_is_that_of_rfc_7677),
		cmocka_unit_test(plus_is_bound),
		cmocka_unit_test(every_changed_byte_of_the_end_is_seen),
		cmocka_unit_test(scram_beginnings),
		cmocka_unit_test(binding_flags),
		cmocka_unit_test(scram_ends),
		cmocka_unit_test(plus_ends),
		cmocka_unit_test(a_nonce_of_another_dialogue_is_refused),
		cmocka_unit_test(server_nonces_differ),
		cmocka_unit_test(unknown_users_look_like_known_ones),
	};

	return cmocka_run_group_tests(tests, start, end);
}
