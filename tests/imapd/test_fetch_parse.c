/* What a FETCH asks for, as it is read: which items, what they need, how they are called; and what does not read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "arg_text.h"
#include "fetch_item.h"

#define U FETCH_UID
#define F FETCH_FLAGS
#define D FETCH_INTERNALDATE
#define S FETCH_SIZE
#define M FETCH_MODSEQ

static const struct good_case {
	const char *name, *text;
	unsigned view, needs;
	const char *labels; /* of the items, with blanks between */
	bool seen;
} good_cases[] = {
	/* clang-format off */
	{ "one", "FLAGS", F, 0, "", false },
	{ "any case", "fLaGs", F, 0, "", false },
	{ "a list", "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)", U | F | D | S | M, 0, "", false },
	{ "blanks in a list", "( UID   FLAGS )", U | F, 0, "", false },
	{ "the same twice", "(FLAGS FLAGS ENVELOPE ENVELOPE)", F, NEEDS_TREE, "ENVELOPE ", false },
	{ "dates and ids", "(SAVEDATE THREADID EMAILID EMAILID)", FETCH_SAVEDATE | FETCH_THREADID, 0, "EMAILID ", false },
	{ "binary", "(BINARY[1.2] BINARY.SIZE[1.2])", 0, NEEDS_TREE | NEEDS_BODY, "BINARY[1.2] BINARY.SIZE[1.2] ", true },
	{ "binary, peeked at", "(BINARY.PEEK[]<2.3> BINARY.SIZE[])", 0, NEEDS_BODY | NEEDS_TREE, "BINARY[]<2> BINARY.SIZE[] ", false },
	{ "a preview", "PREVIEW", 0, NEEDS_TREE | NEEDS_BODY, "PREVIEW ", false },
	{ "a lazy preview", "(PREVIEW (LAZY) UID)", U, NEEDS_TREE | NEEDS_BODY, "PREVIEW ", false },
	{ "a preview, changed since", "PREVIEW (CHANGEDSINCE 12)", M, NEEDS_TREE | NEEDS_BODY, "PREVIEW ", false },
	{ "FAST", "FAST", F | D | S, 0, "", false },
	{ "ALL", "ALL", F | D | S, NEEDS_TREE, "ENVELOPE ", false },
	{ "FULL", "FULL", F | D | S, NEEDS_TREE, "ENVELOPE BODY ", false },
	{ "structures", "(BODY BODYSTRUCTURE)", 0, NEEDS_TREE, "BODY BODYSTRUCTURE ", false },
	{ "the message", "BODY[]", 0, NEEDS_BODY, "BODY[] ", true },
	{ "peeked at", "BODY.PEEK[]", 0, NEEDS_BODY, "BODY[] ", false },
	{ "both ways", "(BODY.PEEK[] BODY[])", 0, NEEDS_BODY, "BODY[] ", true },
	{ "old words", "(RFC822 RFC822.HEADER RFC822.TEXT)", 0, NEEDS_BODY | NEEDS_HEADER, "RFC822 RFC822.HEADER RFC822.TEXT ", true },
	{ "old header sets nothing", "RFC822.HEADER", 0, NEEDS_HEADER, "RFC822.HEADER ", false },
	{ "header", "BODY.PEEK[header]", 0, NEEDS_HEADER, "BODY[HEADER] ", false },
	{ "text", "BODY[TEXT]", 0, NEEDS_BODY | NEEDS_HEADER, "BODY[TEXT] ", true },
	{ "fields", "BODY.PEEK[HEADER.FIELDS (From \"to\" {c c})]", 0, NEEDS_HEADER, "BODY[HEADER.FIELDS (From to \"c c\")] ", false },
	{ "blanks between fields", "BODY.PEEK[HEADER.FIELDS  ( From  To )]", 0, NEEDS_HEADER, "BODY[HEADER.FIELDS (From To)] ", false },
	{ "other fields", "BODY.PEEK[HEADER.FIELDS.NOT (X])]", 0, NEEDS_HEADER, "BODY[HEADER.FIELDS.NOT (\"X]\")] ", false },
	{ "a part", "BODY[1]", 0, NEEDS_TREE | NEEDS_BODY, "BODY[1] ", true },
	{ "a deep part", "BODY[1.2.3.MIME]", 0, NEEDS_TREE | NEEDS_BODY, "BODY[1.2.3.MIME] ", true },
	{ "a part's fields", "BODY[4.HEADER.FIELDS (a)]<3.4>", 0, NEEDS_TREE | NEEDS_BODY, "BODY[4.HEADER.FIELDS (a)]<3> ", true },
	{ "the largest part number", "BODY[4294967295]", 0, NEEDS_TREE | NEEDS_BODY, "BODY[4294967295] ", true },
	{ "a partial", "BODY[]<0.1>", 0, NEEDS_BODY, "BODY[]<0> ", true },
	{ "two partials", "(BODY[]<0.1> BODY[]<0.2> BODY[]<0.1>)", 0, NEEDS_BODY, "BODY[]<0> BODY[]<0> ", true },
	{ "a large partial", "BODY[]<9223372036854775807.9223372036854775807>", 0, NEEDS_BODY, "BODY[]<9223372036854775807> ", true },
	{ "changed since", "FLAGS (CHANGEDSINCE 12)", F | M, 0, "", false },
	{ "vanished since", "FLAGS (CHANGEDSINCE 12 VANISHED)", F | M, 0, "", false },
	{ "vanished, the other way round", "FLAGS (VANISHED  CHANGEDSINCE 12)", F | M, 0, "", false },
	{ "a page", "UID (PARTIAL 1:30)", U, 0, "", false },
	{ "a page of what changed", "UID (PARTIAL -1:-30 CHANGEDSINCE 12)", U | M, 0, "", false },
	{ "a page of what changed, the other way round", "UID ( CHANGEDSINCE 12  PARTIAL 2:1 )", U | M, 0, "", false },
	{ "changed since, with blanks", "(FLAGS)  ( CHANGEDSINCE  12 )", F | M, 0, "", false },
	/* clang-format on */
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_cases); i++) {
		const struct good_case *c = &good_cases[i];
		struct fetch_request got;
		struct arg_text text;
		struct buf labels;

		buf_init(&labels, 10000);
		if (!fetch_parse(arg_text_start(&text, c->text), &got))
			fail_msg("%s: refused, %s", c->name, text.args.error);
		for (uint32_t k = 0; k < got.n; k++)
			buf_printf(&labels, "%.*s ", SLICE_FMT(got.items[k].label));
		if (got.view != c->view || got.needs != c->needs || got.sets_seen != c->seen ||
		    !slice_eq(buf_slice(&labels), slice_str(c->labels)))
			fail_msg("%s: view %u, needs %u, seen %d, \"%.*s\"", c->name, got.view, got.needs,
			         got.sets_seen, SLICE_FMT(buf_slice(&labels)));
		buf_done(&labels);
		arg_text_done(&text);
	}
}

