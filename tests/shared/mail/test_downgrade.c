/* Headers in UTF-8, written for readers of ASCII. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "mail/downgrade.h"

static const struct text_case {
	const char *name, *text, *wanted;
} texts[] = {
	{ "ASCII stays", "one  two =?utf-8?q?w?=", "one  two =?utf-8?q?w?=" },
	{ "one word", "Grüße", "=?UTF-8?B?R3LDvMOfZQ==?=" },
	{ "its neighbours stay", "Hello Müller and co", "Hello =?UTF-8?Q?M=C3=BCller?= and co" },
	{ "words in a row, with what is between", "an Jörg  Müller.", "an =?UTF-8?B?SsO2cmcgIE3DvGxsZXIu?=" },
	{ "a blank behind an encoded-word is shown", "=?utf-8?q?w?= ä", "=?utf-8?q?w?= =?UTF-8?B?IMOk?=" },
	{ "and one before it", "ä =?utf-8?q?w?=", "=?UTF-8?B?w6Qg?= =?utf-8?q?w?=" },
	{ "folds go", "one\r\n ä\r\n two", "one =?UTF-8?B?w6Q=?= two" },
	{ "not UTF-8 is not due", "\xe4", NULL },
	{ "ASCII is not due", "a", NULL },
	{ "nothing", "", NULL },
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct text_case *c = &texts[i];
		struct buf out;

		if (!c->wanted) {
			assert_false(downgrade_is_due(slice_str(c->text)));
			continue;
		}
		buf_init(&out, BUF_NO_LIMIT);
		downgrade_add_text(&out, slice_str(c->text));
		if (!slice_eq(buf_slice(&out), slice_str(c->wanted)))
			fail_msg("%s: %.*s", c->name, SLICE_FMT(buf_slice(&out)));
		buf_done(&out);
	}
}

/* On one line, in pieces that RFC 2047 allows. */
static void test_long_text(void **state)
{
	struct buf text, out;
	struct slice rest, word;

	(void)state;
	buf_init(&text, BUF_NO_LIMIT);
	buf_init(&out, BUF_NO_LIMIT);
	for (int i = 0; i < 500; i++)
		buf_adds(&text, "ä");
	downgrade_add_text(&out, buf_slice(&text));
	rest = buf_slice(&out);
	while (slice_cut(&rest, ' ', &word)) {
		assert_true(word.len <= 75);
		assert_true(slice_starts(word, "=?UTF-8?B?"));
	}
	buf_done(&text);
	buf_done(&out);
}

#define NOWHERE "invalid@internationalized-address.invalid"

static const struct header_case {
	const char *name, *header, *wanted;
} headers[] = {
	/* clang-format off */
	{ "ASCII is copied", "From:  a@x (c)\r\nX:y\r\n z\r\n\r\n", "From:  a@x (c)\r\nX:y\r\n z\r\n\r\n" },
	{ "only what is due", "A:  1\r\nSubject: ä\r\nB: 2 \r\n\r\n", "A:  1\r\nSubject: =?UTF-8?B?w6Q=?=\r\nB: 2 \r\n\r\n" },
	{ "a field that is not UTF-8 is copied", "A: \xe4\r\nB: ä\r\n", "A: \xe4\r\nB: =?UTF-8?B?w6Q=?=\r\n" },
	{ "no field at all", "ä\r\n\r\n", "ä\r\n\r\n" },
	{ "display names", "To: Jörg <j@x>, \"Q. T\" <q@x>, =?utf-8?q?M=C3=BC?= <m@x>\r\n",
	  "To: =?UTF-8?B?SsO2cmc=?= <j@x>,\r\n \"Q. T\" <q@x>,\r\n =?UTF-8?B?TcO8?= <m@x>\r\n" },
	{ "a domain has an ASCII form", "To: a@exämple.org\r\n", "To: a@xn--exmple-cua.org\r\n" },
	{ "a local part has none", "To: jörg@x\r\n", "To: =?UTF-8?B?asO2cmdAeA==?= <" NOWHERE ">\r\n" },
	{ "nor has every domain", "To: a@ä\xe2\x80\xa8\r\n", "To: =?UTF-8?B?YUDDpOKAqA==?= <" NOWHERE ">\r\n" },
	{ "groups", "To: Größen: a@x, ö@y;, c@z\r\n",
	  "To: =?UTF-8?B?R3LDtsOfZW4=?=:\r\n a@x,\r\n =?UTF-8?B?w7ZAeQ==?= <" NOWHERE ">;,\r\n c@z\r\n" },
	{ "a local part that has to be quoted", "To: \"a b\"@x, \"a..b\"@x, ä <c@x>\r\n",
	  "To: \"a b\"@x,\r\n \"a..b\"@x,\r\n =?UTF-8?B?w6Q=?= <c@x>\r\n" },
	{ "nobody at all", "To: (ä)\r\n", "To: =?UTF-8?B?KMOkKQ==?=\r\n" },
	{ "parameters", "Content-Disposition: attachment; filename=\"Übersicht.pdf\"; size=3\r\n",
	  "Content-Disposition: attachment;\r\n filename*=utf-8''%C3%9Cbersicht.pdf;\r\n size=3\r\n" },
	{ "parameters of a type", "Content-Type: a/b; name=ä\r\n", "Content-Type: a/b;\r\n name*=utf-8''%C3%A4\r\n" },
	{ "a type that does not read", "Content-Type: ä\r\n", "Content-Type: =?UTF-8?B?w6Q=?=\r\n" },
	/* clang-format on */
};

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		const struct header_case *c = &headers[i];
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		downgrade_add_header(&out, slice_str(c->header));
		if (!slice_eq(buf_slice(&out), slice_str(c->wanted)))
			fail_msg("%s: %.*s", c->name, SLICE_FMT(buf_slice(&out)));
		buf_done(&out);
	}
}

/* What was on short lines, or on one, is on lines that every reader takes (RFC 5322 2.1.1, RFC 2047 2). */
static void test_long_headers(void **state)
{
	static const struct {
		const char *name, *start, *again;
	} fields[] = {
		{ "one word", "Subject: ", "ä" },
		{ "words", "Subject: ", "ä word " },
		{ "words apart", "X-Note: ", "ä one b c d e " },
		{ "a display name", "From: ", "ä" },
		{ "addresses", "To: a@x", ", ä <c@x>" },
		{ "a parameter", "Content-Type: a/b; name=", "ä" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct slice rest, line;
		struct buf text, out;

		buf_init(&text, BUF_NO_LIMIT);
		buf_init(&out, BUF_NO_LIMIT);
		buf_adds(&text, fields[i].start);
		for (int k = 0; k < 500; k++)
			buf_adds(&text, fields[i].again);
		buf_adds(&text, i == 3 ? " <a@x>\r\n" : "\r\n");
		downgrade_add_header(&out, buf_slice(&text));
		rest = buf_slice(&out);
		while (slice_cut(&rest, '\n', &line) && line.len) {
			if (line.len > 78 + 1 || !slice_ends(line, "\r") ||
			    (line.data != out.data && line.data[0] != ' '))
				fail_msg("%s: \"%.*s\"", fields[i].name, SLICE_FMT(line));
		}
		buf_done(&text);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_long_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
