/*
 * DKIM: what verifies and what does not, and the attacks. Where libopendkim by
 * itself would say yes, it is asked, so that the fence shows what it is for.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rand.h"
#include "check_dkim.h"
#include "smtpd/check_zone.h"
#include "smtpd/dkim_maker.h"

#define MESSAGE                                                                                              \
	"From: Alice <alice@example.test>\r\nTo: bob@example.org\r\nSubject: a\r\n\tfolded subject\r\n"      \
	"Date: Sun, 22 Nov 2026 15:56:25 +0000\r\n\r\nHello,\r\n\r\nthis is the body.\r\n"

static struct maker_key rsa2048, rsa4096, rsa512, ed25519;
static char testing_key[1200], revoked_key[64] = "v=DKIM1; p=";
static struct zone_line zone[] = {
	{ "rsa._domainkey.example.test", DNS_TXT, rsa2048.record },
	{ "big._domainkey.example.test", DNS_TXT, rsa4096.record },
	{ "small._domainkey.example.test", DNS_TXT, rsa512.record },
	{ "ed._domainkey.example.test", DNS_TXT, ed25519.record },
	{ "testing._domainkey.example.test", DNS_TXT, testing_key },
	{ "revoked._domainkey.example.test", DNS_TXT, revoked_key },
	{ "wrong._domainkey.example.test", DNS_TXT, rsa4096.record },
	{ "junk._domainkey.example.test", DNS_TXT, "v=DKIM1; p=!!!" },
	{ "two._domainkey.example.test", DNS_TXT, rsa2048.record },
	{ "two._domainkey.example.test", DNS_TXT, rsa2048.record },
	{ "broken._domainkey.example.test", ZONE_SERVFAIL, "" },
	{ "rsa._domainkey.other.test", DNS_TXT, rsa2048.record },
	{ NULL },
};
static struct dkim_verifier *verifier;

static void check(struct dkim_check *ret, struct slice message, struct arena *arena)
{
	struct answers *answers = arena_make(arena, struct answers);

	answers_init(answers, arena, zone_known, zone);
	dkim_check_read(ret, message, arena);
	assert_true(dkim_check_keys(ret, answers));
	dkim_check_verify(ret, verifier);
}

static void make(const char *selector, const struct maker_key *key, dkim_alg_t algorithm, struct buf *out)
{
	struct maker_sign how = { .key = key,
		                  .domain = "example.test",
		                  .selector = selector,
		                  .algorithm = algorithm,
		                  .length = -1 };

	maker_sign(SLICE(MESSAGE), &how, out);
}

static void results(void **state)
{
	static const struct {
		const char *what, *selector;
		const struct maker_key *key;
		dkim_alg_t algorithm;
		enum authres want;
		const char *why;
	} cases[] = {
		{ "RSA 2048", "rsa", &rsa2048, DKIM_SIGN_RSASHA256, AUTHRES_PASS, "" },
		{ "RSA 4096", "big", &rsa4096, DKIM_SIGN_RSASHA256, AUTHRES_PASS, "" },
		{ "Ed25519", "ed", &ed25519, DKIM_SIGN_ED25519SHA256, AUTHRES_PASS, "" },
		{ "RSA 512", "small", &rsa512, DKIM_SIGN_RSASHA256, AUTHRES_POLICY,
		  "the key has less than 1024 bits" },
		{ "rsa-sha1", "rsa", &rsa2048, DKIM_SIGN_RSASHA1, AUTHRES_POLICY,
		  "rsa-sha1 proves nothing any more (RFC 8301)" },
		{ "another's key", "wrong", &rsa2048, DKIM_SIGN_RSASHA256, AUTHRES_FAIL,
		  "the signature is not right" },
		{ "no key", "nothing", &rsa2048, DKIM_SIGN_RSASHA256, AUTHRES_PERMERROR,
		  "there is no such key" },
		{ "revoked", "revoked", &rsa2048, DKIM_SIGN_RSASHA256, AUTHRES_PERMERROR, NULL },
		{ "junk key", "junk", &rsa2048, DKIM_SIGN_RSASHA256, AUTHRES_PERMERROR, NULL },
		{ "two key records", "two", &rsa2048, DKIM_SIGN_RSASHA256, AUTHRES_PERMERROR,
		  "there are several key records" },
		{ "server failure", "broken", &rsa2048, DKIM_SIGN_RSASHA256, AUTHRES_TEMPERROR,
		  "the DNS gave no key" },
		{ "test key", "testing", &rsa2048, DKIM_SIGN_RSASHA256, AUTHRES_PASS, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct dkim_check got;
		struct buf message;

		make(cases[i].selector, cases[i].key, cases[i].algorithm, &message);
		check(&got, buf_slice(&message), arena);
		assert_int_equal(got.n, 1);
		if (got.signatures[0].result != cases[i].want ||
		    (cases[i].why && strcmp(got.signatures[0].why, cases[i].why) != 0))
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got.signatures[0].result),
			         got.signatures[0].why);
		assert_true(got.signatures[0].testing == (strcmp(cases[i].selector, "testing") == 0));
		assert_string_equal(got.signatures[0].tags.domain, "example.test");
		buf_done(&message);
		arena_free(arena);
	}
}

/* Replaces the first `from` of a signed message by `to`. */
static void altered(void **state)
{
	static const struct {
		const char *what, *from, *to;
		enum authres want;
		const char *why;
	} cases[] = {
		{ "as it was", "Hello", "Hello", AUTHRES_PASS, "" },
		{ "a word of the body", "Hello", "Jello", AUTHRES_FAIL, "the body was altered" },
		{ "text behind the body", "body.\r\n", "body.\r\nBuy!\r\n", AUTHRES_FAIL,
		  "the body was altered" },
		{ "empty lines at the end", "body.\r\n", "body.\r\n\r\n\r\n", AUTHRES_PASS, "" },
		{ "no line end at the end", "body.\r\n", "body.", AUTHRES_PASS, "" },
		{ "the subject", "folded subject", "false subject", AUTHRES_FAIL,
		  "the signature is not right" },
		{ "the fold of the subject", "a\r\n\tfolded", "a folded", AUTHRES_PASS, "" },
		{ "the author", "alice@", "malory@", AUTHRES_FAIL, "the signature is not right" },
		{ "an unsigned field", "To: ", "X-New: 1\r\nTo: ", AUTHRES_PASS, "" },
		{ "a line that is no field", "To: ", "what is this\r\nTo: ", AUTHRES_PASS, "" },
		{ "a field with a NUL", "To: ", "X-Nul: \001\r\nTo: ", AUTHRES_PASS, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct dkim_check got;
		struct buf message, other;
		ptrdiff_t at;

		make("rsa", &rsa2048, DKIM_SIGN_RSASHA256, &message);
		at = slice_find(buf_slice(&message), slice_str(cases[i].from));
		assert_true(at >= 0);
		buf_init(&other, BUF_NO_LIMIT);
		buf_add(&other, message.data, (size_t)at);
		buf_adds(&other, cases[i].to);
		buf_add_slice(&other, slice_from(buf_slice(&message), (size_t)at + strlen(cases[i].from)));
		for (size_t c = 0; c < other.len; c++) {
			if (other.data[c] == 1)
				other.data[c] = 0;
		}
		check(&got, buf_slice(&other), arena);
		if (got.signatures[0].result != cases[i].want ||
		    strcmp(got.signatures[0].why, cases[i].why) != 0)
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got.signatures[0].result),
			         got.signatures[0].why);
		buf_done(&message);
		buf_done(&other);
		arena_free(arena);
	}
}

