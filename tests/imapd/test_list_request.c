/* What a LIST asks for, as it is read; and what does not read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "arg_text.h"
#include "list_request.h"

#define S LIST_SUBSCRIBED
#define U LIST_SPECIAL_USE
#define R LIST_RECURSIVE

static const struct good_case {
	const char *name, *text;
	unsigned selected;
	bool extended, tells_subscribed, has_status;
	const char *patterns; /* with a blank behind each */
} good_cases[] = {
	/* clang-format off */
	{ "plain", " \"\" *", 0, false, false, false, "* " },
	{ "a reference", " a/ %", 0, false, false, false, "a/% " },
	{ "literals", " {a/} {b c}", 0, false, false, false, "a/b c " },
	{ "UTF-7", " \"\" &AOQ-*", 0, false, false, false, "\303\244* " },
	{ "no options", " () \"\" *", 0, true, false, false, "* " },
	{ "one pattern in a list", " \"\" (a)", 0, true, false, false, "a " },
	{ "patterns", " x ( \"a\"  b {c} )", 0, true, false, false, "xa xb xc " },
	{ "options", " (SUBSCRIBED special-use REMOTE RECURSIVEMATCH) \"\" *", S | U | R, true, true, false, "* " },
	{ "the same twice", " (SUBSCRIBED SUBSCRIBED) \"\" *", S, true, true, false, "* " },
	{ "not subscribed", " (SPECIAL-USE RECURSIVEMATCH) \"\" *", U | R, true, false, false, "* " },
	{ "RETURN nothing", " \"\" * RETURN ()", 0, true, false, false, "* " },
	{ "RETURN", " \"\" * return (CHILDREN Subscribed SPECIAL-USE)", 0, true, true, false, "* " },
	{ "RETURN STATUS", " \"\" * RETURN (STATUS (MESSAGES SIZE) CHILDREN)", 0, true, false, true, "* " },
	/* clang-format on */
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_cases); i++) {
		const struct good_case *c = &good_cases[i];
		struct list_request got;
		struct arg_text text;
		struct buf patterns;

		buf_init(&patterns, 10000);
		if (!list_request_parse(arg_text_start(&text, c->text), &got))
			fail_msg("%s: refused, %s", c->name, text.args.error);
		for (uint32_t k = 0; k < got.n; k++)
			buf_printf(&patterns, "%s ", got.patterns[k]);
		if (got.selected != c->selected || got.extended != c->extended ||
		    got.tells_subscribed != c->tells_subscribed || !!got.status != c->has_status ||
		    !slice_eq(buf_slice(&patterns), slice_str(c->patterns)))
			fail_msg("%s: selected %u, extended %d, subscribed %d, status %u, \"%.*s\"", c->name,
			         got.selected, got.extended, got.tells_subscribed, got.status,
			         SLICE_FMT(buf_slice(&patterns)));
		buf_done(&patterns);
		arg_text_done(&text);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "nothing", "" },
		{ "no pattern", " \"\"" },
		{ "no patterns", " \"\" ()" },
		{ "patterns without an end", " \"\" (a b" },
		{ "no blank between patterns", " \"\" (\"a\"\"b\")" },
		{ "an unknown option", " (FROB) \"\" *" },
		{ "RETURN's option before it", " (CHILDREN) \"\" *" },
		{ "options without an end", " (SUBSCRIBED \"\" *" },
		{ "no blank behind options", " (SUBSCRIBED)\"\" *" },
		{ "nothing to match below", " (RECURSIVEMATCH) \"\" *" },
		{ "REMOTE is nothing to match", " (REMOTE RECURSIVEMATCH) \"\" *" },
		{ "an unknown RETURN", " \"\" * RETURN (FROB)" },
		{ "another word", " \"\" * FROB ()" },
		{ "RETURN of nothing", " \"\" * RETURN" },
		{ "RETURN without an end", " \"\" * RETURN (CHILDREN" },
		{ "STATUS of nothing", " \"\" * RETURN (STATUS ())" },
		{ "STATUS without items", " \"\" * RETURN (STATUS)" },
		{ "more behind it", " \"\" * RETURN () x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct list_request got;
		struct arg_text text;

		if (list_request_parse(arg_text_start(&text, cases[i].text), &got))
			fail_msg("%s: was read", cases[i].name);
		assert_non_null(text.args.error);
		arg_text_done(&text);
	}
}

static void test_limits(void **state)
{
	static const struct {
		const char *name;
		unsigned patterns, len;
		bool good;
	} cases[] = {
		{ "many", LIST_PATTERNS_MAX, 1, true },
		{ "too many", LIST_PATTERNS_MAX + 1, 1, false },
		{ "long", 4, LIST_PATTERN_TEXT / 4, true },
		{ "too long", 5, LIST_PATTERN_TEXT / 5 + 1, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct list_request got;
		struct arg_text text;
		struct buf line;

		buf_init(&line, 100000);
		buf_adds(&line, " \"\" (");
		for (unsigned k = 0; k < cases[i].patterns; k++) {
			buf_adds(&line, k ? " " : "");
			for (unsigned n = 0; n < cases[i].len; n++)
				buf_addc(&line, 'a');
		}
		buf_adds(&line, ")");
		buf_addc(&line, '\0');
		if (list_request_parse(arg_text_start(&text, (const char *)line.data), &got) != cases[i].good)
			fail_msg("%s: %s", cases[i].name, text.args.error);
		buf_done(&line);
		arg_text_done(&text);
	}
}

static void test_separator(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{ " \"\" \"\"", true },
		{ " a \"\"", true },
		{ " \"\" %", false },
		{ " () \"\" \"\"", false },
		{ " \"\" \"\" RETURN ()", false },
		{ " a (\"\")", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct list_request got;
		struct arg_text text;

		assert_true(list_request_parse(arg_text_start(&text, cases[i].text), &got));
		if (list_request_is_for_separator(&got) != cases[i].is)
			fail_msg("%s", cases[i].text);
		arg_text_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_separator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
