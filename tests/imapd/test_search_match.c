/* Matching step by step: what the view can tell, what the header, what the text; and what stays unknown in between. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "arg_text.h"
#include "search_match.h"
#include "store/mailbox.h"

#define DAY INT64_C(86400000)

static const struct search_row row = {
	.uid = 20,
	.flags = FLAG_SEEN | FLAG_DRAFT,
	.size = 1000,
	.recent = true,
	.modseq = 7,
	.internal_date = 100 * DAY + 5, /* 11-Apr-1970 */
	.save_date = 101 * DAY,
};

static void start(struct arg_text *text, const char *keys, struct search *ret)
{
	if (!search_parse(arg_text_start(text, keys), ret))
		fail_msg("%s: %s", keys, text->args.error);
}

/* ---- by the view ---- */

static const struct row_case {
	const char *keys;
	enum match wanted;
} row_cases[] = {
	/* clang-format off */
	{ "ALL", MATCH_YES },
	{ "SEEN", MATCH_YES },
	{ "FLAGGED", MATCH_NO },
	{ "UNFLAGGED", MATCH_YES },
	{ "SEEN DRAFT", MATCH_YES },
	{ "SEEN FLAGGED", MATCH_NO },
	{ "OR SEEN FLAGGED", MATCH_YES },
	{ "OR DELETED FLAGGED", MATCH_NO },
	{ "NOT (SEEN DRAFT)", MATCH_NO },
	{ "NOT (SEEN FLAGGED)", MATCH_YES },
	{ "NOT NOT SEEN", MATCH_YES },
	{ "RECENT", MATCH_YES },
	{ "OLD", MATCH_NO },
	{ "NEW", MATCH_NO },
	{ "UID 20", MATCH_YES },
	{ "UID 1:19,21:30", MATCH_NO },
	{ "LARGER 999", MATCH_YES },
	{ "LARGER 1000", MATCH_NO },
	{ "SMALLER 1000", MATCH_NO },
	{ "SMALLER 1001", MATCH_YES },
	{ "MODSEQ 7", MATCH_YES },
	{ "MODSEQ 8", MATCH_NO },
	{ "ON 11-Apr-1970", MATCH_YES },
	{ "ON 10-Apr-1970", MATCH_NO },
	{ "BEFORE 11-Apr-1970", MATCH_NO },
	{ "BEFORE 12-Apr-1970", MATCH_YES },
	{ "OLDER 4294967295", MATCH_NO }, /* these two are not bound: the moment is 1970 */
	{ "YOUNGER 1", MATCH_YES },
	{ "SINCE 11-Apr-1970", MATCH_YES },
	{ "SINCE 12-Apr-1970", MATCH_NO },
	{ "SAVEDON 12-Apr-1970", MATCH_YES },
	{ "SAVEDON 11-Apr-1970", MATCH_NO },
	{ "SAVEDBEFORE 12-Apr-1970", MATCH_NO },
	{ "SAVEDBEFORE 13-Apr-1970", MATCH_YES },
	{ "SAVEDSINCE 12-Apr-1970", MATCH_YES },
	{ "SAVEDSINCE 13-Apr-1970", MATCH_NO },
	{ "EMAILID M000102030405060708090a0b0c0d0e0f", MATCH_UNKNOWN },
	{ "FLAGGED EMAILID M000102030405060708090a0b0c0d0e0f", MATCH_NO },
	{ "EMAILID x", MATCH_NO },
	{ "THREADID x", MATCH_NO },
	/* what needs the message is open, unless something else decides */
	{ "SUBJECT x", MATCH_UNKNOWN },
	{ "NOT SUBJECT x", MATCH_UNKNOWN },
	{ "BODY x", MATCH_UNKNOWN },
	{ "SENTON 1-Jan-2000", MATCH_UNKNOWN },
	{ "SEEN SUBJECT x", MATCH_UNKNOWN },
	{ "FLAGGED SUBJECT x", MATCH_NO },
	{ "OR SEEN BODY x", MATCH_YES },
	{ "OR FLAGGED BODY x", MATCH_UNKNOWN },
	{ "NOT (FLAGGED BODY x)", MATCH_YES },
	{ "NOT (SEEN BODY x)", MATCH_UNKNOWN },
	{ "OR (SEEN BODY x) (FLAGGED TEXT y)", MATCH_UNKNOWN },
	/* clang-format on */
};

static void test_rows(void **state)
{
	const struct search_facts facts = { .row = &row };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row_cases); i++) {
		struct search search;
		struct arg_text text;
		enum match got;

		start(&text, row_cases[i].keys, &search);
		got = search_match(search.root, &facts);
		if (got != row_cases[i].wanted)
			fail_msg("%s: %d", row_cases[i].keys, (int)got);
		arg_text_done(&text);
	}
}