static void times(void **state)
{
	uint64_t now = (uint64_t)(clock_now() / 1000);
	const struct {
		const char *what;
		uint64_t time, ttl;
		enum authres want;
	} cases[] = {
		{ "still good", now - 60, 3600, AUTHRES_PASS },
		{ "expired", now - 7200, 3600, AUTHRES_FAIL },
		{ "signed tomorrow", now + 86400, 0, AUTHRES_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct maker_sign how = { &rsa2048, "example.test", "rsa",         DKIM_SIGN_RSASHA256,
			                  -1,       false,          cases[i].time, cases[i].ttl };
		struct arena *arena = arena_new();
		struct dkim_check got;
		struct buf message;

		maker_sign(SLICE(MESSAGE), &how, &message);
		check(&got, buf_slice(&message), arena);
		if (got.signatures[0].result != cases[i].want)
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got.signatures[0].result),
			         got.signatures[0].why);
		buf_done(&message);
		arena_free(arena);
	}
}

static DKIM_CBSTAT bare_key(DKIM *dkim, DKIM_SIGINFO *info, u_char *buf, size_t size)
{
	(void)dkim;
	(void)info;
	snprintf((char *)buf, size, "%s", rsa2048.record);
	return DKIM_CBSTAT_CONTINUE;
}