static const struct bad_case {
	const char *name, *text;
} bad_cases[] = {
	{ "nothing", "" },
	{ "an empty list", "()" },
	{ "an open list", "(FLAGS" },
	{ "a list in a list", "((FLAGS))" },
	{ "no blank between", "(FLAGSUID)" },
	{ "more behind", "FLAGS UID" },
	{ "a macro in a list", "(FAST)" },
	{ "unknown", "FLAGZ" },
	{ "unknown behind a dot", "RFC822.FOO" },
	{ "PEEK without a section", "BODY.PEEK" },
	{ "a section without end", "BODY[" },
	{ "a section with a blank", "BODY[ ]" },
	{ "an unknown section", "BODY[FOO]" },
	{ "MIME of nothing", "BODY[MIME]" },
	{ "part 0", "BODY[0]" },
	{ "part 1.0", "BODY[1.0]" },
	{ "a dot too many", "BODY[1.]" },
	{ "a part too large", "BODY[4294967296]" },
	{ "fields without a list", "BODY[HEADER.FIELDS]" },
	{ "fields, empty", "BODY[HEADER.FIELDS ()]" },
	{ "fields, open", "BODY[HEADER.FIELDS (a" },
	{ "a partial of length 0", "BODY[]<0.0>" },
	{ "a partial without length", "BODY[]<0>" },
	{ "an open partial", "BODY[]<0.1" },
	{ "a partial too large", "BODY[]<9223372036854775808.1>" },
	{ "a partial of a structure", "BODY<0.1>" },
	{ "an unknown modifier", "FLAGS (VANISHED)" },
	{ "a modifier without number", "FLAGS (CHANGEDSINCE)" },
	{ "an open modifier", "FLAGS (CHANGEDSINCE 1" },
	{ "a page without a range", "FLAGS (PARTIAL)" },
	{ "page 0", "FLAGS (PARTIAL 0:1)" },
	{ "two pages", "FLAGS (PARTIAL 1:2 PARTIAL 1:2)" },
	{ "changed since, twice", "FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 1)" },
	{ "modifiers without a blank", "FLAGS (PARTIAL 1:2CHANGEDSINCE 1)" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
		struct fetch_request got;
		struct arg_text text;

		if (fetch_parse(arg_text_start(&text, bad_cases[i].text), &got))
			fail_msg("%s: was read", bad_cases[i].name);
		assert_non_null(text.args.error);
		arg_text_done(&text);
	}
}

static void test_changed_since(void **state)
{
	struct fetch_request got;
	struct arg_text text;

	(void)state;
	assert_true(fetch_parse(arg_text_start(&text, "FLAGS (CHANGEDSINCE 9223372036854775807)"), &got));
	assert_true(got.only_changed);
	assert_int_equal(got.changed_since, INT64_MAX);
	arg_text_done(&text);
}

/* Exactly the limit is read, one more is not. */
static void check_limit(const char *before, const char *one, const char *behind, unsigned limit)
{
	for (unsigned more = 0; more < 2; more++) {
		struct fetch_request got;
		struct arg_text text;
		struct buf line;

		buf_init(&line, 1 << 20);
		buf_adds(&line, before);
		for (unsigned i = 0; i < limit + more; i++)
			arg_text_numbered(&line, one, i + 1);
		buf_adds(&line, behind);
		buf_addc(&line, '\0');
		if (fetch_parse(arg_text_start(&text, (const char *)line.data), &got) != !more)
			fail_msg("%s...: %u were %s", before, limit + more, more ? "read" : "refused");
		arg_text_done(&text);
		buf_done(&line);
	}
}

static void test_limits(void **state)
{
	(void)state;
	check_limit("(BODY[]<0.1000>", " BODY[]<0.#>", ")", FETCH_ITEMS_MAX - 1);
	check_limit("BODY[HEADER.FIELDS (", " x#", ")]", FETCH_FIELDS_MAX);
	check_limit("BODY[1", ".#", "]", SECTION_DEPTH_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_changed_since),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
