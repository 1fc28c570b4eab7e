/* Base subjects (RFC 5256 2.1): what is taken away, what stays, and what counts as a reply. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base_subject.h"

static const struct subject_case {
	const char *value, *wanted;
	bool reply;
} subject_cases[] = {
	/* clang-format off */
	{ "", "", false },
	{ "hello", "hello", false },
	{ "  hello \t world  ", "hello world", false },
	{ "hello\r\n world", "hello world", false },
	{ "hello\r\n\tworld", "hello world", false },
	{ "Re: hello", "hello", true },
	{ "RE:hello", "hello", true },
	{ "re : hello", "hello", true },
	{ "re: re: RE: hello", "hello", true },
	{ "fw: hello", "hello", true },
	{ "Fwd: hello", "hello", true },
	{ "fwd [x]: hello", "hello", true },
	{ "Re[2]: hello", "hello", true },
	{ "Re [a] [b]: hello", "Re [a] [b]: hello", false },
	{ "Re [a[b]]: hello", "Re [a[b]]: hello", false },
	{ "fwdd: hello", "fwdd: hello", false },
	{ "Re hello", "Re hello", false },
	{ "reply: hello", "reply: hello", false },
	{ "Re:", "", true },
	{ "Re: ", "", true },
	{ "[list] hello", "hello", false },
	{ "[a] [b][c]  hello", "hello", false },
	{ "[list]", "[list]", false },
	{ "[a] [b]", "[b]", false },
	{ "[a", "[a", false },
	{ "[a[b] hello", "[a[b] hello", false },
	{ "[list] Re: hello", "hello", true },
	{ "[a][b] Re: [c] fw[d]: [e] hello", "hello", true },
	{ "Re: [list]", "[list]", true },
	{ "[]x", "x", false },
	{ "hello (fwd)", "hello", true },
	{ "hello (FWD) (fwd)  ", "hello", true },
	{ "(fwd)", "", true },
	{ "hello (fwd) x", "hello (fwd) x", false },
	{ "[fwd: hello]", "hello", true },
	{ "[Fwd: Re: [x] hello (fwd)]", "hello", true },
	{ "[fwd: [fwd: hello]]", "hello", true },
	{ "Re: [fwd: hello] (fwd)", "hello", true },
	{ "[fwd: hello", "[fwd: hello", false },
	{ "[fwd: hello] there", "there", false },
	{ "[fwd:]", "", true },
	{ "=?utf-8?q?Re=3A_gr=C3=BC=C3=9Fe?=", "gr\xc3\xbc\xc3\x9f" "e", true },
	{ "=?utf-8?q?Re=3A?= =?utf-8?q?_hello_=28fwd=29?=", "hello", true },
	{ "\xc3\xbc", "\xc3\xbc", false },
	/* clang-format on */
};

static void test_subjects(void **state)
{
	struct buf plain;

	(void)state;
	buf_init(&plain, BUF_NO_LIMIT);
	for (size_t i = 0; i < ARRAY_LEN(subject_cases); i++) {
		const struct subject_case *c = &subject_cases[i];
		struct slice got;
		bool reply;

		buf_clear(&plain);
		subject_plain(&plain, slice_str(c->value));
		got = base_subject(buf_slice(&plain), &reply);
		if (!slice_eq(got, slice_str(c->wanted)) || reply != c->reply)
			fail_msg("\"%s\": \"%.*s\", %s", c->value, SLICE_FMT(got), reply ? "reply" : "none");
	}
	buf_done(&plain);
}

/* Long ones are cut, and cost no more than their length. */
static void test_long(void **state)
{
	static const char *const parts[] = { "[a]", "re:", "[fwd:", "(fwd)", "re[", "[", "\t", "fw[x]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct buf text, plain;
		struct slice got;
		bool reply;

		buf_init(&text, BUF_NO_LIMIT);
		buf_init(&plain, BUF_NO_LIMIT);
		while (text.len < 4 * 1024 * 1024)
			buf_adds(&text, parts[i]);
		subject_plain(&plain, buf_slice(&text));
		assert_true(plain.len <= SUBJECT_MAX);
		got = base_subject(buf_slice(&text), &reply);
		assert_true(got.len <= text.len);
		buf_done(&text);
		buf_done(&plain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
