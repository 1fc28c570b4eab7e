/* The readers of arguments, case by case; and that no reader takes anything when it gives false where that is promised. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "args.h"
#include "suite/folder.h"
#include "store/mailbox.h"

struct text {
	struct arena *arena;
	struct imap_segment segments[3];
	struct imap_args args;
};

/* Text, and behind it a literal and more text where given. */
static struct imap_args *start(struct text *text, const char *first, const char *literal, const char *second)
{
	text->arena = arena_new();
	text->segments[0] = (struct imap_segment){ .text = slice_str(first) };
	if (literal) {
		text->segments[0].literal.data = slice_str(literal);
		text->segments[0].next = &text->segments[1];
		text->segments[1] = (struct imap_segment){ .text = slice_str(second) };
	}
	imap_args_start(&text->args, text->segments, text->arena);
	return &text->args;
}

static void done(struct text *text)
{
	arena_free(text->arena);
}

/* ---- strings ---- */

static const struct string_case {
	const char *name, *text, *literal, *rest;
	const char *astring, *string; /* NULL: refused */
} string_cases[] = {
	{ "an atom", "abc def", NULL, " def", "abc", NULL },
	{ "an atom with ]", "a]b", NULL, "", "a]b", NULL },
	{ "UTF-8 in an atom", "gr\xc3\xbc\xc3\x9f", NULL, "", "gr\xc3\xbc\xc3\x9f", NULL },
	{ "quoted", "\"a b\" c", NULL, " c", "a b", "a b" },
	{ "quoted, empty", "\"\"", NULL, "", "", "" },
	{ "quoted, escaped", "\"a\\\"b\\\\\"", NULL, "", "a\"b\\", "a\"b\\" },
	{ "quoted, escape before anything", "\"a\\b\"", NULL, "", "ab", "ab" },
	{ "quoted, no end", "\"abc", NULL, "\"abc", NULL, NULL },
	{ "quoted, escape at the end", "\"abc\\", NULL, "\"abc\\", NULL, NULL },
	{ "quoted, escaped quote at the end", "\"abc\\\"", NULL, "\"abc\\\"", NULL, NULL },
	{ "a literal", "", "li te\"ral", "x", "li te\"ral", "li te\"ral" },
	{ "an empty literal", "", "", "x", "", "" },
	{ "nothing", "", NULL, "", NULL, NULL },
	{ "a list", "(a)", NULL, "(a)", NULL, NULL },
	{ "a wildcard", "%", NULL, "%", NULL, NULL },
	{ "a literal, but text before it", " ", "abc", " ", NULL, NULL },
};

static void check_string(const struct string_case *c, const char *wanted,
                         bool (*reader)(struct imap_args *, struct slice *))
{
	struct text text;
	struct imap_args *args = start(&text, c->text, c->literal, "x");
	struct slice got = { NULL, 0 };
	bool good = reader(args, &got);

	if (good != (wanted != NULL) || (good && !slice_eq(got, slice_str(wanted))) ||
	    !slice_eq(args->rest, slice_str(good || !c->literal ? c->rest : c->text)))
		fail_msg("%s: %s \"%.*s\", rest \"%.*s\"", c->name, good ? "read" : "refused",
		         good ? (int)got.len : 0, (const char *)got.data, SLICE_FMT(args->rest));
	done(&text);
}

static void test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(string_cases); i++) {
		struct string_case c = string_cases[i];

		check_string(&c, c.astring, imap_args_astring);
		if (!c.string)
			c.rest = c.text;
		check_string(&c, c.string, imap_args_string);
	}
}

static void test_literals(void **state)
{
	struct text text;
	struct imap_args *args = start(&text, "a ", "b", " c");
	struct imap_literal literal;
	struct slice got;

	(void)state;
	assert_true(imap_args_astring(args, &got));
	assert_false(imap_args_end(args)); /* the literal is still there */
	assert_true(imap_args_space(args));
	assert_false(imap_args_is_end(args));
	assert_true(imap_args_literal(args, &literal));
	assert_true(slice_eq(literal.data, SLICE("b")));
	assert_true(imap_args_space(args) && imap_args_astring(args, &got) && imap_args_end(args));
	assert_false(imap_args_literal(args, &literal));
	done(&text);

	args = start(&text, "", "a", "");
	text.segments[0].literal.binary = true;
	assert_false(imap_args_astring(args, &got));
	assert_true(imap_args_literal(args, &literal) && literal.binary);
	done(&text);

	args = start(&text, "", "", "");
	text.segments[0].literal.data = slice_of("a\0b", 3);
	assert_false(imap_args_string(args, &got));
	done(&text);
}

