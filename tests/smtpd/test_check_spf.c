/*
 * SPF: results, limits, and the attacks that libspf2 does not stand by itself
 * (shown in a child process where they would take the test down).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/nameser.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/wait.h>

#define HAVE_NS_TYPE 1
#include <spf2/spf.h>
#include <spf2/spf_dns.h>

#include "base/rand.h"
#include "check_spf.h"
#include "smtpd/check_zone.h"

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static char long_record[5000], explanation[700], record_2048[2049], record_2049[2050];

static const struct zone_line zone[] = {
	{ "ok.test", DNS_TXT, "some other text" },
	{ "ok.test", DNS_TXT, "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all" },
	{ "plain.test", DNS_TXT, "v=spf10 +all" },
	{ "upper.test", DNS_TXT, "V=SPF1 IP4:192.0.2.0/24 -ALL" },
	{ "two.test", DNS_TXT, "v=spf1 -all" },
	{ "two.test", DNS_TXT, "v=spf1 +all" },
	{ "soft.test", DNS_TXT, "v=spf1 ~all" },
	{ "neutral.test", DNS_TXT, "v=spf1 ?all" },
	{ "open-end.test", DNS_TXT, "v=spf1 ip4:198.51.100.1" },
	{ "syntax.test", DNS_TXT, "v=spf1 foo:bar -all" },
	{ "zero.test", DNS_TXT, "v=spf1 ip4:0.0.0.0/0 -all" },
	{ "a.test", DNS_TXT, "v=spf1 a -all" },
	{ "a.test", DNS_A, "192.0.2.1" },
	{ "a.test", DNS_AAAA, "2001:db8::1" },
	{ "mx.test", DNS_TXT, "v=spf1 mx -all" },
	{ "mx.test", DNS_MX, "10 m1.mx.test" },
	{ "mx.test", DNS_MX, "20 m2.mx.test" },
	{ "m1.mx.test", DNS_A, "198.51.100.1" },
	{ "m2.mx.test", DNS_A, "192.0.2.1" },
	{ "ptr.test", DNS_TXT, "v=spf1 ptr -all" },
	{ "1.2.0.192.in-addr.arpa", DNS_PTR, "host.ptr.test" },
	{ "host.ptr.test", DNS_A, "192.0.2.1" },
	{ "exists.test", DNS_TXT, "v=spf1 exists:%{i}.%{l}.allow.test -all" },
	{ "192.0.2.1.user.allow.test", DNS_A, "127.0.0.2" },
	{ "helo-macro.test", DNS_TXT, "v=spf1 exists:%{h}.allow.test -all" },
	{ "client.example.allow.test", DNS_A, "127.0.0.2" },
	{ "include.test", DNS_TXT, "v=spf1 include:ok.test -all" },
	{ "include-none.test", DNS_TXT, "v=spf1 include:nothing.test -all" },
	{ "redirect.test", DNS_TXT, "v=spf1 redirect=ok.test" },
	{ "broken.test", ZONE_SERVFAIL, "" },
	{ "include-broken.test", DNS_TXT, "v=spf1 include:broken.test -all" },
	{ "match-first.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 include:broken.test -all" },
	{ "loop.test", DNS_TXT, "v=spf1 include:loop.test -all" },
	{ "helo.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all" },
	{ "xn--bcher-kva.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all" },
	{ "eight-bit.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 caf\xc3\xa9 -all" },

	/* terms: ten are good, eleven are not, wherever they stand */
	{ "ten.test", DNS_TXT,
	  "v=spf1 a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test "
	  "include:ok.test -all" },
	{ "eleven.test", DNS_TXT,
	  "v=spf1 a:b.a.test a:m1.mx.test a:m1.mx.test a:m1.mx.test a:m1.mx.test a:m1.mx.test "
	  "a:m1.mx.test a:m1.mx.test a:m1.mx.test a:m1.mx.test include:ok.test -all" },
	{ "b.a.test", DNS_A, "198.51.100.1" },
	/* 35 lookups, spread over includes: the library starts counting anew in each */
	{ "bomb.test", DNS_TXT,
	  "v=spf1 include:i1.bomb.test include:i2.bomb.test include:i3.bomb.test include:i4.bomb.test "
	  "include:i5.bomb.test ip4:192.0.2.1 -all" },
