/* SEARCH keys as they are read: the tree they make, cheapest first; and what does not read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "arg_text.h"
#include "search_key.h"
#include "view.h"

static const char *const op_names[] = {
	[SEARCH_ALL] = "all",
	[SEARCH_AND] = "and",
	[SEARCH_OR] = "or",
	[SEARCH_NUMBERS] = "numbers",
	[SEARCH_UIDS] = "uids",
	[SEARCH_FLAG] = "flag",
	[SEARCH_KEYWORD] = "keyword",
	[SEARCH_RECENT] = "recent",
	[SEARCH_LARGER] = "larger",
	[SEARCH_SMALLER] = "smaller",
	[SEARCH_MODSEQ] = "modseq",
	[SEARCH_BEFORE] = "before",
	[SEARCH_ON] = "on",
	[SEARCH_SINCE] = "since",
	[SEARCH_OLDER] = "older",
	[SEARCH_YOUNGER] = "younger",
	[SEARCH_SAVEDBEFORE] = "savedbefore",
	[SEARCH_SAVEDON] = "savedon",
	[SEARCH_SAVEDSINCE] = "savedsince",
	[SEARCH_EMAILID] = "emailid",
	[SEARCH_SENTBEFORE] = "sentbefore",
	[SEARCH_SENTON] = "senton",
	[SEARCH_SENTSINCE] = "sentsince",
	[SEARCH_HEADER] = "header",
	[SEARCH_TEXT] = "text",
	[SEARCH_BODY] = "body",
};

static void print(const struct search_key *key, struct buf *out)
{
	buf_printf(out, "%s%s%s", key->negated ? "!" : "", key->fuzzy ? "~" : "", op_names[key->op]);
	if (key->op == SEARCH_NUMBERS || key->op == SEARCH_UIDS) {
		buf_addc(out, ':');
		if (key->saved)
			buf_adds(out, "saved");
		uid_set_print(&key->set, out);
	}
	if (key->keyword)
		buf_printf(out, ":%s", key->keyword);
	if (key->number)
		buf_printf(out, ":%llu", (unsigned long long)key->number);
	if (key->day)
		buf_printf(out, ":%d", key->day);
	if (key->op == SEARCH_HEADER)
		buf_printf(out, ":%.*s", SLICE_FMT(key->name));
	if (key->op >= SEARCH_HEADER)
		buf_printf(out, ":%.*s", SLICE_FMT(key->text));
	if (!key->kids)
		return;
	buf_addc(out, '(');
	for (const struct search_key *kid = key->kids; kid; kid = kid->next) {
		print(kid, out);
		buf_adds(out, kid->next ? " " : ")");
	}
}

static const struct good_case {
	const char *name, *text, *wanted;
} good_cases[] = {
	/* clang-format off */
	{ "all", "ALL", "and(all)" },
	{ "any case", "aLl", "and(all)" },
	{ "dates of saving", "SAVEDBEFORE 2-Jan-1970 SAVEDON 2-Jan-1970 SAVEDSINCE 2-Jan-1970", "and(savedbefore:1 savedon:1 savedsince:1)" },
	{ "they are there", "SAVEDATESUPPORTED", "and(all)" },
	{ "an id is dearer than the view", "EMAILID M000102030405060708090a0b0c0d0e0f SEEN", "and(flag:1 emailid)" },
	{ "ids of nobody", "EMAILID x THREADID M000102030405060708090a0b0c0d0e0f", "and(!all !all)" },
	{ "flags", "ANSWERED DELETED DRAFT FLAGGED SEEN", "and(flag:2 flag:8 flag:16 flag:4 flag:1)" },
	{ "without flags", "UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN", "and(!flag:2 !flag:8 !flag:16 !flag:4 !flag:1)" },
	{ "recent", "RECENT OLD NEW", "and(recent !recent and(recent !flag:1))" },
	{ "keywords", "KEYWORD $Work UNKEYWORD x", "and(keyword:$Work !keyword:x)" },
	{ "sizes", "LARGER 10 SMALLER 4294967295", "and(larger:10 smaller:4294967295)" },
	{ "dates", "BEFORE 2-Jan-1970 ON \"3-Jan-1970\" SINCE 04-Jan-1970", "and(before:1 on:2 since:3)" },
	{ "sent", "SENTBEFORE 2-Jan-1970 SENTON 3-Jan-1970 SENTSINCE 4-Jan-1970", "and(sentbefore:1 senton:2 sentsince:3)" },
	{ "ages", "OLDER 60 YOUNGER 4294967295", "and(older:60 younger:4294967295)" },
	{ "what was saved", "$ UID $ NOT $", "and(uids:saved uids:saved !uids:saved)" },
	{ "sets", "1:3,5 UID 7:* *", "and(numbers:1:3,5 uids:7:4294967295 numbers:4294967295)" },
	{ "texts, folded", "SUBJECT ABC FROM \"d E\" TO {Gr\xc3\xbc\xc3\x9f" "E} CC x BCC y", "and(header:Subject:ABC header:From:D E header:To:GRU\xcc\x88\xc3\x9f" "E header:Cc:X header:Bcc:Y)" },
	{ "a header", "HEADER X-Foo bar HEADER Y \"\"", "and(header:X-Foo:BAR header:Y:)" },
	{ "bodies", "BODY x TEXT Y", "and(body:X text:Y)" },
	{ "nothing is in everything", "BODY \"\" TEXT \"\"", "and(all all)" },
	{ "not", "NOT SEEN NOT NOT SEEN", "and(!flag:1 flag:1)" },
	{ "or", "OR SEEN OR 1 2", "and(or(flag:1 or(numbers:1 numbers:2)))" },
	{ "groups", "(SEEN (1 2)) NOT (3)", "and(and(flag:1 and(numbers:1 numbers:2)) !and(numbers:3))" },
	{ "blanks", "(  SEEN   1 )  OR  2   3", "and(and(flag:1 numbers:1) or(numbers:2 numbers:3))" },
	{ "cheapest first", "BODY a SUBJECT b SEEN TEXT c SENTON 2-Jan-1970 1", "and(flag:1 numbers:1 header:Subject:B senton:1 body:A text:C)" },
	{ "cheapest first, in groups", "OR BODY a SEEN (TEXT b 1) FLAGGED", "and(flag:4 or(flag:1 body:A) and(numbers:1 text:B))" },
	{ "a mod-sequence", "MODSEQ 12", "and(modseq:12)" },
	{ "a mod-sequence of an entry", "MODSEQ \"/flags/\\\\draft\" all 12", "and(modseq:12)" },
	{ "a loose text", "FUZZY SUBJECT {M\xc3\xbcller}", "and(~header:Subject:MULLER)" },
	{ "its words", "FUZZY HEADER X-Y \"one (two)\" FUZZY TEXT \"a  b\"", "and(~and(~header:X-Y:ONE ~header:X-Y:TWO) ~and(~text:A ~text:B))" },
	{ "no words", "FUZZY BODY \" \" FUZZY HEADER X \" \"", "and(~all ~header:X:)" },
	{ "what is behind it alone", "FUZZY (SEEN OR TO x 1) FROM {\xc3\xa4}", "and(~and(~flag:1 ~or(~numbers:1 ~header:To:X)) header:From:A\xcc\x88)" },
	{ "not, and twice", "FUZZY NOT SUBJECT x NOT FUZZY FUZZY SUBJECT \"y z\"", "and(!~header:Subject:X !~and(~header:Subject:Y ~header:Subject:Z))" },
	{ "a charset", "CHARSET utf-8 SUBJECT x", "and(header:Subject:X)" },
	{ "another charset", "CHARSET \"US-ASCII\" ALL", "and(all)" },
	/* clang-format on */
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_cases); i++) {
		const struct good_case *c = &good_cases[i];
		struct search got;
		struct arg_text text;
		struct buf tree;

		buf_init(&tree, 10000);
		if (!search_parse(arg_text_start(&text, c->text), &got))
			fail_msg("%s: refused, %s", c->name, text.args.error);
		print(got.root, &tree);
		if (!slice_eq(buf_slice(&tree), slice_str(c->wanted)))
			fail_msg("%s: %.*s", c->name, SLICE_FMT(buf_slice(&tree)));
		buf_done(&tree);
		arg_text_done(&text);
	}
}