/* ---- by the header ---- */

static const char header[] = "From: \"Bob Builder\" <bob@example.net>\r\n"
                             "Bcc: <carl (comment)@ (another) example.net>\r\n"
                             "To: alice@example.org,\r\n"
                             " carol@example.org\r\n"
                             "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?q?_aus?= K\xc3\xb6ln\r\n"
                             "Received: from a\r\n"
                             "Received: from b\r\n"
                             "Date: Fri, 21 Nov 1997 23:59:59 -0600\r\n"
                             "X-Empty:\r\n"
                             "\r\n"
                             "Hidden: not a field\r\n";

static const struct header_case {
	const char *keys;
	enum match whole, part; /* with all of the header, with its beginning alone */
} header_cases[] = {
	/* clang-format off */
	{ "FROM bob", MATCH_YES, MATCH_YES },
	{ "FROM BUILDER", MATCH_YES, MATCH_YES },
	{ "FROM \"bob builder\"", MATCH_YES, MATCH_YES },
	{ "FROM carol", MATCH_NO, MATCH_UNKNOWN },
	{ "NOT FROM carol", MATCH_YES, MATCH_UNKNOWN },
	{ "NOT FROM bob", MATCH_NO, MATCH_NO },
	{ "TO \"org, carol\"", MATCH_YES, MATCH_YES },
	{ "CC alice", MATCH_NO, MATCH_UNKNOWN },
	{ "SUBJECT {GR\xc3\x9c\xc3\x9f" "E AUS k\xc3\xb6}", MATCH_YES, MATCH_YES },
	{ "SUBJECT {gru}", MATCH_YES, MATCH_YES },
	{ "SUBJECT {gruss}", MATCH_NO, MATCH_UNKNOWN },
	{ "FUZZY SUBJECT gruss", MATCH_YES, MATCH_YES },
	{ "FUZZY SUBJECT \"koln grusse\"", MATCH_YES, MATCH_YES },
	{ "FUZZY SUBJECT \"koln bonn\"", MATCH_NO, MATCH_UNKNOWN },
	{ "FUZZY HEADER X-Empty \" \"", MATCH_YES, MATCH_YES },
	{ "FUZZY TEXT \"koln builder\"", MATCH_YES, MATCH_YES },
	{ "FUZZY BCC carl@example.net", MATCH_YES, MATCH_YES },
	{ "NOT FUZZY SUBJECT bonn", MATCH_YES, MATCH_UNKNOWN },
	{ "SUBJECT utf-8", MATCH_NO, MATCH_UNKNOWN },
	{ "HEADER received b", MATCH_YES, MATCH_YES },
	{ "BCC carl@Example.net", MATCH_YES, MATCH_YES },
	{ "BCC comment", MATCH_YES, MATCH_YES },
	{ "BCC carla@example.net", MATCH_NO, MATCH_UNKNOWN },
	{ "HEADER X-Empty \"\"", MATCH_YES, MATCH_YES },
	{ "HEADER X-Empty x", MATCH_NO, MATCH_UNKNOWN },
	{ "HEADER Hidden \"\"", MATCH_NO, MATCH_UNKNOWN },
	{ "SENTON 21-Nov-1997", MATCH_YES, MATCH_YES },
	{ "SENTON 22-Nov-1997", MATCH_NO, MATCH_NO },
	{ "SENTBEFORE 22-Nov-1997", MATCH_YES, MATCH_YES },
	{ "SENTSINCE 22-Nov-1997", MATCH_NO, MATCH_NO },
	{ "TEXT \"from: \"", MATCH_YES, MATCH_YES },
	{ "TEXT \"subject: gr\"", MATCH_YES, MATCH_YES },
	{ "TEXT nowhere", MATCH_UNKNOWN, MATCH_UNKNOWN },
	{ "BODY bob", MATCH_UNKNOWN, MATCH_UNKNOWN },
	{ "OR FROM bob BODY x", MATCH_YES, MATCH_YES },
	{ "FROM carol BODY x", MATCH_NO, MATCH_UNKNOWN },
	/* clang-format on */
};

static enum match look(const char *keys, bool whole)
{
	struct search_facts facts = { .row = &row };
	struct searchable scratch = { .plain = { .limit = 0 } };
	struct search search;
	struct arg_text text;
	enum match got;

	start(&text, keys, &search);
	search_header(&search, SLICE(header), whole, &scratch, &facts);
	got = search_match(search.root, &facts);
	searchable_done(&scratch);
	arg_text_done(&text);
	return got;
}

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(header_cases); i++) {
		const struct header_case *c = &header_cases[i];
		enum match whole = look(c->keys, true), part = look(c->keys, false);

		if (whole != c->whole || part != c->part)
			fail_msg("%s: %d, %d", c->keys, (int)whole, (int)part);
	}
}