#define BOMB(i)                                                                                              \
	{                                                                                                    \
		"i" i ".bomb.test", DNS_TXT,                                                                 \
		    "v=spf1 a:m1.mx.test a:m1.mx.test a:m1.mx.test a:m1.mx.test a:m1.mx.test a:m1.mx.test "  \
		    "-all"                                                                                   \
	}
	BOMB("1"),
	BOMB("2"),
	BOMB("3"),
	BOMB("4"),
	BOMB("5"),
	/* the addresses of an MX's hosts are no terms of their own; a second MX is one */
	{ "many-mx.test", DNS_TXT, "v=spf1 mx mx:mx8.test a:m1.mx.test a:m2.mx.test -all" },
	{ "many-mx.test", DNS_MX, "10 m1.mx.test" },
	{ "mx8.test", DNS_MX, "10 b.a.test" },
	{ "mx8.test", DNS_MX, "11 m1.mx.test" },
	{ "mx8.test", DNS_MX, "12 b.a.test" },
	{ "mx8.test", DNS_MX, "13 m1.mx.test" },
	{ "mx8.test", DNS_MX, "14 b.a.test" },
	{ "mx8.test", DNS_MX, "15 m1.mx.test" },
	{ "mx8.test", DNS_MX, "16 b.a.test" },
	{ "mx8.test", DNS_MX, "17 m1.mx.test" },
	{ "eleven-mx.test", DNS_TXT, "v=spf1 mx ip4:192.0.2.1 -all" },
#define MX11(n)                                                                                              \
	{                                                                                                    \
		"eleven-mx.test", DNS_MX, n " b.a.test"                                                      \
	}
	MX11("1"),
	MX11("2"),
	MX11("3"),
	MX11("4"),
	MX11("5"),
	MX11("6"),
	MX11("7"),
	MX11("8"),
	MX11("9"),
	MX11("10"),
	MX11("11"),
	/* void lookups: two are good, three are not */
	{ "two-voids.test", DNS_TXT, "v=spf1 a:no1.test a:no2.test ip4:192.0.2.1 -all" },
	{ "three-voids.test", DNS_TXT, "v=spf1 a:no1.test mx:a.test exists:no3.test ip4:192.0.2.1 -all" },
	{ "void-hosts.test", DNS_TXT, "v=spf1 mx ip4:192.0.2.1 -all" },
	{ "void-hosts.test", DNS_MX, "1 no1.test" },
	{ "void-hosts.test", DNS_MX, "2 no2.test" },
	{ "void-hosts.test", DNS_MX, "3 no3.test" },
	{ "null-mx.test", DNS_TXT, "v=spf1 mx -all" },
	{ "null-mx.test", DNS_MX, "0 " },

	/* CVE-2023-42118 */
	{ "cve-exp.test", DNS_TXT, "v=spf1 -all exp=exp.cve-exp.test" },
	{ "exp.cve-exp.test", DNS_TXT, explanation },
	{ "cve-long.test", DNS_TXT, long_record },
	{ "r2048.test", DNS_TXT, record_2048 },
	{ "r2049.test", DNS_TXT, record_2049 },
	/* names that grow: %{l} repeated past 253 */
	{ "long-name.test", DNS_TXT, "v=spf1 exists:%{l}.%{l}.%{l}.%{l}.allow.test ip4:192.0.2.1 -all" },
	{ NULL },
};

static void make_records(void)
{
	size_t at;

	for (at = 0; at < 127 * 4; at += 4)
		memcpy(explanation + at, "%{d}", 4);
	memcpy(explanation + at, "abcdefghijklmnopqrst", 21);
	at = (size_t)snprintf(long_record, sizeof(long_record), "v=spf1");
	while (at < 4317 - 5)
		at += (size_t)snprintf(long_record + at, sizeof(long_record) - at, " ip4:203.0.113.%zu",
		                       at % 200 + 10);
	snprintf(long_record + at, sizeof(long_record) - at, " +all");
	at = (size_t)snprintf(record_2048, sizeof(record_2048), "v=spf1 ip4:192.0.2.1");
	while (at < 2048 - 20)
		at += (size_t)snprintf(record_2048 + at, sizeof(record_2048) - at, " ip4:203.0.113.1");
	memset(record_2048 + at, ' ', 2048 - 5 - at);
	memcpy(record_2048 + 2048 - 5, " -all", 6);
	snprintf(record_2049, sizeof(record_2049), "%s ", record_2048);
}

struct fixture {
	struct arena *arena;
	struct answers answers;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->arena = arena_new();
	answers_init(&f->answers, f->arena, zone_known, (void *)(uintptr_t)zone);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	free(f);
	return 0;
}