/* libopendkim without the guard and the checks of check_dkim.c. */
static bool bare_passes(struct slice message)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	struct header_iter iter = header_iter_of(message);
	struct header_field field;
	DKIM_STAT status;
	DKIM *dkim;
	bool good;

	dkim_set_key_lookup(lib, bare_key);
	dkim = dkim_verify(lib, (const u_char *)"test", NULL, &status);
	while (header_next(&iter, &field))
		dkim_header(dkim, (u_char *)(uintptr_t)(message.data + field.start),
		            field.end - field.start - 2);
	dkim_eoh(dkim);
	dkim_body(dkim, (u_char *)(uintptr_t)(message.data + iter.at), message.len - iter.at);
	good = dkim_eom(dkim, NULL) == DKIM_STAT_OK;
	dkim_free(dkim);
	dkim_close(lib);
	return good;
}

/* l= covers the first bytes of the body; the rest is whatever somebody appended. */
static void partly_signed(void **state)
{
	static const struct {
		const char *what;
		ssize_t length;
		const char *more;
		enum authres want;
	} cases[] = {
		{ "all of it", (ssize_t)sizeof("Hello,\r\n\r\nthis is the body.\r\n") - 1, "", AUTHRES_PASS },
		{ "all of it, and text appended", (ssize_t)sizeof("Hello,\r\n\r\nthis is the body.\r\n") - 1,
		  "Send money.\r\n", AUTHRES_POLICY },
		{ "the first ten bytes", 10, "", AUTHRES_POLICY },
		{ "nothing at all", 0, "", AUTHRES_POLICY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct maker_sign how = { &rsa2048, "example.test", "rsa", DKIM_SIGN_RSASHA256,
			                  cases[i].length };
		struct arena *arena = arena_new();
		struct dkim_check got;
		struct buf message;

		maker_sign(SLICE(MESSAGE), &how, &message);
		buf_adds(&message, cases[i].more);
		check(&got, buf_slice(&message), arena);
		if (got.signatures[0].result != cases[i].want)
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got.signatures[0].result),
			         got.signatures[0].why);
		assert_true(bare_passes(buf_slice(&message))); /* the library by itself takes them all */
		buf_done(&message);
		arena_free(arena);
	}
}

static void sha1_bare(void **state)
{
	struct buf message;

	(void)state;
	make("rsa", &rsa2048, DKIM_SIGN_RSASHA1, &message);
	assert_true(bare_passes(buf_slice(&message)));
	buf_done(&message);
}

static unsigned keys_asked;

static const struct dns_answer *counting_known(void *arg, const char *name, enum dns_type type)
{
	keys_asked++;
	return zone_known(arg, name, type);
}

/* 200 signatures ask for at most eight keys and are verified in no time. */
static void many_signatures(void **state)
{
	struct arena *arena = arena_new();
	struct answers answers;
	struct dkim_check got;
	struct buf good, message;
	int64_t start;

	(void)state;
	keys_asked = 0;
	make("rsa", &rsa2048, DKIM_SIGN_RSASHA256, &good);
	buf_init(&message, BUF_NO_LIMIT);
	for (int i = 0; i < 200; i++)
		buf_printf(&message,
		           "DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=rsa; h=from;\r\n\tbh=AAAA; "
		           "b=AAAA%04d\r\n",
		           i);
	buf_add_slice(&message, buf_slice(&good));
	answers_init(&answers, arena, counting_known, zone);
	start = clock_mono_ms();
	dkim_check_read(&got, buf_slice(&message), arena);
	assert_true(dkim_check_keys(&got, &answers));
	dkim_check_verify(&got, verifier);
	assert_true(clock_mono_ms() - start < 1000);
	assert_int_equal(got.n, DKIM_SIGNATURES_MAX);
	assert_int_equal(got.ignored, 201 - DKIM_SIGNATURES_MAX);
	assert_true(keys_asked <= DKIM_SIGNATURES_MAX);
	for (size_t i = 0; i < got.n; i++)
		assert_int_not_equal(got.signatures[i].result, AUTHRES_PASS);
	buf_done(&good);
	buf_done(&message);
	arena_free(arena);
}

