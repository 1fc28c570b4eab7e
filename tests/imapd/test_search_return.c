/* What a search is asked to give back, as it is read; and which results a range names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "arg_text.h"
#include "search_return.h"

static const struct good_case {
	const char *name, *text;
	bool extended;
	unsigned wanted;
	struct partial partial;
} good_cases[] = {
	/* clang-format off */
	{ "nothing is asked", "ALL", false, 0, { 0 } },
	{ "a key that begins alike", "RETURNED", false, 0, { 0 } },
	{ "no options", "RETURN () ", true, RETURN_ALL, { 0 } },
	{ "no options, blanks", "RETURN  (  )  ", true, RETURN_ALL, { 0 } },
	{ "each", "return (min max count all save) ", true, RETURN_MIN | RETURN_MAX | RETURN_COUNT | RETURN_ALL | RETURN_SAVE, { 0 } },
	{ "relevancies", "RETURN (Relevancy ALL) ", true, RETURN_RELEVANCY | RETURN_ALL, { 0 } },
	{ "relevancies alone", "RETURN (RELEVANCY) ", true, RETURN_RELEVANCY, { 0 } },
	{ "twice", "RETURN (MIN MIN) ", true, RETURN_MIN, { 0 } },
	{ "saving alone", "RETURN (SAVE) ", true, RETURN_SAVE, { 0 } },
	{ "a page", "RETURN (PARTIAL 1:500) ", true, RETURN_PARTIAL, { 1, 500, false } },
	{ "a page the other way round", "RETURN (PARTIAL 500:1) ", true, RETURN_PARTIAL, { 1, 500, false } },
	{ "a page from the end", "RETURN (COUNT PARTIAL -1:-100) ", true, RETURN_COUNT | RETURN_PARTIAL, { 1, 100, true } },
	{ "the largest page", "RETURN (PARTIAL 1:4294967295) ", true, RETURN_PARTIAL, { 1, UINT32_MAX, false } },
	/* clang-format on */
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_cases); i++) {
		const struct good_case *c = &good_cases[i];
		struct search_return got;
		struct arg_text text;

		if (!search_return_parse(arg_text_start(&text, c->text), &got))
			fail_msg("%s: refused, %s", c->name, text.args.error);
		if (got.extended != c->extended || got.wanted != c->wanted ||
		    got.partial.first != c->partial.first || got.partial.last != c->partial.last ||
		    got.partial.backwards != c->partial.backwards)
			fail_msg("%s: read as %d %x %u:%u", c->name, got.extended, got.wanted,
			         got.partial.first, got.partial.last);
		arg_text_done(&text);
	}
}

static const struct bad_case {
	const char *name, *text;
} bad_cases[] = {
	{ "no list", "RETURN ALL" },
	{ "no blank before the list", "RETURN(ALL) " },
	{ "no blank behind the list", "RETURN (ALL)" },
	{ "no end", "RETURN (ALL " },
	{ "unknown", "RETURN (BOGUS) " },
	{ "no blank between", "RETURN (MINMAX) " },
	{ "no page", "RETURN (PARTIAL) " },
	{ "page 0", "RETURN (PARTIAL 0:1) " },
	{ "half a page", "RETURN (PARTIAL 5) " },
	{ "signs that differ", "RETURN (PARTIAL -1:5) " },
	{ "signs that differ, the other way", "RETURN (PARTIAL 1:-5) " },
	{ "a star", "RETURN (PARTIAL 1:*) " },
	{ "a page too large", "RETURN (PARTIAL 1:4294967296) " },
	{ "two pages", "RETURN (PARTIAL 1:2 PARTIAL 3:4) " },
	{ "a page of all", "RETURN (PARTIAL 1:2 ALL) " },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
		struct search_return got;
		struct arg_text text;

		if (search_return_parse(arg_text_start(&text, bad_cases[i].text), &got))
			fail_msg("%s: accepted", bad_cases[i].name);
		arg_text_done(&text);
	}
}

static const struct page_case {
	const char *name;
	struct partial partial;
	size_t n, from, to;
} page_cases[] = {
	{ "of nothing", { 1, 10, false }, 0, 0, 0 },
	{ "of nothing, from the end", { 1, 10, true }, 0, 0, 0 },
	{ "the first", { 1, 1, false }, 5, 0, 1 },
	{ "the last", { 1, 1, true }, 5, 4, 5 },
	{ "some", { 2, 3, false }, 5, 1, 3 },
	{ "some from the end", { 2, 3, true }, 5, 2, 4 },
	{ "more than there are", { 4, 10, false }, 5, 3, 5 },
	{ "more than there are, from the end", { 4, 10, true }, 5, 0, 2 },
	{ "past the end", { 6, 10, false }, 5, 5, 5 },
	{ "past the beginning", { 6, 10, true }, 5, 0, 0 },
	{ "the largest", { UINT32_MAX, UINT32_MAX, false }, 5, 5, 5 },
};

static void test_pages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(page_cases); i++) {
		const struct page_case *c = &page_cases[i];
		size_t from, to;

		partial_of(&c->partial, c->n, &from, &to);
		if (from != c->from || to != c->to)
			fail_msg("%s: [%zu, %zu)", c->name, from, to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
