/* ENVELOPE as IMAP writes it, from headers as they come. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "fetch_item.h"

#define NOBODY " NIL NIL NIL"
#define A      "((NIL NIL \"a\" \"x\"))"
#define FROM_A A " " A " " A

static const struct envelope_case {
	const char *name, *header, *wanted;
} cases[] = {
	/* clang-format off */
	{ "nothing at all", "", "(NIL NIL NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "texts", "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nSubject:  two  words \r\nMessage-ID: <1@x>\r\nIn-Reply-To: <0@x> <00@x>\r\n",
	  "(\"Mon, 7 Feb 1994 21:52:25 -0800\" \"two  words\" NIL NIL NIL" NOBODY " \"<0@x> <00@x>\" \"<1@x>\")" },
	{ "empty and missing differ", "Subject:\r\n", "(NIL \"\" NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "folded", "Subject: one\r\n\ttwo\r\n three\r\n", "(NIL \"one\ttwo three\" NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "the first of two", "Subject: one\r\nSubject: two\r\n", "(NIL \"one\" NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "quotes and backslashes", "Subject: \"a\\b\"\r\n", "(NIL \"\\\"a\\\\b\\\"\" NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "encoded-words stay", "Subject: =?utf-8?q?=C3=A4?=\r\n", "(NIL \"=?utf-8?q?=C3=A4?=\" NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "raw 8-bit is a literal", "Subject: \xe4\r\n", "(NIL {1}\r\n\xe4 NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "a lone CR is a literal", "Subject: a\rb\r\n", "(NIL {3}\r\na\rb NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "sender and reply-to are from's", "From: a@x\r\n", "(NIL NIL " FROM_A NOBODY " NIL NIL)" },
	{ "but their own when there are", "From: a@x\r\nSender: b@x\r\nReply-To: c@x\r\n",
	  "(NIL NIL " A " ((NIL NIL \"b\" \"x\")) ((NIL NIL \"c\" \"x\"))" NOBODY " NIL NIL)" },
	{ "empty ones are none", "From: a@x\r\nSender:\r\n", "(NIL NIL " FROM_A NOBODY " NIL NIL)" },
	{ "names", "From: \"Q. \\\"T\\\"\" <a@x>, a b <c@y>, d@z (the comment)\r\nSender: a@x\r\nReply-To: a@x\r\n",
	  "(NIL NIL ((\"Q. \\\"T\\\"\" NIL \"a\" \"x\")(\"a b\" NIL \"c\" \"y\")(\"the comment\" NIL \"d\" \"z\")) " A " " A NOBODY " NIL NIL)" },
	{ "to, cc and bcc", "To: a@x\r\nCc: a@x\r\nBcc: a@x\r\n", "(NIL NIL NIL NIL NIL " A " " A " " A " NIL NIL)" },
	{ "two To fields", "To: a@x\r\nTo: b@x\r\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"x\")) NIL NIL NIL NIL)" },
	{ "a group", "To: some: a@x, b@y;, c@z\r\n",
	  "(NIL NIL NIL NIL NIL ((NIL NIL \"some\" NIL)(NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"y\")(NIL NIL NIL NIL)(NIL NIL \"c\" \"z\")) NIL NIL NIL NIL)" },
	{ "an empty group", "To: undisclosed-recipients:;\r\n",
	  "(NIL NIL NIL NIL NIL ((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)" },
	{ "an open group ends all the same", "To: some: a@x\r\n",
	  "(NIL NIL NIL NIL NIL ((NIL NIL \"some\" NIL)(NIL NIL \"a\" \"x\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)" },
	{ "no domain is no NIL", "From: root\r\nSender: a@x\r\nReply-To: a@x\r\n", "(NIL NIL ((NIL NIL \"root\" \"\")) " A " " A NOBODY " NIL NIL)" },
	{ "no address is no NIL", "From: x <>\r\nSender: a@x\r\nReply-To: a@x\r\n", "(NIL NIL ((\"x\" NIL \"\" \"\")) " A " " A NOBODY " NIL NIL)" },
	{ "a route", "From: <@a,@b:c@d>\r\nSender: a@x\r\nReply-To: a@x\r\n", "(NIL NIL ((NIL \"@a,@b\" \"c\" \"d\")) " A " " A NOBODY " NIL NIL)" },
	{ "no header, only text", "\r\nSubject: not one\r\n", "(NIL NIL NIL NIL NIL" NOBODY " NIL NIL)" },
	{ "bare LFs", "Subject: a\nFrom: a@x\n\n", "(NIL \"a\" " FROM_A NOBODY " NIL NIL)" },
	/* clang-format on */
};

static void check(const char *name, struct slice header, unsigned style, struct slice wanted)
{
	struct arena *arena = arena_new();
	struct envelope envelope;
	struct buf out;

	buf_init(&out, 1 << 20);
	envelope_parse(arena, header, 1000, &envelope);
	fetch_add_envelope(&out, &envelope, style);
	if (!slice_eq(buf_slice(&out), wanted))
		fail_msg("%s: %.*s", name, SLICE_FMT(buf_slice(&out)));
	buf_done(&out);
	arena_free(arena);
}

static void test_envelopes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(cases[i].name, slice_str(cases[i].header), 0, slice_str(cases[i].wanted));
}

#define UTF8_HEADER                                                                                             \
	"Subject: ä \"b\"\r\nFrom: Jörg <jörg@exämple.org>\r\nSender: Ann <ann@exämple.org>\r\nReply-To: " \
	"=?utf-8?q?=C3=A4?= <a@x>\r\n"

/* Raw UTF-8: to those who have enabled it as it is, to others downgraded (RFC 6858). */
static const struct style_case {
	const char *name, *header;
	unsigned style;
	const char *wanted;
} style_cases[] = {
	/* clang-format off */
	{ "UTF-8", UTF8_HEADER, FETCH_UTF8,
	  "(NIL \"ä \\\"b\\\"\" ((\"Jörg\" NIL \"jörg\" \"exämple.org\")) ((\"Ann\" NIL \"ann\" \"exämple.org\")) ((\"=?utf-8?q?=C3=A4?=\" NIL \"a\" \"x\"))" NOBODY " NIL NIL)" },
	{ "ASCII", UTF8_HEADER, 0,
	  "(NIL \"=?UTF-8?B?w6Q=?= \\\"b\\\"\" ((\"=?UTF-8?B?SsO2cmcgPGrDtnJnQGV4w6RtcGxlLm9yZz4=?=\" NIL \"invalid\" \"internationalized-address.invalid\"))"
	  " ((\"Ann\" NIL \"ann\" \"xn--exmple-cua.org\")) ((\"=?utf-8?q?=C3=A4?=\" NIL \"a\" \"x\"))" NOBODY " NIL NIL)" },
	{ "a group in UTF-8", "To: ä: a@x;\r\n", FETCH_UTF8,
	  "(NIL NIL NIL NIL NIL ((NIL NIL \"ä\" NIL)(NIL NIL \"a\" \"x\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)" },
	{ "a group in ASCII", "To: ä: a@x;\r\n", 0,
	  "(NIL NIL NIL NIL NIL ((NIL NIL \"=?UTF-8?B?w6Q=?=\" NIL)(NIL NIL \"a\" \"x\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)" },
	{ "what is not UTF-8 is a literal to everybody", "Subject: \xe4\r\n", FETCH_UTF8, "(NIL {1}\r\n\xe4 NIL NIL NIL" NOBODY " NIL NIL)" },
	/* clang-format on */
};

static void test_styles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(style_cases); i++)
		check(style_cases[i].name, slice_str(style_cases[i].header), style_cases[i].style,
		      slice_str(style_cases[i].wanted));
}

/* NUL goes into no string of IMAP. */
static void test_nul(void **state)
{
	(void)state;
	check("NUL", SLICE("Subject: a\0b\r\n"), 0, SLICE("(NIL \"ab\" NIL NIL NIL" NOBODY " NIL NIL)"));
}

/* Long texts are literals: a quoted string may be cut by a client's line limit. */
static void test_long(void **state)
{
	struct buf header, wanted;

	(void)state;
	buf_init(&header, 10000);
	buf_init(&wanted, 10000);
	buf_adds(&header, "Subject: ");
	buf_adds(&wanted, "(NIL {2000}\r\n");
	for (int i = 0; i < 2000; i++) {
		buf_addc(&header, 'x');
		buf_addc(&wanted, 'x');
	}
	buf_adds(&wanted, " NIL NIL NIL" NOBODY " NIL NIL)");
	check("long", buf_slice(&header), 0, buf_slice(&wanted));
	buf_done(&header);
	buf_done(&wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelopes),
		cmocka_unit_test(test_styles),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
