/* IMAP URLs: what they name, and what names nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_url.h"

struct url_case {
	const char *text, *mailbox; /* "": relative */
	uint32_t uid_validity, uid, numbers;
	enum section_what what;
	bool partial;
	uint64_t offset, len;
	const char *user, *host;
};

static const struct url_case good_cases[] = {
	{ "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", "Drafts", 385759045, 20, 0, SECTION_HEADER,
	  false, 0, 0, NULL, NULL },
	{ "/a/b%2Fc/;uid=7", "a/b/c", 0, 7, 0, SECTION_ALL, false, 0, 0, NULL, NULL },
	{ "/%C3%A9%20x/;UID=7/;SECTION=1.2.MIME/;PARTIAL=10.20", "\xc3\xa9 x", 0, 7, 2, SECTION_MIME, true,
	  10, 20, NULL, NULL },
	{ "/R%26D/;UID=4294967295/;PARTIAL=5", "R&D", 0, UINT32_MAX, 0, SECTION_ALL, true, 5, INT64_MAX, NULL,
	  NULL },
	{ "/inbox/;UID=1/;SECTION=HEADER.FIELDS%20(From%20To)", "INBOX", 0, 1, 0, SECTION_FIELDS, false, 0, 0,
	  NULL, NULL },
	{ ";UID=3", "", 0, 3, 0, SECTION_ALL, false, 0, 0, NULL, NULL },
	{ "imap://mail.example.org/INBOX/;UID=1", "INBOX", 0, 1, 0, SECTION_ALL, false, 0, 0, NULL,
	  "mail.example.org" },
	{ "IMAP://al%69ce;AUTH=*@mail.example.org:143/INBOX/;UID=1", "INBOX", 0, 1, 0, SECTION_ALL, false, 0,
	  0, "alice", "mail.example.org" },
};

static const char *const bad_cases[] = {
	"",
	"/",
	"INBOX/;UID=1",
	"/INBOX",
	"/INBOX;UID=1",
	"/INBOX/;UID=0",
	"/INBOX/;UID=4294967296",
	"/INBOX/;UID=1x",
	"/INBOX/;UID=1/",
	"/INBOX/;UID=1/;SECTION=",
	"/INBOX/;UID=1/;SECTION=FOO",
	"/INBOX/;UID=1/;SECTION=MIME",
	"/INBOX/;UID=1/;SECTION=1%00",
	"/INBOX/;UID=1/;SECTION=1]",
	"/INBOX/;UID=1/;PARTIAL=",
	"/INBOX/;UID=1/;PARTIAL=1.0",
	"/INBOX/;UID=1/;PARTIAL=1.",
	"/INBOX/;UID=1/;PARTIAL=1/;SECTION=1",
	"/INBOX;UIDVALIDITY=0/;UID=1",
	"/INBOX;UIDVALIDITY=1;UID=1",
	"/;UID=1",
	"/a%/;UID=1",
	"/a%4/;UID=1",
	"/a%4g/;UID=1",
	"/a%\x10\x11/;UID=1",
	"/a%00/;UID=1",
	"/%ff/;UID=1",
	"imap:///INBOX/;UID=1",
	"imap://host",
	"imap://host:x/INBOX/;UID=1",
	"imap://host:70000/INBOX/;UID=1",
	"http://host/INBOX/;UID=1",
	/* URLAUTH */
	"imap://joe@x/;URLAUTH=anonymous",
	"imap://joe@x/a;URLAUTH=anonymous",
	"imap://x/a/;UID=1;URLAUTH=anonymous",
	"/a/;UID=1;URLAUTH=anonymous",
	";UID=1;URLAUTH=anonymous",
	"imap://joe@x/a/;UID=1/;URLAUTH=anonymous",
	"imap://joe@x/a/;UID=1;URLAUTH=",
	"imap://joe@x/a/;UID=1;URLAUTH=nobody",
	"imap://joe@x/a/;UID=1;URLAUTH=user+",
	"imap://joe@x/a/;UID=1;URLAUTH=submit+:internal:91354a473744909de610943775f92038",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymousx",
	"imap://joe@x/a/;UID=1;EXPIRE=2005-01-01T00:00:00Z",
	"imap://joe@x/a/;UID=1;EXPIRE=2005-01-01;URLAUTH=anonymous",
	"imap://joe@x/a/;UID=1;EXPIRE=;URLAUTH=anonymous",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous;EXPIRE=2005-01-01T00:00:00Z",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous:",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous:internal",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous:internal:",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous:internal:91354a473744909de610943775f9203",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous:internal:91354a473744909de610943775f9203g",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous:internal:91354a473744909de610943775f92038:",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous::91354a473744909de610943775f92038",
	"imap://joe@x/a/;UID=1;URLAUTH=anonymous:in_ternal:91354a473744909de610943775f92038",
};