/* Good ones between bad ones, fed and not fed: each keeps its own result. */
static void several(void **state)
{
	static const enum authres want[] = { AUTHRES_NEUTRAL,   AUTHRES_PASS,   AUTHRES_FAIL,
		                             AUTHRES_PERMERROR, AUTHRES_POLICY, AUTHRES_PASS };
	struct maker_sign ed = { &ed25519, "example.test", "ed", DKIM_SIGN_ED25519SHA256, -1 };
	struct maker_sign rsa = { &rsa2048, "example.test", "rsa", DKIM_SIGN_RSASHA256, -1, .simple = true };
	struct arena *arena = arena_new();
	struct dkim_check got;
	struct buf one, two, message;

	(void)state;
	maker_sign(SLICE(MESSAGE), &ed, &one);
	maker_sign(SLICE(MESSAGE), &rsa, &two);
	buf_init(&message, BUF_NO_LIMIT);
	buf_adds(&message, "DKIM-Signature: v=1; i=broken=\r\n");
	buf_add(&message, two.data, two.len - sizeof(MESSAGE) + 1);
	buf_adds(&message,
	         "DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=rsa; h=from; bh=AAAA; b=AAAA\r\n");
	buf_adds(&message,
	         "DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=none; h=from; bh=AAAA; b=AAAA\r\n");
	buf_adds(&message,
	         "DKIM-Signature: v=1; a=rsa-sha1; d=example.test; s=rsa; h=from; bh=AAAA; b=AAAA\r\n");
	buf_add_slice(&message, buf_slice(&one));
	check(&got, buf_slice(&message), arena);
	assert_int_equal(got.n, ARRAY_LEN(want));
	for (size_t i = 0; i < got.n; i++) {
		if (got.signatures[i].result != want[i])
			fail_msg("signature %zu: %s (%s)", i, authres_name(got.signatures[i].result),
			         got.signatures[i].why);
	}
	assert_int_equal(got.signatures[1].key_bits, 2048);
	buf_done(&one);
	buf_done(&two);
	buf_done(&message);
	arena_free(arena);
}

/* i= values that make the library read past its buffers never get there; From unsigned is an error. */
static void hand_made(void **state)
{
	static const struct {
		const char *what, *tags;
		enum authres want;
	} cases[] = {
		{ "i= with an open escape",
		  "d=example.test; s=rsa; h=from; i=@example.test=", AUTHRES_NEUTRAL },
		{ "i= of another domain", "d=example.test; s=rsa; h=from; i=@evil.test", AUTHRES_PERMERROR },
		{ "i= long, all escapes",
		  "d=example.test; s=rsa; h=from; i="
		  "=41=41=41=41=41=41=41=41=41@example.test",
		  AUTHRES_FAIL },
		{ "From is not signed", "d=example.test; s=rsa; h=to:subject", AUTHRES_PERMERROR },
		{ "z=", "d=example.test; s=rsa; h=from; z=From:=", AUTHRES_NEUTRAL },
		{ "c= unknown", "d=example.test; s=rsa; h=from; c=nowsp/nowsp", AUTHRES_PERMERROR },
		{ "q= unknown", "d=example.test; s=rsa; h=from; q=http/get", AUTHRES_NEUTRAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct dkim_check got;
		struct buf message;

		buf_init(&message, BUF_NO_LIMIT);
		buf_printf(&message,
		           "DKIM-Signature: v=1; a=rsa-sha256; %s;\r\n"
		           "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAAAAAA\r\n" MESSAGE,
		           cases[i].tags);
		check(&got, buf_slice(&message), arena);
		if (got.signatures[0].result != cases[i].want)
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got.signatures[0].result),
			         got.signatures[0].why);
		buf_done(&message);
		arena_free(arena);
	}
}

