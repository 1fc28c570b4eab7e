/* SCRAM-SHA-256 over AUTHENTICATE, with a client of the test's own (RFC 5802 3), right and wrong, and the lockout. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/base64.h"
#include "imap_world.h"

#define FIRST_BARE "n=" WORLD_LOGIN ",r=fyko+d2lbbFgONRv9qkxdawL"

static const char *encode(struct arena *arena, const char *text)
{
	struct buf out;
	const char *copy;

	buf_init(&out, 4096);
	assert_true(base64_encode(&out, slice_str(text)));
	copy = arena_strz(arena, buf_slice(&out));
	buf_done(&out);
	return copy;
}

static struct slice decode(struct arena *arena, const char *text)
{
	struct buf out;
	struct slice copy;

	buf_init(&out, 4096);
	assert_true(base64_decode(&out, slice_str(text)));
	copy = arena_copy(arena, buf_slice(&out));
	buf_done(&out);
	return copy;
}

static void hmac(const uint8_t key[32], const char *text, uint8_t out[32])
{
	assert_non_null(HMAC(EVP_sha256(), key, 32, (const uint8_t *)text, strlen(text), out, NULL));
}

/* "r=…,s=…,i=…" -> client-final, with the proof that `password` gives. */
static const char *client_final(struct arena *arena, const char *password, const char *server_first)
{
	char nonce[200], salt[100];
	uint8_t salted[32], client_key[32], stored[32], signature[32];
	const char *without_proof, *auth_message;
	struct slice raw_salt;
	struct buf proof;
	int iterations;

	assert_int_equal(sscanf(server_first, "r=%199[^,],s=%99[^,],i=%d", nonce, salt, &iterations), 3);
	raw_salt = decode(arena, salt);
	PKCS5_PBKDF2_HMAC(password, -1, raw_salt.data, (int)raw_salt.len, iterations, EVP_sha256(), 32,
	                  salted);
	hmac(salted, "Client Key", client_key);
	SHA256(client_key, 32, stored);
	without_proof = arena_printf(arena, "c=biws,r=%s", nonce);
	auth_message = arena_printf(arena, FIRST_BARE ",%s,%s", server_first, without_proof);
	hmac(stored, auth_message, signature);
	for (int i = 0; i < 32; i++)
		client_key[i] ^= signature[i];
	buf_init(&proof, 100);
	base64_encode(&proof, slice_of(client_key, 32));
	without_proof = arena_printf(arena, "%s,p=%.*s", without_proof, SLICE_FMT(buf_slice(&proof)));
	buf_done(&proof);
	return without_proof;
}

static const char *ask(struct client *client, struct arena *arena, const char *line)
{
	const char *got;

	client_send(client, slice_str(arena_printf(arena, "%s\r\n", line)));
	got = client_line(client, arena, WORLD_PATIENCE);
	assert_non_null(got);
	return got;
}

/* The tagged reply. */
static const char *scram(struct client *client, struct arena *arena, const char *password, bool initial)
{
	const char *first = encode(arena, "n,," FIRST_BARE), *got;

	if (initial) {
		got = ask(client, arena, arena_printf(arena, "a AUTHENTICATE SCRAM-SHA-256 %s", first));
	} else {
		assert_string_equal(ask(client, arena, "a AUTHENTICATE SCRAM-SHA-256"), "+ ");
		got = ask(client, arena, first);
	}
	assert_memory_equal(got, "+ ", 2);
	got = arena_strz(arena, decode(arena, got + 2));
	got = ask(client, arena, encode(arena, client_final(arena, password, got)));
	if (got[0] != '+')
		return got;
	assert_memory_equal(decode(arena, got + 2).data, "v=", 2);
	return ask(client, arena, "");
}

