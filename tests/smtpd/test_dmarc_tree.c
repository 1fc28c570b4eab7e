/* The tree walk: organizational domains, where the policy stands, what is asked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rand.h"
#include "dmarc_tree.h"
#include "smtpd/check_zone.h"

static const struct zone_line zone[] = {
	{ "_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.mail.example.com", DNS_TXT, "v=DMARC1; p=none" },
	{ "_dmarc.own.example.com", DNS_TXT, "v=DMARC1; p=none; psd=n" },
	{ "_dmarc.psd.test", DNS_TXT, "v=DMARC1; p=none; psd=y; sp=reject" },
	{ "_dmarc.member.psd.test", DNS_TXT, "v=DMARC1; p=quarantine" },
	{ "_dmarc.dup.com", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.dup.com", DNS_TXT, "v=DMARC1; p=none" },
	{ "_dmarc.noise.com", DNS_TXT, "hello" },
	{ "_dmarc.noise.com", DNS_TXT, "v=DMARC1; p=reject" },
	/* a registry's record from before psd= was there, and one that knows better */
	{ "_dmarc.co.uk", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.github.io", DNS_TXT, "v=DMARC1; p=reject; psd=n" },
	{ "_dmarc.temp.com", ZONE_SERVFAIL, "" },
	{ "_dmarc.sub.temp.com", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.g.h.i.j.mail.deep.com", DNS_TXT, "v=DMARC1; p=reject" },
	{ NULL },
};

static unsigned asked;
static char names[20][260];

static const struct dns_answer *counting_known(void *arg, const char *name, enum dns_type type)
{
	snprintf(names[asked % 20], sizeof(names[0]), "%s", name);
	asked++;
	return zone_known(arg, name, type);
}

static void walks(void **state)
{
	static const struct {
		const char *what, *domain, *org, *policy; /* policy: where; NULL: none */
		bool temporary;
	} cases[] = {
		{ "the domain itself", "example.com", "example.com", "example.com", false },
		{ "a subdomain", "www.example.com", "example.com", "example.com", false },
		{ "a subdomain with a record", "mail.example.com", "example.com", "mail.example.com", false },
		{ "below it", "a.mail.example.com", "example.com", "example.com", false },
		{ "psd=n cuts it off", "own.example.com", "own.example.com", "own.example.com", false },
		{ "below psd=n", "a.b.own.example.com", "own.example.com", "own.example.com", false },
		{ "below psd=y", "a.other.psd.test", "other.psd.test", "psd.test", false },
		{ "below psd=y, with a record", "member.psd.test", "member.psd.test", "member.psd.test",
		  false },
		{ "below a member", "a.member.psd.test", "member.psd.test", "member.psd.test", false },
		{ "the psd itself", "psd.test", "psd.test", "psd.test", false },
		{ "no record anywhere", "a.b.nothing.org", "a.b.nothing.org", NULL, false },
		{ "two records are none", "dup.com", "dup.com", NULL, false },
		{ "other texts do not count", "a.noise.com", "noise.com", "noise.com", false },
		{ "a public suffix without psd=", "a.b.co.uk", "b.co.uk", "co.uk", false },
		{ "a public suffix that says psd=n", "a.github.io", "github.io", "github.io", false },
		{ "a server failure", "temp.com", "temp.com", NULL, true },
		{ "a server failure above", "sub.temp.com", "sub.temp.com", "sub.temp.com", true },
		{ "many labels", "a.b.c.d.e.f.g.h.i.j.mail.deep.com", "g.h.i.j.mail.deep.com",
		  "g.h.i.j.mail.deep.com", false },
		{ "one label", "localhost", "localhost", NULL, false },
	};
	struct suffixes *suffixes = suffixes_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct answers answers;
		struct dmarc_walk walk;
		const struct dmarc_at *at;

		asked = 0;
		answers_init(&answers, arena, counting_known, (void *)(uintptr_t)zone);
		assert_true(dmarc_walk(&answers, suffixes, cases[i].domain, &walk));
		at = dmarc_walk_policy(&walk);
		if (strcmp(walk.org, cases[i].org) != 0 || walk.temporary != cases[i].temporary)
			fail_msg("%s: org %s%s", cases[i].what, walk.org,
			         walk.temporary ? ", temporary" : "");
		if ((at != NULL) != (cases[i].policy != NULL) ||
		    (at && strcmp(at->domain, cases[i].policy) != 0))
			fail_msg("%s: policy of %s", cases[i].what, at ? at->domain : "nobody");
		assert_true(asked <= DMARC_WALK_MAX);
		arena_free(arena);
	}
	suffixes_free(suffixes);
}

/* The example of RFC 9989 4.10: exactly these eight. */
static void eight_lookups(void **state)
{
	static const char *const want[] = {
		"_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.net",
		"_dmarc.g.h.i.j.mail.example.net",
		"_dmarc.h.i.j.mail.example.net",
		"_dmarc.i.j.mail.example.net",
		"_dmarc.j.mail.example.net",
		"_dmarc.mail.example.net",
		"_dmarc.example.net",
		"_dmarc.net",
	};
	struct suffixes *suffixes = suffixes_new();
	struct arena *arena = arena_new();
	struct answers answers;
	struct dmarc_walk walk;

	(void)state;
	asked = 0;
	answers_init(&answers, arena, counting_known, (void *)(uintptr_t)zone);
	assert_true(dmarc_walk(&answers, suffixes, want[0] + sizeof("_dmarc.") - 1, &walk));
	assert_int_equal(asked, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(names[i], want[i]);
	arena_free(arena);
	suffixes_free(suffixes);
}

static void one_round(void **state)
{
	struct suffixes *suffixes = suffixes_new();
	struct arena *arena = arena_new();
	struct answers answers;
	struct dmarc_walk walk;

	(void)state;
	answers_init(&answers, arena, NULL, NULL);
	assert_false(dmarc_walk(&answers, suffixes, "a.mail.example.com", &walk));
	assert_int_equal(zone_resolve(&answers, zone), 4);
	assert_true(dmarc_walk(&answers, suffixes, "a.mail.example.com", &walk));
	assert_string_equal(walk.org, "example.com");
	arena_free(arena);
	suffixes_free(suffixes);
}

static void suffixes_known(void **state)
{
	static const struct {
		const char *domain;
		bool want;
	} cases[] = {
		{ "com", true },          { "co.uk", true },
		{ "example.com", false }, { "www.ck", false },
		{ "foo.ck", true },       { "github.io", true },
		{ "test", true },         { "example.test", false },
		{ "kawasaki.jp", true },  { "city.kawasaki.jp", false },
	};
	struct suffixes *suffixes = suffixes_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (suffixes_has(suffixes, cases[i].domain) != cases[i].want)
			fail_msg("%s", cases[i].domain);
	}
	suffixes_free(suffixes);
	suffixes_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks),
		cmocka_unit_test(eight_lookups),
		cmocka_unit_test(one_round),
		cmocka_unit_test(suffixes_known),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
