/*
 * DMARC: authors, alignment, policies. Where libopendmarc by itself is wrong it
 * is asked too, so that the fence shows what it is for.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <opendmarc/dmarc.h>

#include "base/rand.h"
#include "check_dmarc.h"
#include "smtpd/check_zone.h"

static const struct zone_line zone[] = {
	{ "_dmarc.x.com", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.evil.com", DNS_TXT, "v=DMARC1; p=none" },
	{ "_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject; sp=quarantine; np=reject" },
	{ "news.example.com", DNS_A, "192.0.2.1" },
	{ "_dmarc.strict.com", DNS_TXT, "v=DMARC1; p=reject; adkim=s; aspf=s" },
	{ "_dmarc.a.co.uk", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.b.co.uk", DNS_TXT, "v=DMARC1; p=none" },
	{ "_dmarc.co.uk", DNS_TXT, "v=DMARC1; p=none" },
	{ "_dmarc.test.com", DNS_TXT, "v=DMARC1; p=reject; t=y" },
	{ "_dmarc.testq.com", DNS_TXT, "v=DMARC1; p=quarantine; t=y" },
	{ "_dmarc.dup.com", DNS_TXT, "v=DMARC1; p=none" },
	{ "_dmarc.dup.com", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.sub-only.com", DNS_TXT, "v=DMARC1; p=none; sp=reject" },
	{ "_dmarc.noreport.com", DNS_TXT, "v=DMARC1" },
	{ "_dmarc.monitor.com", DNS_TXT, "v=DMARC1; rua=mailto:d@monitor.com" },
	{ "_dmarc.temp.com", ZONE_SERVFAIL, "" },
	{ "_dmarc.xn--bcher-kva.com", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.np-temp.com", DNS_TXT, "v=DMARC1; p=quarantine; np=reject" },
	{ "ghost.np-temp.com", ZONE_SERVFAIL, "" },
	{ NULL },
};

static struct suffixes *suffixes;

static struct slice from_field(struct arena *arena, const char *from)
{
	return slice_str(arena_printf(arena, "From: %s\r\nTo: a@b.test\r\n\r\nx\r\n", from));
}

static void add_signature(struct dkim_check *dkim, const char *domain, enum authres result)
{
	dkim->signatures[dkim->n].tags.domain = domain;
	dkim->signatures[dkim->n++].result = result;
}

static void verdicts(void **state)
{
	static const struct {
		const char *what, *from, *dkim, *spf; /* domains that passed */
		enum authres want;
		enum dmarc_policy policy;
	} cases[] = {
		/* clang-format off */
		{ "one letter, another domain", "a@x.com", "evil.com", NULL, AUTHRES_FAIL, DMARC_REJECT },
		{ "one letter, its own", "a@x.com", "x.com", NULL, AUTHRES_PASS, DMARC_REJECT },
		{ "neighbours below a public suffix", "a@a.co.uk", "b.co.uk", NULL, AUTHRES_FAIL, DMARC_REJECT },
		{ "the suffix itself", "a@a.co.uk", "co.uk", NULL, AUTHRES_FAIL, DMARC_REJECT },
		{ "its own subdomain", "a@a.co.uk", "mail.a.co.uk", NULL, AUTHRES_PASS, DMARC_REJECT },
		{ "the top of all", "a@example.com", "com", NULL, AUTHRES_FAIL, DMARC_REJECT },
		{ "strict, a subdomain", "a@strict.com", "sub.strict.com", NULL, AUTHRES_FAIL, DMARC_REJECT },
		{ "strict, the domain", "a@strict.com", "strict.com", NULL, AUTHRES_PASS, DMARC_REJECT },
		{ "strict SPF, a subdomain", "a@strict.com", NULL, "sub.strict.com", AUTHRES_FAIL, DMARC_REJECT },
		{ "a sister", "a@news.example.com", "mail.example.com", NULL, AUTHRES_PASS, DMARC_QUARANTINE },
		{ "the parent", "a@news.example.com", "example.com", NULL, AUTHRES_PASS, DMARC_QUARANTINE },
		{ "a stranger: sp", "a@news.example.com", "evil.com", NULL, AUTHRES_FAIL, DMARC_QUARANTINE },
		{ "a name that does not exist: np", "a@ghost.example.com", "evil.com", NULL, AUTHRES_FAIL, DMARC_REJECT },
		{ "np, not known whether it exists", "a@ghost.np-temp.com", NULL, NULL, AUTHRES_FAIL, DMARC_QUARANTINE },
		{ "SPF of a subdomain", "a@example.com", NULL, "bounce.example.com", AUTHRES_PASS, DMARC_REJECT },
		{ "SPF of a stranger", "a@example.com", NULL, "evil.com", AUTHRES_FAIL, DMARC_REJECT },
		{ "nothing passed", "a@example.com", NULL, NULL, AUTHRES_FAIL, DMARC_REJECT },
		{ "t=y, reject", "a@test.com", NULL, NULL, AUTHRES_FAIL, DMARC_QUARANTINE },
		{ "t=y, quarantine", "a@testq.com", NULL, NULL, AUTHRES_FAIL, DMARC_NONE },
		{ "two records", "a@dup.com", NULL, NULL, AUTHRES_NONE, DMARC_NONE },
		{ "sp does not touch the domain", "a@sub-only.com", NULL, NULL, AUTHRES_FAIL, DMARC_NONE },
		{ "sp below it", "a@y.sub-only.com", NULL, NULL, AUTHRES_FAIL, DMARC_REJECT },
		{ "no policy and nobody to tell", "a@noreport.com", NULL, NULL, AUTHRES_NONE, DMARC_NONE },
		{ "no policy, a report", "a@monitor.com", NULL, NULL, AUTHRES_FAIL, DMARC_NONE },
		{ "no record", "a@nothing.com", "nothing.com", NULL, AUTHRES_NONE, DMARC_NONE },
		{ "server failure", "a@temp.com", "temp.com", NULL, AUTHRES_TEMPERROR, DMARC_NONE },
		{ "an IDN", "a@b\xc3\xbc" "cher.com", "xn--bcher-kva.com", NULL, AUTHRES_PASS, DMARC_REJECT },
		{ "case", "a@EXAMPLE.com", "example.com", NULL, AUTHRES_PASS, DMARC_REJECT },
		{ "an ending that is not a subdomain", "a@example.com", "notexample.com", NULL, AUTHRES_FAIL, DMARC_REJECT },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct answers answers;
		struct dmarc_author author;
		struct dkim_check dkim = { .n = 0 };
		struct spf_outcome spf = { cases[i].spf ? AUTHRES_PASS : AUTHRES_NONE,
			                   cases[i].spf ? cases[i].spf : "", "mailfrom", "" };
		struct dmarc_outcome got;

		answers_init(&answers, arena, zone_known, (void *)(uintptr_t)zone);
		dmarc_read_author(from_field(arena, cases[i].from), arena, &author);
		if (cases[i].dkim)
			add_signature(&dkim, cases[i].dkim, AUTHRES_PASS);
		assert_true(dmarc_check(&answers, suffixes, &author, &spf, &dkim, arena, &got));
		if (got.result != cases[i].want || got.policy != cases[i].policy)
			fail_msg("%s: %s, policy %s (%s)", cases[i].what, authres_name(got.result),
			         dmarc_policy_name(got.policy), got.why);
		arena_free(arena);
	}
}