static void test_scram(void **state)
{
	struct world *world = world_new();
	struct arena *arena = arena_new();
	struct client *client;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		client = world_client(world, i);
		client_line(client, arena, WORLD_PATIENCE); /* greeting */
		assert_memory_equal(scram(client, arena, "wrong", i == 0), "a NO [AUTHENTICATIONFAILED]", 27);
		assert_memory_equal(scram(client, arena, WORLD_PASSWORD, i == 0), "a OK [CAPABILITY", 16);
		assert_memory_equal(ask(client, arena, "b NAMESPACE"), "* NAMESPACE", 11);
	}
	arena_free(arena);
	world_free(world);
}

/* Nobody has the name: the same questions are asked, and it fails at the end. */
static void test_unknown_name(void **state)
{
	struct world *world = world_new();
	struct arena *arena = arena_new();
	struct client *client = world_client(world, 0);
	const char *first = encode(arena, "n,,n=nobody@example.org,r=abcdef"), *got;

	(void)state;
	client_line(client, arena, WORLD_PATIENCE);
	got = ask(client, arena, arena_printf(arena, "a AUTHENTICATE SCRAM-SHA-256 %s", first));
	assert_memory_equal(got, "+ ", 2);
	got = arena_strz(arena, decode(arena, got + 2));
	got = ask(client, arena, encode(arena, client_final(arena, "x", got)));
	assert_memory_equal(got, "a NO [AUTHENTICATIONFAILED] Wrong name or password", 50);
	arena_free(arena);
	world_free(world);
}

static void test_cancel_at_the_end(void **state)
{
	struct world *world = world_new();
	struct arena *arena = arena_new();
	struct client *client = world_client(world, 0);
	const char *got;

	(void)state;
	client_line(client, arena, WORLD_PATIENCE);
	got = ask(client, arena,
	          arena_printf(arena, "a AUTHENTICATE SCRAM-SHA-256 %s", encode(arena, "n,," FIRST_BARE)));
	got = arena_strz(arena, decode(arena, got + 2));
	got = ask(client, arena, encode(arena, client_final(arena, WORLD_PASSWORD, got)));
	assert_memory_equal(got, "+ ", 2);
	assert_memory_equal(ask(client, arena, "*"), "a BAD", 5);
	assert_memory_equal(ask(client, arena, "b NAMESPACE"), "b BAD", 5);
	arena_free(arena);
	world_free(world);
}

/* Guesses are slowed down, then refused without a look at the password; other clients go on meanwhile. */
static void test_lockout(void **state)
{
	struct world *world = world_new();
	struct arena *arena = arena_new();
	struct client *client = world_client(world, 0);

	(void)state;
	client_line(client, arena, WORLD_PATIENCE);
	for (int i = 0; i < 20; i++)
		lockout_failed(world->imapd->lockout, "local", SLICE(WORLD_LOGIN));
	assert_memory_equal(ask(client, arena, "a LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\""),
	                    "a NO [UNAVAILABLE]", 18);
	arena_free(arena);
	world_free(world);
}

static void test_delay(void **state)
{
	struct world *world = world_new();
	struct arena *arena = arena_new();
	struct client *client = world_client(world, 0), *other = world_client(world, 1);
	int64_t start, wait;

	(void)state;
	client_line(client, arena, WORLD_PATIENCE);
	client_line(other, arena, WORLD_PATIENCE);
	for (int i = 0; i < 3; i++)
		lockout_failed(world->imapd->lockout, "local", SLICE(WORLD_LOGIN));
	wait = lockout_delay(world->imapd->lockout, "local", SLICE(WORLD_LOGIN));
	assert_true(wait > 0);
	start = clock_mono_ms();
	client_send(client, SLICE("a LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"\r\n"));
	assert_memory_equal(ask(other, arena, "b NOOP"), "b OK", 4);
	assert_true(clock_mono_ms() - start < wait);
	assert_memory_equal(client_line(client, arena, WORLD_PATIENCE), "a OK", 4);
	assert_true(clock_mono_ms() - start >= wait - 20);
	arena_free(arena);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scram),
		cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_cancel_at_the_end),
		cmocka_unit_test(test_lockout),
		cmocka_unit_test(test_delay),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