static void test_no_date(void **state)
{
	static const char *const dates[] = { "Subject: x\r\n\r\n", "Date: yesterday\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
		struct search_facts facts = { .row = &row };
		struct searchable scratch = { .plain = { .limit = 0 } };
		struct search search;
		struct arg_text text;

		start(&text, "OR SENTBEFORE 1-Jan-2030 SENTSINCE 1-Jan-2030", &search);
		search_header(&search, slice_str(dates[i]), true, &scratch, &facts);
		assert_int_equal(search_match(search.root, &facts), MATCH_NO);
		searchable_done(&scratch);
		arg_text_done(&text);
	}
}

/* ---- by the text ---- */

static void test_texts(void **state)
{
	struct search_facts facts = { .row = &row };
	struct searchable scratch = { .plain = { .limit = 0 } };
	struct search search;
	struct arg_text text;

	(void)state;
	start(&text, "BODY one TEXT two SUBJECT three", &search);
	search_text(&search, SLICE("ONE and three"), &scratch, &facts);
	assert_int_equal(facts.texts[0], MATCH_YES);
	assert_int_equal(facts.texts[1], MATCH_UNKNOWN);
	assert_int_equal(facts.texts[2], MATCH_UNKNOWN);
	search_part_header(&search, SLICE("Content-Description: =?us-ascii?q?tw?= =?us-ascii?q?o?=\r\n\r\n"),
	                   &scratch, &facts);
	assert_int_equal(facts.texts[1], MATCH_YES);
	assert_int_equal(search_match(search.root, &facts), MATCH_UNKNOWN);
	search_end(&search, &facts);
	assert_int_equal(facts.texts[2], MATCH_NO);
	assert_int_equal(search_match(search.root, &facts), MATCH_NO);
	searchable_done(&scratch);
	arg_text_done(&text);
}

/* ---- how well ---- */

static const struct score_case {
	const char *keys;
	int early, score; /* early: by the header alone; 0: it is not over yet */
} score_cases[] = {
	{ "FUZZY SUBJECT koln", 85, 85 },
	{ "FUZZY SUBJECT {K\xc3\xb6ln}", 100, 100 },
	{ "FUZZY SUBJECT \"aus koln\"", 92, 92 },
	{ "FUZZY SUBJECT \"koln aus\"", 74, 74 }, /* the other way round */
	{ "FUZZY TEXT koln", 0, 85 },             /* the text may hold it as it is written */
	{ "FUZZY TEXT aus", 100, 100 },
	{ "FUZZY TEXT needle", 0, 80 },
	{ "FUZZY BODY needle", 0, 100 },
	{ "FUZZY BODY need", 0, 65 },
	{ "FUZZY BODY haystakc", 0, 20 },
	{ "FUZZY SUBJECT koln FUZZY BODY needle", 0, 92 },
	{ "FUZZY SUBJECT koln BODY needle", 0, 85 },
	{ "OR FUZZY SUBJECT koln FUZZY SUBJECT aus", 100, 100 },
	{ "OR FUZZY SUBJECT koln SEEN", 85, 85 },
	{ "OR FUZZY SUBJECT bonn SEEN", 1, 1 },
	{ "OR FUZZY BODY bonn SEEN", 0, 1 },
	{ "NOT FUZZY SUBJECT bonn", 1, 1 },
	{ "FUZZY SEEN", 100, 100 },
};

static void test_scores(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(score_cases); i++) {
		struct search_facts facts = { .row = &row };
		struct searchable scratch = { .plain = { .limit = 0 } };
		struct search_merits merits;
		struct search search;
		struct arg_text text;
		int early, score;

		start(&text, score_cases[i].keys, &search);
		search.scored = true;
		search_count_merits(&search, &merits, &facts);
		search_header(&search, SLICE(header), true, &scratch, &facts);
		early = search_answer(&search, &facts) == MATCH_YES ? search_score(&search, &facts) : 0;
		search_text(&search, SLICE("a needle in the haystack"), &scratch, &facts);
		search_end(&search, &facts);
		assert_int_equal(search_answer(&search, &facts), MATCH_YES);
		score = search_score(&search, &facts);
		if (early != score_cases[i].early || score != score_cases[i].score)
			fail_msg("%s: %d, %d", score_cases[i].keys, early, score);
		searchable_done(&scratch);
		arg_text_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),  cmocka_unit_test(test_headers), cmocka_unit_test(test_no_date),
		cmocka_unit_test(test_texts), cmocka_unit_test(test_scores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
