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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_good), cmocka_unit_test(test_bad) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
