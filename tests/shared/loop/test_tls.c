/* TLS contexts: certificates by name, verification, DANE, reloads, bad settings. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "shared/loop/tls_pair.h"

/* -- names and verification -- */

struct verify_case {
	const char *name, *host;
	const struct cert_files *trust;
	bool verify;
	enum fault want;
	const char *why;
};

static const struct verify_case verify_cases[] = {
	{ "the default", "mx.example.org", &mx, true, FAULT_NONE, "" },
	{ "a final dot is no part of the name", "mx.example.org.", &mx, true, FAULT_NONE, "" },
	{ "by name", "mail.example.net", &alt, true, FAULT_NONE, "" },
	{ "by name, other case", "Mail.EXAMPLE.net", &alt, true, FAULT_NONE, "" },
	{ "by wildcard", "imap.example.com", &wild, true, FAULT_NONE, "" },
	{ "a wildcard is one label", "a.b.example.com", &wild, true, FAULT_DENIED, "self-signed" },
	{ "a wildcard is not nothing", "example.com", &wild, true, FAULT_DENIED, "self-signed" },
	{ "unknown issuer", "mx.example.org", &alt, true, FAULT_DENIED, "self-signed" },
	{ "other name", "other.example.org", &mx, true, FAULT_DENIED, "hostname mismatch" },
	{ "unknown issuer, opportunistic", "mx.example.org", &alt, false, FAULT_NONE, "self-signed" },
	{ "other name, opportunistic", "other.example.org", &mx, false, FAULT_NONE, "hostname mismatch" },
};

static void certificates_are_chosen_and_judged_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verify_cases); i++) {
		const struct verify_case *c = &verify_cases[i];
		struct tls_ctx *client = client_ctx(c->verify, c->trust->cert);
		struct conn_tls_info info;
		struct peer a, b;

		start_pair(&a, &b, NULL, client, c->host);
		tls_free(client); /* its connections keep what they need */
		assert_true(WAIT_FOR(loop, a.tls && b.tls));
		if (a.tls_fault != c->want || !strstr(a.why.text, c->want ? c->why : ""))
			fail_msg("%s: %s, %s", c->name, fault_name(a.tls_fault), a.why.text);
		assert_int_equal(conn_tls_info(a.conn, &info), c->want == FAULT_NONE);
		assert_int_equal(info.verified, c->why[0] == '\0');
		if (!strstr(info.verify_error, c->why))
			fail_msg("%s: verify_error %s", c->name, info.verify_error);
		if (c->want)
			assert_true(conn_ended(a.conn));
		peer_end(loop, &a, &b);
	}
}

static void a_name_that_is_none_is_told(void **state)
{
	char name[400];
	struct peer a, b;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	start_pair(&a, &b, NULL, anybody, name);
	assert_int_equal(a.tls, 0);
	assert_true(WAIT_FOR(loop, a.tls));
	assert_int_equal(a.tls_fault, FAULT_INPUT);
	peer_end(loop, &a, &b);
}

static bool dane_pair(struct peer *a, struct peer *b, const struct tls_tlsa *records, size_t n)
{
	bool started;

	peer_pair(loop, a, b, NULL);
	conn_start_tls(b->conn, server, NULL);
	started = conn_start_tls_dane(a->conn, anybody, "mx.example.org", records, n);
	if (started)
		assert_true(WAIT_FOR(loop, a->tls));
	return started;
}

static void tlsa_records_decide(void **state)
{
	struct slice right = slice_of(mx.spki_sha256, 32), wrong = slice_of(alt.spki_sha256, 32);
	const struct tls_tlsa good[] = { { 3, 1, 1, wrong }, { 3, 1, 1, right } },
	                      bad[] = { { 3, 1, 1, wrong } };
	const struct tls_tlsa unusable[] = { { 1, 1, 1, right },
		                             { 3, 1, 1, slice_first(right, 31) },
		                             { 3, 1, 9, right } };
	struct conn_tls_info info;
	struct peer a, b;

	(void)state;
	assert_true(dane_pair(&a, &b, good, 2));
	assert_int_equal(a.tls_fault, FAULT_NONE);
	assert_true(conn_tls_info(a.conn, &info));
	assert_true(info.verified);
	peer_end(loop, &a, &b);

	assert_true(dane_pair(&a, &b, bad, 1));
	assert_int_equal(a.tls_fault, FAULT_DENIED);
	assert_non_null(strstr(a.why.text, "DANE"));
	peer_end(loop, &a, &b);

	assert_false(dane_pair(&a, &b, unusable, 3));
	assert_false(conn_start_tls_dane(a.conn, anybody, "mx.example.org", NULL, 0));
	conn_start_tls(a.conn, anybody, "mx.example.org"); /* nothing was started: the owner's choice */
	assert_true(WAIT_FOR(loop, a.tls));
	assert_int_equal(a.tls_fault, FAULT_NONE);
	peer_end(loop, &a, &b);
}