static const struct {
	const char *text, *rump; /* rump "": all of it */
	enum url_access access;
	const char *user, *mechanism, *token;
	int64_t until; /* 0: it does not expire */
} auth_cases[] = {
	{ "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred", "", URL_SUBMIT, "fred",
	  NULL, NULL, 0 },
	{ "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:"
	  "91354a473744909de610943775f92038",
	  "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred", URL_SUBMIT, "fred",
	  "internal", "91354a473744909de610943775f92038", 0 },
	{ "imap://joe@example.com/INBOX/;uid=20;expire=2005-01-01T00:00:00Z;urlauth=user+al%40x:X.1-a:"
	  "91354A473744909DE610943775F920380",
	  "imap://joe@example.com/INBOX/;uid=20;expire=2005-01-01T00:00:00Z;urlauth=user+al%40x", URL_USER,
	  "al@x", "X.1-a", "91354A473744909DE610943775F920380", INT64_C(1104537600000) },
	{ "imap://joe@x/a;UIDVALIDITY=7/;UID=1/;PARTIAL=0.5;URLAUTH=AUTHUSER", "", URL_AUTHUSER, NULL, NULL,
	  NULL, 0 },
	{ "imap://joe@x/a/;UID=1/;PARTIAL=5;EXPIRE=2005-01-01T01:00:00.5+01:00;URLAUTH=anonymous", "",
	  URL_ANONYMOUS, NULL, NULL, NULL, INT64_C(1104537600000) },
};

static void assert_text(const char *name, struct slice got, const char *wanted)
{
	if (!got.data != !wanted || (wanted && !slice_eq(got, slice_str(wanted))))
		fail_msg("%s: got %.*s", name, SLICE_FMT(got));
}

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_cases); i++) {
		const struct url_case *c = &good_cases[i];
		struct arena *arena = arena_new();
		struct imap_url url;

		if (!imap_url_parse(slice_str(c->text), arena, &url))
			fail_msg("%s is refused", c->text);
		assert_string_equal(url.mailbox ? url.mailbox : "", c->mailbox);
		assert_int_equal(url.uid_validity, c->uid_validity);
		assert_int_equal(url.uid, c->uid);
		assert_int_equal(url.section.n, c->numbers);
		assert_int_equal(url.section.what, c->what);
		assert_int_equal(url.section.partial, c->partial);
		assert_int_equal(url.section.offset, c->offset);
		assert_int_equal(url.section.len, c->len);
		assert_text(c->text, url.user, c->user);
		assert_text(c->text, url.host, c->host);
		assert_int_equal(url.auth.access, URL_PLAIN);
		arena_free(arena);
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
		struct arena *arena = arena_new();
		struct imap_url url;

		if (imap_url_parse(slice_str(bad_cases[i]), arena, &url))
			fail_msg("%s is taken", bad_cases[i]);
		arena_free(arena);
	}
}

static void test_auth(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(auth_cases); i++) {
		const char *text = auth_cases[i].text;
		const char *rump = auth_cases[i].rump[0] ? auth_cases[i].rump : text;
		struct arena *arena = arena_new();
		struct imap_url url;

		if (!imap_url_parse(slice_str(text), arena, &url))
			fail_msg("%s is refused", text);
		assert_int_equal(url.auth.access, auth_cases[i].access);
		assert_text(text, url.user, "joe");
		assert_text(text, url.auth.rump, rump);
		assert_text(text, url.auth.user, auth_cases[i].user);
		assert_text(text, url.auth.mechanism, auth_cases[i].mechanism);
		assert_text(text, url.auth.token, auth_cases[i].token);
		assert_int_equal(url.auth.expires, auth_cases[i].until != 0);
		assert_int_equal(url.auth.until, auth_cases[i].until);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_auth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