static struct spf_outcome check_from(const char *ip, const char *helo, const char *from)
{
	struct arena *arena = arena_new();
	struct answers answers;
	struct spf_outcome outcome;
	struct spf_input input = { .ip = ip, .helo = helo, .mail_from = slice_str(from) };
	static char domain[300], why[300];

	answers_init(&answers, arena, zone_known, (void *)(uintptr_t)zone);
	if (!spf_check_mail_from(&answers, &input, arena, &outcome))
		fail_msg("%s: something is missing", from);
	snprintf(domain, sizeof(domain), "%s", outcome.domain);
	snprintf(why, sizeof(why), "%s", outcome.why);
	outcome.domain = domain;
	outcome.why = why;
	arena_free(arena);
	return outcome;
}

static void results(void **state)
{
	static const struct {
		const char *what, *ip, *from;
		enum authres want;
	} cases[] = {
		{ "inside", "192.0.2.1", "user@ok.test", AUTHRES_PASS },
		{ "outside", "198.51.100.1", "user@ok.test", AUTHRES_FAIL },
		{ "v6 inside", "2001:db8::9", "user@ok.test", AUTHRES_PASS },
		{ "v6 outside", "2001:db9::9", "user@ok.test", AUTHRES_FAIL },
		{ "v4-mapped counts as v4", "::ffff:192.0.2.1", "user@ok.test", AUTHRES_PASS },
		{ "case", "192.0.2.1", "User@OK.Test", AUTHRES_PASS },
		{ "record in upper case", "192.0.2.1", "user@upper.test", AUTHRES_PASS },
		{ "no record, other texts", "192.0.2.1", "user@plain.test", AUTHRES_NONE },
		{ "no such domain", "192.0.2.1", "user@nothing.test", AUTHRES_NONE },
		{ "two records", "192.0.2.1", "user@two.test", AUTHRES_PERMERROR },
		{ "softfail", "192.0.2.1", "user@soft.test", AUTHRES_SOFTFAIL },
		{ "neutral", "192.0.2.1", "user@neutral.test", AUTHRES_NEUTRAL },
		{ "no all at the end", "192.0.2.1", "user@open-end.test", AUTHRES_NEUTRAL },
		{ "unknown mechanism", "192.0.2.1", "user@syntax.test", AUTHRES_PERMERROR },
		{ "ip4 of everybody", "192.0.2.1", "user@zero.test", AUTHRES_PERMERROR },
		{ "a", "192.0.2.1", "user@a.test", AUTHRES_PASS },
		{ "a, v6", "2001:db8::1", "user@a.test", AUTHRES_PASS },
		{ "a, another", "192.0.2.2", "user@a.test", AUTHRES_FAIL },
		{ "mx, the second host", "192.0.2.1", "user@mx.test", AUTHRES_PASS },
		{ "mx, no host", "192.0.2.9", "user@mx.test", AUTHRES_FAIL },
		{ "null mx", "192.0.2.9", "user@null-mx.test", AUTHRES_FAIL },
		{ "ptr", "192.0.2.1", "user@ptr.test", AUTHRES_PASS },
		{ "ptr, none", "192.0.2.2", "user@ptr.test", AUTHRES_FAIL },
		{ "exists with macros", "192.0.2.1", "user@exists.test", AUTHRES_PASS },
		{ "exists, another user", "192.0.2.1", "other@exists.test", AUTHRES_FAIL },
		{ "HELO in a macro", "192.0.2.1", "user@helo-macro.test", AUTHRES_PASS },
		{ "include", "192.0.2.1", "user@include.test", AUTHRES_PASS },
		{ "include of nothing", "192.0.2.1", "user@include-none.test", AUTHRES_PERMERROR },
		{ "redirect", "192.0.2.1", "user@redirect.test", AUTHRES_PASS },
		{ "redirect, fail", "192.0.3.1", "user@redirect.test", AUTHRES_FAIL },
		{ "server failure", "192.0.2.1", "user@broken.test", AUTHRES_TEMPERROR },
		{ "server failure in an include", "192.0.2.1", "user@include-broken.test",
		  AUTHRES_TEMPERROR },
		{ "match before the failure", "192.0.2.1", "user@match-first.test", AUTHRES_PASS },
		{ "include of itself", "192.0.2.1", "user@loop.test", AUTHRES_PERMERROR },
		{ "an IDN", "192.0.2.1",
		  "user@b\xc3\xbc"
		  "cher.test",
		  AUTHRES_PASS },
		{ "record with 8-bit", "192.0.2.1", "user@eight-bit.test", AUTHRES_PERMERROR },
		{ "address literal", "192.0.2.1", "user@[192.0.2.1]", AUTHRES_NONE },
		{ "one label", "192.0.2.1", "user@localhost", AUTHRES_NONE },
		{ "no domain", "192.0.2.1", "user@", AUTHRES_NONE },
		{ "loopback passes nobody", "127.0.0.1", "user@ok.test", AUTHRES_NONE },
		{ "loopback, v6", "::1", "user@ok.test", AUTHRES_NONE },
		{ "a Unix socket", "local", "user@ok.test", AUTHRES_NONE },
		{ "null sender: HELO", "192.0.2.1", "", AUTHRES_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spf_outcome got = check_from(cases[i].ip, "client.example", cases[i].from);

		if (got.result != cases[i].want)
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got.result), got.why);
	}
}