/* -- reloading -- */

static enum fault try_name(struct tls_ctx *ctx, const struct cert_files *trust)
{
	struct tls_ctx *client = client_ctx(true, trust->cert);
	struct peer a, b;
	enum fault fault;

	peer_pair(loop, &a, &b, NULL);
	conn_start_tls(b.conn, ctx, NULL);
	conn_start_tls(a.conn, client, "r.example.org");
	assert_true(WAIT_FOR(loop, a.tls));
	fault = a.tls_fault;
	tls_free(client);
	peer_end(loop, &a, &b);
	return fault;
}

static void spoil(const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs("not a certificate\n", file);
	fclose(file);
}

static void a_reload_serves_the_new_and_keeps_the_old(void **state)
{
	struct cert_files old = cert_make(folder, "r", "r.example.org"), fresh;
	struct tls_ctx *ctx = server_ctx((struct tls_cert[]){ { NULL, old.cert, old.key } }, 1);
	struct peer a, b;
	struct why why;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_start_tls(b.conn, ctx, NULL);
	conn_start_tls(a.conn, anybody,
	               "r.example.org"); /* its handshake is still to come when the context goes */
	assert_int_equal(try_name(ctx, &old), FAULT_NONE);

	fresh = cert_make(folder, "r", "r.example.org");
	assert_int_equal(tls_reload(ctx, &why), FAULT_NONE);
	assert_int_equal(try_name(ctx, &fresh), FAULT_NONE);

	/* the new one stays when the next is broken; what is wrong is said with the file's name */
	fresh = cert_make(folder, "kept", "r.example.org");
	rename(fresh.cert, old.cert);
	assert_int_equal(tls_reload(ctx, &why), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "r.key: key values mismatch"));
	rename(fresh.key, old.key);
	assert_int_equal(tls_reload(ctx, &why), FAULT_NONE);
	snprintf(fresh.cert, sizeof(fresh.cert), "%s", old.cert);
	assert_int_equal(try_name(ctx, &fresh), FAULT_NONE);
	spoil(old.key);
	assert_int_equal(tls_reload(ctx, &why), FAULT_CONFIG);
	assert_int_equal(try_name(ctx, &fresh), FAULT_NONE);
	tls_free(ctx);

	conn_puts(a.conn, "still here");
	assert_true(WAIT_FOR(loop, peer_got(&b, "still here")));
	peer_end(loop, &a, &b);
	cert_remove(&old);
}

/* A handshake that is under way while its context, and the list of names its callback reads, are replaced and freed. */
static void a_context_may_go_in_the_middle_of_a_handshake(void **state)
{
	struct tls_ctx *ctx = server_ctx(
	    (struct tls_cert[]){ { NULL, mx.cert, mx.key }, { "mail.example.net", alt.cert, alt.key } }, 2);
	struct tls_ctx *client = client_ctx(true, alt.cert);
	struct peer a, b;
	struct why why;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_start_tls(b.conn, ctx, NULL);
	assert_int_equal(tls_reload(ctx, &why), FAULT_NONE);
	tls_free(ctx);
	conn_start_tls(a.conn, client, "mail.example.net");
	tls_free(client);
	assert_true(WAIT_FOR(loop, a.tls && b.tls));
	assert_int_equal(a.tls_fault, FAULT_NONE);
	peer_end(loop, &a, &b);
}

static int reloads, failures;

static void on_reload(void *arg, enum fault fault, const struct why *why)
{
	(void)arg;
	reloads++;
	failures += fault != FAULT_NONE;
	if (fault)
		assert_true(why->text[0] != '\0');
}