static void odd_messages(void **state)
{
	static const struct {
		const char *what;
		struct slice message;
		size_t n;
	} cases[] = {
		{ "empty", { NULL, 0 }, 0 },
		{ "no signature", SLICE(MESSAGE), 0 },
		{ "nothing but a signature",
		  SLICE("DKIM-Signature: v=1; a=rsa-sha256; d=example.test; s=rsa; h=from; bh=AAAA; "
		        "b=AAAA\r\n"),
		  1 },
		{ "no body, no line end",
		  SLICE("DKIM-Signature: v=1; a=rsa-sha256; d=example.test; s=rsa; h=from; bh=AAAA; b=AAAA"),
		  1 },
		{ "no author",
		  SLICE("DKIM-Signature: v=1; a=rsa-sha256; d=example.test; s=rsa; h=from; bh=AAAA; "
		        "b=AAAA\r\n\r\nx\r\n"),
		  1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct dkim_check got;

		check(&got, cases[i].message, arena);
		if (got.n != cases[i].n || (got.n && (got.signatures[0].result == AUTHRES_NONE ||
		                                      got.signatures[0].result == AUTHRES_PASS)))
			fail_msg("%s: %zu signatures", cases[i].what, got.n);
		arena_free(arena);
	}
}

/* 200 names to look for in 2,001 fields: refused before it costs anything. */
static void too_many_fields(void **state)
{
	struct arena *arena = arena_new();
	struct dkim_check got;
	struct buf message;

	(void)state;
	make("rsa", &rsa2048, DKIM_SIGN_RSASHA256, &message);
	{
		struct buf other;

		buf_init(&other, BUF_NO_LIMIT);
		for (int i = 0; i < 2001; i++)
			buf_adds(&other, "X: y\r\n");
		buf_add_slice(&other, buf_slice(&message));
		buf_done(&message);
		message = other;
	}
	check(&got, buf_slice(&message), arena);
	assert_int_equal(got.signatures[0].result, AUTHRES_PERMERROR);
	assert_string_equal(got.signatures[0].why, "the header has too many fields");
	buf_done(&message);
	arena_free(arena);
}

static void missing_then_there(void **state)
{
	struct arena *arena = arena_new();
	struct answers answers;
	struct dkim_check got;
	struct buf message;

	(void)state;
	make("rsa", &rsa2048, DKIM_SIGN_RSASHA256, &message);
	answers_init(&answers, arena, NULL, NULL);
	dkim_check_read(&got, buf_slice(&message), arena);
	assert_false(dkim_check_keys(&got, &answers));
	assert_int_equal(zone_resolve(&answers, zone), 1);
	assert_true(dkim_check_keys(&got, &answers));
	assert_true(dkim_check_is_open(&got));
	dkim_check_verify(&got, verifier);
	assert_int_equal(got.signatures[0].result, AUTHRES_PASS);
	assert_false(dkim_check_is_open(&got));
	buf_done(&message);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results),
		cmocka_unit_test(altered),
		cmocka_unit_test(times),
		cmocka_unit_test(partly_signed),
		cmocka_unit_test(sha1_bare),
		cmocka_unit_test(many_signatures),
		cmocka_unit_test(several),
		cmocka_unit_test(hand_made),
		cmocka_unit_test(odd_messages),
		cmocka_unit_test(too_many_fields),
		cmocka_unit_test(missing_then_there),
	};
	int failed;

	rand_start();
	maker_rsa(2048, &rsa2048);
	maker_rsa(4096, &rsa4096);
	maker_rsa(512, &rsa512);
	maker_ed25519(&ed25519);
	snprintf(testing_key, sizeof(testing_key), "v=DKIM1; t=y; %s",
	         rsa2048.record + sizeof("v=DKIM1; ") - 1);
	verifier = dkim_verifier_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	dkim_verifier_free(verifier);
	return failed;
}