static void test_nil(void **state)
{
	static const struct {
		const char *text;
		bool good, nil;
	} cases[] = {
		{ "NIL", true, true },      { "nil)", true, true },  { "NILE", false, false },
		{ "\"NIL\"", true, false }, { "\"\"", true, false }, { "atom", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text text;
		struct slice got;
		bool nil;

		if (imap_args_nstring(start(&text, cases[i].text, NULL, NULL), &got, &nil) != cases[i].good ||
		    (cases[i].good && nil != cases[i].nil))
			fail_msg("%s", cases[i].text);
		done(&text);
	}
}

/* ---- marks and words ---- */

static void test_marks(void **state)
{
	struct text text;
	struct imap_args *args = start(&text, "(  a   b  )  ", NULL, NULL);
	struct slice a;

	(void)state;
	assert_true(imap_args_open(args) && imap_args_atom(args, &a) && !imap_args_close(args));
	assert_true(imap_args_space(args) && imap_args_atom(args, &a) && imap_args_close(args));
	assert_true(imap_args_end(args));
	assert_false(imap_args_open(args));
	done(&text);
}

static void test_words(void **state)
{
	static const struct {
		const char *text, *word;
		bool good;
	} cases[] = {
		{ "FLAGS", "FLAGS", true },           { "flags)", "FLAGS", true },
		{ "FLAGS.SILENT", "FLAGS", false },   { "FLAGSX", "FLAGS", false },
		{ "BODY[TEXT]", "BODY", true },       { "BODY.PEEK[]", "BODY", false },
		{ "BODY.PEEK[]", "BODY.PEEK", true }, { "BODYSTRUCTURE", "BODY", false },
		{ "FLAG", "FLAGS", false },           { "", "FLAGS", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text text;
		struct imap_args *args = start(&text, cases[i].text, NULL, NULL);

		if (imap_args_word(args, cases[i].word) != cases[i].good ||
		    args->rest.len != strlen(cases[i].text) - (cases[i].good ? strlen(cases[i].word) : 0))
			fail_msg("%s in %s", cases[i].word, cases[i].text);
		done(&text);
	}
}

/* ---- numbers and sets ---- */

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool good, nz;
		uint64_t value;
	} cases[] = {
		{ "0", true, false, 0 },
		{ "42 ", true, true, 42 },
		{ "4294967295", true, true, 4294967295 },
		{ "4294967296", false, false, 0 },
		{ "99999999999999999999999", false, false, 0 },
		{ "", false, false, 0 },
		{ "-1", false, false, 0 },
		{ "x", false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text text;
		struct imap_args *args = start(&text, cases[i].text, NULL, NULL);
		uint64_t value = 7;

		if (imap_args_nz_number(args, UINT32_MAX, &value) != cases[i].nz)
			fail_msg("nz \"%s\"", cases[i].text);
		if (!cases[i].nz)
			assert_true(value == 7 && args->rest.len == strlen(cases[i].text));
		imap_args_start(args, text.segments, text.arena);
		if (imap_args_number(args, UINT32_MAX, &value) != cases[i].good ||
		    (cases[i].good && value != cases[i].value))
			fail_msg("\"%s\"", cases[i].text);
		done(&text);
	}
}

static void test_sets(void **state)
{
	static const struct {
		const char *text, *set; /* NULL: refused */
	} cases[] = {
		{ "1", "1" },
		{ "1:5,7", "1:5,7" },
		{ "5:1", "1:5" },
		{ "9,3,7,1", "1,3,7,9" },
		{ "1:3,2:6", "1:6" },
		{ "*", "4294967295" },
		{ "3:*", "3:4294967295" },
		{ "*:3 ", "3:4294967295" },
		{ "1,*", "1,4294967295" },
		{ "0", NULL },
		{ "1,", NULL },
		{ ",1", NULL },
		{ "1:", NULL },
		{ "1:2:3", "1:2" }, /* and ":3" is left, which no command takes */
		{ "", NULL },
		{ "4294967296", NULL },
		{ "**", "4294967295" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text text;
		struct uid_set set;
		struct buf print;
		bool good = imap_args_set(start(&text, cases[i].text, NULL, NULL), &set);

		buf_init(&print, 1000);
		if (good)
			uid_set_print(&set, &print);
		if (good != (cases[i].set != NULL) ||
		    (good && !slice_eq(buf_slice(&print), slice_str(cases[i].set))))
			fail_msg("\"%s\": \"%.*s\"", cases[i].text, SLICE_FMT(buf_slice(&print)));
		buf_done(&print);
		done(&text);
	}
}

/* As many ranges as are allowed, descending, are read fast; one more is refused. */
static void test_set_limit(void **state)
{
	struct text text;
	struct uid_set set;
	struct buf list;

	(void)state;
	buf_init(&list, 1 << 20);
	for (unsigned i = IMAP_SET_RANGES; i > 0; i--)
		buf_printf(&list, "%s%u", i == IMAP_SET_RANGES ? "" : ",", 2 * i);
	buf_addc(&list, '\0');
	assert_true(imap_args_set(start(&text, (const char *)list.data, NULL, NULL), &set));
	assert_int_equal(uid_set_ranges(&set), IMAP_SET_RANGES);
	done(&text);
	list.len--;
	buf_adds(&list, ",1");
	buf_addc(&list, '\0');
	assert_false(imap_args_set(start(&text, (const char *)list.data, NULL, NULL), &set));
	done(&text);
	buf_done(&list);
}

/* ---- mailboxes ---- */

static void test_mailboxes(void **state)
{
	static const struct {
		const char *text, *name; /* NULL: refused */
	} cases[] = {
		{ "INBOX", "INBOX" },
		{ "inbox", "INBOX" },
		{ "inBOX/x", "INBOX/x" },
		{ "inboxes", "inboxes" },
		{ "Sent", "Sent" },
		{ "Entw&APw-rfe", "Entw\xc3\xbcrfe" },
		{ "\"Entw\xc3\xbcrfe\"", "Entw\xc3\xbcrfe" },
		{ "Entwu\xcc\x88rfe", "Entw\xc3\xbcrfe" },
		{ "R&D", "R&D" },
		{ "R&-D", "R&D" },
		{ "&AAA", "&AAA" },
		{ "\"\xff\xfe\"", NULL },
		{ "\"\"", "" },
		{ "(", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text text;
		const char *name;
		bool good = imap_args_mailbox(start(&text, cases[i].text, NULL, NULL), &name);

		if (good != (cases[i].name != NULL) || (good && strcmp(name, cases[i].name) != 0))
			fail_msg("%s: %s", cases[i].text, good ? name : "refused");
		done(&text);
	}
}

/* In UTF-8, where an old spelling of what is there leads to it, and everything else stands for itself. */
static void test_mailboxes_utf8(void **state)
{
	static const char *const there[] = { "Биз", "Биз/Entwürfe", "A&Leo-B", "R&D" };
	static const struct {
		const char *text, *name, *written;
	} cases[] = {
		{ "\"Биз\"", "Биз", NULL },
		{ "&BBEEOAQ3-", "Биз", "&BBEEOAQ3-" },
		{ "&BBEEOAQ3-/Entw&APw-rfe", "Биз/Entwürfe", "&BBEEOAQ3-/Entw&APw-rfe" },
		{ "&BBEEOAQ3-/new", "Биз/new", "&BBEEOAQ3-/new" },
		{ "&BBEEOAQ3-/", "Биз/", "&BBEEOAQ3-/" },
		{ "\"&BBEEOAQ3-/Новый & neu\"", "Биз/Новый & neu", "&BBEEOAQ3-/Новый & neu" },
		{ "&BBEEOAQ4-", "&BBEEOAQ4-", NULL },
		{ "&BBEEOAQ4-/&BBEEOAQ3-", "&BBEEOAQ4-/&BBEEOAQ3-", NULL },
		{ "A&Leo-B", "A&Leo-B", NULL },
		{ "Shared/bob@example.org/&BBEEOAQ3-", "Shared/bob@example.org/Биз",
		  "Shared/bob@example.org/&BBEEOAQ3-" },
		{ "Shared/bob@example.org/R&D", "Shared/bob@example.org/R&D", NULL },
		{ "R&D", "R&D", NULL },
		{ "R&-D", "R&D", "R&-D" },
		{ "R&-E", "R&-E", NULL },
		{ "Entwu\xcc\x88rfe", "Entw\xc3\xbcrfe", "Entwu\xcc\x88rfe" },
		{ "inbox", "INBOX", NULL },
		{ "inbox/x", "INBOX/x", "inbox/x" },
		{ "\"\xff\"", NULL, NULL },
	};
	struct folder folders[ARRAY_LEN(there)], *list[ARRAY_LEN(there)];
	struct folders all = { .list = list, .n = ARRAY_LEN(there) };

	(void)state;
	memset(folders, 0, sizeof(folders));
	for (size_t i = 0; i < ARRAY_LEN(there); i++) {
		folders[i].path = there[i];
		list[i] = &folders[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text text;
		struct imap_args *args = start(&text, cases[i].text, NULL, NULL);
		const char *name = NULL;

		args->utf8 = true;
		args->folders = &all;
		if (imap_args_mailbox(args, &name) != (cases[i].name != NULL) ||
		    (name && strcmp(name, cases[i].name) != 0))
			fail_msg("%s: %s", cases[i].text, name ? name : "refused");
		if (name && (!args->written != !cases[i].written ||
		             (args->written && strcmp(args->written, cases[i].written) != 0)))
			fail_msg("%s was written %s", cases[i].text, args->written ? args->written : "so");
		done(&text);
	}
}

static void test_long_mailbox(void **state)
{
	char name[8192];
	const char *got;
	struct text text;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_false(imap_args_mailbox(start(&text, name, NULL, NULL), &got));
	done(&text);
	name[1000] = '\0';
	assert_true(imap_args_mailbox(start(&text, name, NULL, NULL), &got));
	done(&text);
}

/* ---- flags ---- */

static const struct flags_case {
	const char *name, *text;
	bool bare, good;
	uint32_t flags;
	const char *keywords; /* joined */
} flags_cases[] = {
	{ "empty", "()", false, true, 0, "" },
	{ "empty, with spaces", "(  )", false, true, 0, "" },
	{ "one", "(\\Seen)", false, true, FLAG_SEEN, "" },
	{ "several, any case", "(\\sEEN \\DELETED  \\Draft )", false, true,
	  FLAG_SEEN | FLAG_DELETED | FLAG_DRAFT, "" },
	{ "keywords, each once", "($Forwarded Work $FORWARDED)", false, true, 0, "$Forwarded Work" },
	{ "recent is left out", "(\\Recent \\Seen)", false, true, FLAG_SEEN, "" },
	{ "bare", "\\Seen \\Flagged NonJunk", true, true, FLAG_SEEN | FLAG_FLAGGED, "NonJunk" },
	{ "bare, in parentheses all the same", "(\\Seen)", true, true, FLAG_SEEN, "" },
	{ "not bare", "\\Seen", false, false, 0, "" },
	{ "unknown system flag", "(\\Frob)", false, false, 0, "" },
	{ "longer than a system flag", "(\\Seen2)", false, false, 0, "" },
	{ "no end", "(\\Seen", false, false, 0, "" },
	{ "no end behind a space", "(\\Seen ", false, false, 0, "" },
	{ "permanent star", "(\\*)", false, false, 0, "" },
	{ "quoted", "(\"a\")", false, false, 0, "" },
	{ "nothing, bare", "", true, false, 0, "" },
};

static void test_flags(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags_cases); i++) {
		const struct flags_case *c = &flags_cases[i];
		struct text text;
		struct imap_flags flags;
		bool good = imap_args_flags(start(&text, c->text, NULL, NULL), c->bare, &flags);
		const char *keywords = "";

		for (size_t k = 0; good && k < flags.n; k++)
			keywords =
			    arena_printf(text.arena, "%s%s%s", keywords, k ? " " : "", flags.keywords[k]);
		if (good != c->good || (good && (flags.flags != c->flags || strcmp(keywords, c->keywords))))
			fail_msg("%s: %s %x \"%s\"", c->name, good ? "read" : "refused", flags.flags,
			         keywords);
		done(&text);
	}
}

static void test_too_many_keywords(void **state)
{
	struct text text;
	struct imap_flags flags;
	struct buf list;

	(void)state;
	buf_init(&list, 10000);
	buf_adds(&list, "(");
	for (int i = 0; i < MAILBOX_KEYWORDS_MAX; i++)
		buf_printf(&list, "k%d ", i);
	buf_adds(&list, ")");
	buf_addc(&list, '\0');
	assert_true(imap_args_flags(start(&text, (const char *)list.data, NULL, NULL), false, &flags));
	done(&text);
	list.len -= 2;
	buf_adds(&list, "onemore)");
	buf_addc(&list, '\0');
	assert_false(imap_args_flags(start(&text, (const char *)list.data, NULL, NULL), false, &flags));
	done(&text);
	buf_done(&list);
}

/* ---- dates ---- */

static void test_dates(void **state)
{
	struct text text;
	int32_t day;
	int64_t ms;

	(void)state;
	assert_true(imap_args_date(start(&text, "2-Jan-1970 ", NULL, NULL), &day) && day == 1);
	done(&text);
	assert_true(imap_args_date(start(&text, "\"1-Jan-1970\"", NULL, NULL), &day) && day == 0);
	done(&text);
	assert_false(imap_args_date(start(&text, "1-Foo-1970", NULL, NULL), &day));
	assert_true(text.args.rest.len == 10);
	done(&text);
	assert_true(imap_args_date_time(start(&text, "\" 1-Jan-1970 01:00:00 +0100\" x", NULL, NULL), &ms) &&
	            ms == 0);
	done(&text);
	assert_false(imap_args_date_time(start(&text, "1-Jan-1970", NULL, NULL), &ms));
	done(&text);
	assert_false(imap_args_date_time(start(&text, "\"32-Jan-1970 01:00:00 +0100\"", NULL, NULL), &ms));
	done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_nil),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_set_limit),
		cmocka_unit_test(test_mailboxes),
		cmocka_unit_test(test_mailboxes_utf8),
		cmocka_unit_test(test_long_mailbox),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_too_many_keywords),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