static void limits(void **state)
{
	static const struct {
		const char *what, *from;
		enum authres want;
	} cases[] = {
		{ "ten terms", "user@ten.test", AUTHRES_PASS },
		{ "eleven terms", "user@eleven.test", AUTHRES_PERMERROR },
		{ "35 lookups over five includes", "user@bomb.test", AUTHRES_PERMERROR },
		{ "hosts of an MX are no terms", "user@many-mx.test", AUTHRES_PASS },
		{ "eleven MX names", "user@eleven-mx.test", AUTHRES_PERMERROR },
		{ "two void lookups", "user@two-voids.test", AUTHRES_PASS },
		{ "three void lookups", "user@three-voids.test", AUTHRES_PERMERROR },
		{ "hosts without an address", "user@void-hosts.test", AUTHRES_PASS },
		{ "a record of 2,048 bytes", "user@r2048.test", AUTHRES_PASS },
		{ "a record of 2,049 bytes", "user@r2049.test", AUTHRES_PERMERROR },
		{ "CVE-2023-42118, explanation", "user@cve-exp.test", AUTHRES_FAIL },
		{ "CVE-2023-42118, record", "user@cve-long.test", AUTHRES_PERMERROR },
		{ "a name of more than 253 bytes", HUNDRED "@long-name.test", AUTHRES_PASS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spf_outcome got = check_from("192.0.2.1", "client.example", cases[i].from);

		if (got.result != cases[i].want)
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got.result), got.why);
	}
}

/* libspf2 on a bare zone, as it would run without check_spf.c. */
static SPF_dns_rr_t *bare_lookup(SPF_dns_server_t *layer, const char *name, ns_type type, int cache)
{
	const struct dns_answer *answer = zone_answer(zone, name, (enum dns_type)type);
	SPF_dns_rr_t *rr =
	    SPF_dns_rr_new_init(layer, name, type, 60, answer->n ? NETDB_SUCCESS : HOST_NOT_FOUND);

	(void)cache;
	++*(int *)layer->hook;
	for (size_t i = 0; i < answer->n; i++) {
		struct slice data = answer->records[i].data;

		SPF_dns_rr_buf_realloc(rr, (int)i, data.len + 1);
		memcpy(rr->rr[i], data.data, data.len + 1);
		rr->num_rr++;
	}
	dns_answer_unref(answer);
	return rr;
}

static SPF_result_t bare_check(const char *from, int *lookups)
{
	SPF_dns_server_t layer = { .lookup = bare_lookup, .name = "bare", .hook = lookups };
	SPF_server_t *server = SPF_server_new_dns(&layer, 0);
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;
	SPF_result_t result;

	*lookups = 0;
	SPF_request_set_ipv4_str(request, "192.0.2.1");
	SPF_request_set_env_from(request, from);
	SPF_request_query_mailfrom(request, &response);
	result = SPF_response_result(response);
	SPF_response_free(response);
	SPF_request_free(request);
	SPF_server_free(server);
	return result;
}

/* What our counting is for: the library lets both pass. */
static void the_library_alone(void **state)
{
	int lookups;

	(void)state;
	assert_int_equal(bare_check("user@bomb.test", &lookups), SPF_RESULT_PASS);
	assert_true(lookups >= 35);
	assert_int_equal(bare_check("user@three-voids.test", &lookups), SPF_RESULT_PASS);
}

/* What .get_exp is for: in a child, since the library overruns its buffer. */
static void the_library_alone_dies(void **state)
{
	pid_t child = fork();
	int status, lookups, null;

	(void)state;
	if (child == 0) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		dup2(null, 2);
		bare_check("user@cve-exp.test", &lookups);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		fail_msg("the library survives; the fence may go");
}