static const struct bad_case {
	const char *name, *text;
	bool bad_charset;
} bad_cases[] = {
	{ "nothing", "", false },
	{ "unknown", "BOGUS", false },
	{ "one word too short", "SEE", false },
	{ "no blank between", "SEENALL", false },
	{ "an empty group", "()", false },
	{ "an open group", "(ALL", false },
	{ "a group too many", "ALL)", false },
	{ "NOT of nothing", "NOT", false },
	{ "OR of one", "OR ALL", false },
	{ "no text", "SUBJECT", false },
	{ "no header text", "HEADER x", false },
	{ "FUZZY of nothing", "FUZZY", false },
	{ "FUZZY of no text", "FUZZY SUBJECT", false },
	{ "FUZZY of what is no key", "FUZZY 1,", false },
	{ "more words than texts",
	  "FUZZY BODY \"1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 "
	  "3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5\"",
	  false },
	{ "no number", "LARGER x", false },
	{ "a number too large", "LARGER 4294967296", false },
	{ "no date", "ON yesterday", false },
	{ "no such date", "ON 31-Feb-2000", false },
	{ "number 0", "0", false },
	{ "no age", "OLDER", false },
	{ "age 0", "YOUNGER 0", false },
	{ "an age too large", "OLDER 4294967296", false },
	{ "what was saved in a set", "1,$", false },
	{ "what was saved before a set", "$,1", false },
	{ "what was saved as a range", "$:1", false },
	{ "UID without a set", "UID ALL", false },
	{ "KEYWORD without one", "KEYWORD", false },
	{ "MODSEQ without a number", "MODSEQ", false },
	{ "MODSEQ of an entry alone", "MODSEQ \"/flags/x\" all", false },
	{ "CHARSET alone", "CHARSET UTF-8", false },
	{ "CHARSET behind a key", "ALL CHARSET UTF-8", false },
	{ "an unknown charset", "CHARSET KOI8-R ALL", true },
	{ "a text that is no UTF-8", "SUBJECT {\xe4}", true },
	{ "an empty result option", "RETURN () ALL", false },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
		struct search got;
		struct arg_text text;

		if (search_parse(arg_text_start(&text, bad_cases[i].text), &got))
			fail_msg("%s: was read", bad_cases[i].name);
		if (got.bad_charset != bad_cases[i].bad_charset)
			fail_msg("%s: bad charset %d", bad_cases[i].name, got.bad_charset);
		assert_non_null(text.args.error);
		arg_text_done(&text);
	}
}