static void many_identifiers(void **state)
{
	static const struct {
		const char *what, *from;
		struct {
			const char *domain;
			enum authres result;
		} dkim[3];
		enum authres spf;
		const char *spf_domain;
		enum authres want;
	} cases[] = {
		{ "a pass of a subdomain, then a fail of the domain itself",
		  "a@example.com",
		  { { "sub.example.com", AUTHRES_PASS }, { "example.com", AUTHRES_FAIL } },
		  AUTHRES_NONE,
		  "",
		  AUTHRES_PASS },
		{ "the other way round",
		  "a@example.com",
		  { { "example.com", AUTHRES_FAIL }, { "sub.example.com", AUTHRES_PASS } },
		  AUTHRES_NONE,
		  "",
		  AUTHRES_PASS },
		{ "strangers first",
		  "a@example.com",
		  { { "evil.com", AUTHRES_PASS },
		    { "b.co.uk", AUTHRES_PASS },
		    { "example.com", AUTHRES_PASS } },
		  AUTHRES_NONE,
		  "",
		  AUTHRES_PASS },
		{ "a temporary error of its own signature",
		  "a@example.com",
		  { { "example.com", AUTHRES_TEMPERROR } },
		  AUTHRES_NONE,
		  "",
		  AUTHRES_TEMPERROR },
		{ "a temporary error of a stranger's",
		  "a@example.com",
		  { { "evil.com", AUTHRES_TEMPERROR } },
		  AUTHRES_NONE,
		  "",
		  AUTHRES_FAIL },
		{ "a temporary error of its SPF",
		  "a@example.com",
		  { { NULL, 0 } },
		  AUTHRES_TEMPERROR,
		  "example.com",
		  AUTHRES_TEMPERROR },
		{ "a temporary error, and a pass",
		  "a@example.com",
		  { { "example.com", AUTHRES_PASS } },
		  AUTHRES_TEMPERROR,
		  "example.com",
		  AUTHRES_PASS },
		{ "an identifier whose organization cannot be asked",
		  "a@example.com",
		  { { "temp.com", AUTHRES_PASS } },
		  AUTHRES_NONE,
		  "",
		  AUTHRES_TEMPERROR },
		{ "only a part is signed",
		  "a@example.com",
		  { { "example.com", AUTHRES_POLICY } },
		  AUTHRES_NONE,
		  "",
		  AUTHRES_FAIL },
		{ "softfail is no pass",
		  "a@example.com",
		  { { NULL, 0 } },
		  AUTHRES_SOFTFAIL,
		  "example.com",
		  AUTHRES_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct answers answers;
		struct dmarc_author author;
		struct dkim_check dkim = { .n = 0 };
		struct spf_outcome spf = { cases[i].spf, cases[i].spf_domain, "mailfrom", "" };
		struct dmarc_outcome got;

		answers_init(&answers, arena, zone_known, (void *)(uintptr_t)zone);
		dmarc_read_author(from_field(arena, cases[i].from), arena, &author);
		for (size_t d = 0; d < 3 && cases[i].dkim[d].domain; d++)
			add_signature(&dkim, cases[i].dkim[d].domain, cases[i].dkim[d].result);
		assert_true(dmarc_check(&answers, suffixes, &author, &spf, &dkim, arena, &got));
		if (got.result != cases[i].want)
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got.result), got.why);
		arena_free(arena);
	}
}