static void files_that_change_are_noticed(void **state)
{
	struct cert_files files = cert_make(folder, "r", "r.example.org");
	struct tls_ctx *ctx = server_ctx((struct tls_cert[]){ { NULL, files.cert, files.key } }, 1);

	(void)state;
	tls_watch(ctx, loop, 10, on_reload, NULL);
	for (int i = 0; i < 5; i++)
		loop_step(loop, 20);
	assert_int_equal(reloads, 0);
	files = cert_make(folder, "r", "r.example.org");
	assert_true(WAIT_FOR(loop, reloads));
	assert_int_equal(try_name(ctx, &files), FAULT_NONE);
	spoil(files.key);
	assert_true(WAIT_FOR(loop, failures));
	assert_int_equal(try_name(ctx, &files), FAULT_NONE);
	remove(files.key);
	assert_true(WAIT_FOR(loop, failures == 2));
	for (int i = 0; i < 5; i++)
		loop_step(loop, 20);
	assert_int_equal(failures, 2); /* said once a change */
	tls_free(ctx);
	cert_remove(&files);
}

static void bad_settings_are_told(void **state)
{
	const struct tls_cert named = { "mx.example.org", mx.cert, mx.key },
	                      gone = { NULL, "/nonexistent.crt", mx.key },
	                      crossed = { NULL, mx.cert, alt.key };
	struct tls_client_conf conf = { .verify = true, .ca_file = "/nonexistent.pem" };
	struct tls_ctx *ctx = NULL;
	struct why why;

	(void)state;
	assert_int_equal(tls_server_new(&named, 1, &ctx, &why), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "no default certificate"));
	assert_int_equal(tls_server_new(&gone, 1, &ctx, &why), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "/nonexistent.crt"));
	assert_int_equal(tls_server_new(&crossed, 1, &ctx, &why), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "mismatch"));
	assert_int_equal(tls_client_new(&conf, &ctx, &why), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "/nonexistent.pem"));
	assert_null(ctx);
}

/* ---- asking clients ---- */

static void clients_are_asked_and_let_in_without(void **state)
{
	const struct tls_cert cert = { NULL, mx.cert, mx.key };
	struct tls_ctx *ctx = server_ctx(&cert, 1);
	const struct slice *addresses;
	struct conn_tls_info info;
	struct arena *arena = arena_new();
	struct peer a, b;
	struct why why;

	(void)state;
	assert_int_equal(tls_ask_clients(ctx, alt.cert, &why), FAULT_NONE);
	peer_pair(loop, &a, &b, NULL);
	conn_start_tls(b.conn, ctx, NULL);
	conn_start_tls(a.conn, trusts_mx, "mx.example.org");
	assert_true(WAIT_FOR(loop, a.tls && b.tls));
	assert_int_equal(b.tls_fault, FAULT_NONE);
	assert_true(conn_tls_info(b.conn, &info));
	assert_false(info.verified);
	assert_int_equal(conn_tls_addresses(b.conn, arena, &addresses), 0);
	assert_int_equal(conn_tls_addresses(a.conn, arena, &addresses), 0); /* verified; names a host */
	peer_end(loop, &a, &b);
	tls_free(ctx);
	arena_free(arena);
}

static void authorities_that_cannot_be_read(void **state)
{
	const struct tls_cert cert = { NULL, mx.cert, mx.key };
	const char *const files[] = { "/nowhere/ca.pem", mx.key };
	struct why why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct tls_ctx *ctx = server_ctx(&cert, 1);

		assert_int_equal(tls_ask_clients(ctx, files[i], &why), FAULT_CONFIG);
		assert_non_null(strstr(why.text, files[i]));
		tls_free(ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_chosen_and_judged_by_name),
		cmocka_unit_test(a_name_that_is_none_is_told),
		cmocka_unit_test(tlsa_records_decide),
		cmocka_unit_test(a_reload_serves_the_new_and_keeps_the_old),
		cmocka_unit_test(a_context_may_go_in_the_middle_of_a_handshake),
		cmocka_unit_test(files_that_change_are_noticed),
		cmocka_unit_test(bad_settings_are_told),
		cmocka_unit_test(clients_are_asked_and_let_in_without),
		cmocka_unit_test(authorities_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, tls_make, tls_clean);
}