static void helo_alone(void **state)
{
	static const struct {
		const char *what, *helo;
		enum authres want;
	} cases[] = {
		{ "with a record", "helo.test", AUTHRES_PASS },
		{ "without", "nothing.test", AUTHRES_NONE },
		{ "an address literal", "[192.0.2.1]", AUTHRES_NONE },
		{ "one label", "client", AUTHRES_NONE },
		{ "empty", "", AUTHRES_NONE },
		{ "garbage", "\xff\xfe% {d}", AUTHRES_NONE },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spf_input input = { .ip = "192.0.2.1", .helo = cases[i].helo };
		struct spf_outcome got;

		assert_true(spf_check_helo(&f->answers, &input, f->arena, &got));
		if (got.result != cases[i].want)
			fail_msg("%s: %s", cases[i].what, authres_name(got.result));
		assert_string_equal(got.identity, "helo");
		assert_true(spf_check_mail_from(&f->answers, &input, f->arena, &got));
		assert_int_equal(got.result, cases[i].want); /* the null sender is postmaster of HELO */
		assert_string_equal(got.identity, "helo");
	}
}

/* Nothing known: round after round until nothing is missing; the same results. */
static void replayed(void **state)
{
	static const struct {
		const char *from;
		enum authres want;
		unsigned rounds_max;
	} cases[] = {
		{ "user@ok.test", AUTHRES_PASS, 1 },
		{ "user@mx.test", AUTHRES_PASS, 3 },
		{ "user@include.test", AUTHRES_PASS, 2 },
		{ "user@ptr.test", AUTHRES_PASS, 3 },
		{ "user@bomb.test", AUTHRES_PERMERROR, 4 },
		{ "user@many-mx.test", AUTHRES_PASS, 4 },
		{ "user@three-voids.test", AUTHRES_PERMERROR, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct answers answers;
		struct spf_input input = { "192.0.2.1", "client.example", slice_str(cases[i].from) };
		struct spf_outcome got;
		unsigned rounds = 0;

		answers_init(&answers, arena, NULL, NULL);
		while (!spf_check_mail_from(&answers, &input, arena, &got)) {
			rounds++;
			if (zone_resolve(&answers, zone) == 0 || rounds > 20)
				fail_msg("%s: no progress in round %u", cases[i].from, rounds);
		}
		if (got.result != cases[i].want || rounds > cases[i].rounds_max)
			fail_msg("%s: %s in %u rounds", cases[i].from, authres_name(got.result), rounds);
		arena_free(arena);
	}
}

static void closed_answers_end_it(void **state)
{
	struct arena *arena = arena_new();
	struct answers answers;
	struct spf_input input = { "192.0.2.1", "client.example", SLICE("user@ok.test") };
	struct spf_outcome got;

	(void)state;
	answers_init(&answers, arena, NULL, NULL);
	assert_false(spf_check_mail_from(&answers, &input, arena, &got));
	answers_close(&answers);
	assert_true(spf_check_mail_from(&answers, &input, arena, &got));
	assert_int_equal(got.result, AUTHRES_TEMPERROR);
	arena_free(arena);
}

static void received_field(void **state)
{
	struct fixture *f = *state;
	struct spf_input input = { "2001:db8::1", "evil)\r\nX-Forged: yes", SLICE("\"a b\"@ok.test") };
	struct spf_outcome outcome = { AUTHRES_PERMERROR, "ok.test", "mailfrom", "a (bad) \"record\"" };
	struct buf out;

	buf_init(&out, 4096);
	spf_received_field(&out, f->arena, &input, &outcome, "mx.example.org");
	buf_addc(&out, 0);
	assert_string_equal((char *)out.data,
	                    "Received-SPF: permerror (mx.example.org: a \\(bad\\) \"record\")\r\n"
	                    "\tclient-ip=\"2001:db8::1\"; envelope-from=\"\\\"a b\\\"@ok.test\";\r\n"
	                    "\thelo=\"evil)??X-Forged: yes\"; receiver=mx.example.org;\r\n"
	                    "\tidentity=mailfrom; problem=\"a (bad) \\\"record\\\"\"\r\n");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results),
		cmocka_unit_test(limits),
		cmocka_unit_test(the_library_alone),
		cmocka_unit_test(the_library_alone_dies),
		cmocka_unit_test_setup_teardown(helo_alone, set_up, tear_down),
		cmocka_unit_test(replayed),
		cmocka_unit_test(closed_answers_end_it),
		cmocka_unit_test_setup_teardown(received_field, set_up, tear_down),
	};

	rand_start();
	make_records();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