/* ---- limits ---- */

static void check_limit(const char *one, const char *last, unsigned limit)
{
	for (unsigned more = 0; more < 2; more++) {
		struct search got;
		struct arg_text text;
		struct buf line;

		buf_init(&line, 1 << 20);
		for (unsigned i = 0; i < limit + more; i++)
			buf_adds(&line, one);
		buf_adds(&line, last);
		buf_addc(&line, '\0');
		if (search_parse(arg_text_start(&text, (const char *)line.data), &got) != !more)
			fail_msg("%s: %u were %s", one, limit + more, more ? "read" : "refused");
		arg_text_done(&text);
		buf_done(&line);
	}
}

static void test_limits(void **state)
{
	(void)state;
	check_limit("NOT ", "ALL", SEARCH_DEPTH_MAX - 1);
	check_limit("OR ALL ", "ALL", SEARCH_DEPTH_MAX - 1);
	check_limit("ALL ", "ALL", SEARCH_KEYS_MAX - 1);
	check_limit("BODY x ", "ALL", SEARCH_TEXTS_MAX);
}

static void test_needs(void **state)
{
	static const struct {
		const char *text;
		bool header, body, modseq;
		uint32_t texts;
	} cases[] = {
		{ "ALL SEEN LARGER 3 BEFORE 1-Jan-2000", false, false, false, 0 },
		{ "SENTON 1-Jan-2000", true, false, false, 0 },
		{ "SUBJECT x", true, false, false, 1 },
		{ "BODY x", false, true, false, 1 },
		{ "OR BODY x (NOT SUBJECT y)", true, true, false, 2 },
		{ "MODSEQ 1", false, false, true, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct search got;
		struct arg_text text;

		assert_true(search_parse(arg_text_start(&text, cases[i].text), &got));
		if (got.by_header != cases[i].header || got.by_body != cases[i].body ||
		    got.modseq != cases[i].modseq || got.n_texts != cases[i].texts)
			fail_msg("%s: header %d, body %d, modseq %d, %u texts", cases[i].text, got.by_header,
			         got.by_body, got.modseq, got.n_texts);
		arg_text_done(&text);
	}
}

/* ---- binding ---- */

static void test_bind(void **state)
{
	struct mailbox_state *box = mailbox_state_new(&(struct id){ { 1 } });
	uint32_t uids[] = { 10, 20, 30 };
	struct view view = { .state = box };
	struct selected selected = { .view = &view, .known_max = 30, .known_n = 3 };
	struct search got;
	struct arg_text text;
	struct buf tree;

	(void)state;
	box->uid = uids;
	box->n = 3;
	box->head.uid_next = 31;
	view.keywords.names[0] = "one";
	view.keywords.names[1] = "Two";
	view.keywords.n = 2;
	buf_init(&tree, 1000);
	assert_true(
	    search_parse(arg_text_start(&text, "2:* UID 15:* (NOT KEYWORD two) KEYWORD three UID 1"), &got));
	search_bind(&got, &selected);
	print(got.root, &tree);
	if (!slice_eq(buf_slice(&tree),
	              SLICE("and(numbers:20:30 uids:15:30 and(!keyword:two:2) keyword:three uids:1)")))
		fail_msg("%.*s", SLICE_FMT(buf_slice(&tree)));
	arg_text_done(&text);

	/* beyond the last message there is nothing, while "*" is always the last */
	buf_clear(&tree);
	assert_true(
	    search_parse(arg_text_start(&text, "OR 4 (NOT 3:9 9:* 4:4294967295 UID 31:4294967295)"), &got));
	search_bind(&got, &selected);
	print(got.root, &tree);
	if (!slice_eq(buf_slice(&tree),
	              SLICE("and(or(numbers: and(!numbers:30 numbers:30 numbers: uids:31:4294967294)))")))
		fail_msg("%.*s", SLICE_FMT(buf_slice(&tree)));
	arg_text_done(&text);
	buf_done(&tree);
	box->uid = NULL;
	mailbox_state_free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),  cmocka_unit_test(test_limits),
		cmocka_unit_test(test_needs), cmocka_unit_test(test_bind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