static void authors(void **state)
{
	static const struct {
		const char *what, *header, *want; /* want NULL: none */
	} cases[] = {
		{ "plain", "From: a@example.com\r\n", "example.com" },
		{ "with a name", "From: \"A, B\" <a@example.com>\r\n", "example.com" },
		{ "with a comment", "From: a@example.com (evil@evil.com)\r\n", "example.com" },
		{ "folded", "From: A\r\n <a@example.com>\r\n", "example.com" },
		{ "an address as name", "From: \"evil@evil.com\" <a@example.com>\r\n", "example.com" },
		{ "two addresses of one domain", "From: a@example.com, b@Example.COM\r\n", "example.com" },
		{ "two domains", "From: a@example.com, b@evil.com\r\n", NULL },
		{ "an encoded word", "From: =?utf-8?q?a=40evil.com?= <a@example.com>\r\n", "example.com" },
		{ "two fields", "From: a@example.com\r\nFrom: a@evil.com\r\n", NULL },
		{ "two fields, the same", "From: a@example.com\r\nfrom: a@example.com\r\n", NULL },
		{ "no field", "Sender: a@example.com\r\n", NULL },
		{ "empty", "From:\r\n", NULL },
		{ "no domain", "From: a\r\n", NULL },
		{ "an address literal", "From: a@[192.0.2.1]\r\n", NULL },
		{ "an empty group", "From: undisclosed:;\r\n", NULL },
		{ "no legal domain", "From: a@exa mple..com\r\n", NULL },
		{ "angle brackets of nothing", "From: <>\r\n", NULL },
		{ "too many",
		  "From: a@e.com,a@e.com,a@e.com,a@e.com,a@e.com,a@e.com,a@e.com,a@e.com,a@e.com,a@e.com,"
		  "a@e.com,a@e.com,a@e.com,a@e.com,a@e.com,a@e.com,a@e.com\r\n",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct slice message = slice_str(arena_printf(arena, "%s\r\nbody\r\n", cases[i].header));
		struct dmarc_author got;

		dmarc_read_author(message, arena, &got);
		if ((got.domain != NULL) != (cases[i].want != NULL) ||
		    (got.domain && strcmp(got.domain, cases[i].want) != 0))
			fail_msg("%s: %s (%s)", cases[i].what, got.domain ? got.domain : "none",
			         got.why ? got.why : "");
		assert_true((got.domain == NULL) == (got.why != NULL));
		arena_free(arena);
	}
}

static void no_author(void **state)
{
	struct arena *arena = arena_new();
	struct answers answers;
	struct dmarc_author author;
	struct dkim_check dkim = { .n = 0 };
	struct spf_outcome spf = { AUTHRES_PASS, "example.com", "mailfrom", "" };
	struct dmarc_outcome got;

	(void)state;
	answers_init(&answers, arena, NULL, NULL);
	dmarc_read_author(SLICE("From: a@example.com\r\nFrom: b@evil.com\r\n\r\n"), arena, &author);
	assert_true(dmarc_check(&answers, suffixes, &author, &spf, &dkim, arena, &got));
	assert_int_equal(got.result, AUTHRES_PERMERROR);
	arena_free(arena);
}

static void replayed(void **state)
{
	struct arena *arena = arena_new();
	struct answers answers;
	struct dmarc_author author;
	struct dkim_check dkim = { .n = 0 };
	struct spf_outcome spf = { AUTHRES_PASS, "evil.com", "mailfrom", "" };
	struct dmarc_outcome got;
	unsigned rounds = 0;

	(void)state;
	answers_init(&answers, arena, NULL, NULL);
	dmarc_read_author(from_field(arena, "a@ghost.example.com"), arena, &author);
	add_signature(&dkim, "b.co.uk", AUTHRES_PASS);
	dmarc_expect(&answers, suffixes, &author);
	assert_int_equal(zone_resolve(&answers, zone), 3);
	while (!dmarc_check(&answers, suffixes, &author, &spf, &dkim, arena, &got)) {
		assert_true(zone_resolve(&answers, zone) > 0);
		rounds++;
	}
	assert_int_equal(rounds, 1); /* existence and both identifiers' walks in one */
	assert_int_equal(got.result, AUTHRES_FAIL);
	assert_int_equal(got.policy, DMARC_REJECT);
	assert_string_equal(got.org, "example.com");
	assert_string_equal(got.policy_domain, "example.com");
	arena_free(arena);
}

/* libopendmarc as it would be used without our alignment. */
static int bare(const char *from, const char *record, const char *pass, const char *fail)
{
	char ip[] = "192.0.2.1", author[64], text[64], one[64], two[64];
	DMARC_POLICY_T *context = opendmarc_policy_connect_init((u_char *)ip, DMARC_POLICY_IP_TYPE_IPV4);
	int says;

	snprintf(author, sizeof(author), "%s", from);
	snprintf(text, sizeof(text), "%s", record);
	snprintf(one, sizeof(one), "%s", pass);
	opendmarc_policy_store_from_domain(context, (u_char *)author);
	opendmarc_policy_store_dmarc(context, (u_char *)text, (u_char *)author, NULL);
	opendmarc_policy_store_dkim(context, (u_char *)one, NULL, DMARC_POLICY_DKIM_OUTCOME_PASS, NULL);
	if (fail) {
		snprintf(two, sizeof(two), "%s", fail);
		opendmarc_policy_store_dkim(context, (u_char *)two, NULL, DMARC_POLICY_DKIM_OUTCOME_FAIL,
		                            NULL);
	}
	says = opendmarc_get_policy_to_enforce(context);
	opendmarc_policy_connect_shutdown(context);
	return says;
}

static void the_library_alone(void **state)
{
	(void)state;
	/* a stranger passes for a domain with a one-letter label, even in strict mode */
	assert_int_equal(bare("x.com", "v=DMARC1; p=reject", "evil.com", NULL), DMARC_POLICY_PASS);
	assert_int_equal(bare("a.co.uk", "v=DMARC1; p=reject; adkim=s", "b.co.uk", NULL), DMARC_POLICY_PASS);
	/* an aligned pass is forgotten for a failure behind it */
	assert_int_equal(bare("example.com", "v=DMARC1; p=reject", "example.com", "example.com"),
	                 DMARC_POLICY_PASS);
	assert_int_equal(bare("example.com", "v=DMARC1; p=reject", "sub.example.com", "example.com"),
	                 DMARC_POLICY_REJECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts), cmocka_unit_test(many_identifiers),
		cmocka_unit_test(authors),  cmocka_unit_test(no_author),
		cmocka_unit_test(replayed), cmocka_unit_test(the_library_alone),
	};
	int failed;

	rand_start();
	dmarc_library_start();
	suffixes = suffixes_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	suffixes_free(suffixes);
	return failed;
}
