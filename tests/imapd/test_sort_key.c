/* Sort criteria as they are read, and the order that they make. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "arg_text.h"
#include "sort_key.h"

/* ---- reading ---- */

static const struct good_case {
	const char *text, *wanted;
	bool by_header;
} good_cases[] = {
	{ "(ARRIVAL)", "0", false },
	{ "(size reverse arrival)", "1 -0", false },
	{ "( REVERSE  DATE   SUBJECT )", "-3 7", true },
	{ "(CC FROM TO DISPLAYFROM DISPLAYTO)", "4 5 6 8 9", true },
	{ "(DATE REVERSE DATE SIZE DATE)", "3 1", true },
	{ "(RELEVANCY REVERSE ARRIVAL)", "2 -0", false },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_cases); i++) {
		const struct good_case *c = &good_cases[i];
		struct sort_criteria got;
		struct arg_text text;
		struct buf out;

		buf_init(&out, 100);
		if (!sort_parse(arg_text_start(&text, c->text), &got))
			fail_msg("%s: refused, %s", c->text, text.args.error);
		for (uint32_t k = 0; k < got.n; k++)
			buf_printf(&out, "%s%s%d", k ? " " : "", got.list[k].reverse ? "-" : "",
			           (int)got.list[k].by);
		if (!slice_eq(buf_slice(&out), slice_str(c->wanted)) || got.by_header != c->by_header)
			fail_msg("%s: %.*s", c->text, SLICE_FMT(buf_slice(&out)));
		buf_done(&out);
		arg_text_done(&text);
	}
}

static void test_bad(void **state)
{
	static const char *const cases[] = {
		"",
		"()",
		"DATE",
		"(DATE",
		"(BOGUS)",
		"(REVERSE)",
		"(REVERSE REVERSE DATE)",
		"(DATESIZE)",
		"(DATE,SIZE)",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sort_criteria got;
		struct arg_text text;

		if (sort_parse(arg_text_start(&text, cases[i]), &got))
			fail_msg("%s: accepted", cases[i]);
		arg_text_done(&text);
	}
}

/* ---- order ---- */

static const struct message {
	int64_t arrival;
	uint32_t size;
	const char *header;
	uint8_t score;
} messages[] = {
	/* UIDs 1, 2, … */
	{ 5000, 30,
	  "From: \"zoe\" <bob@example.org>\r\nTo: x: carol@example.org;\r\nCc: d@example.org\r\nSubject: Re: "
	  "[l] beta\r\nDate: Thu, 1 Jan 1970 02:00:09 +0200\r\n\r\n" },
	{ 4000, 20,
	  "From: =?utf-8?q?=C3=84nne?= <Alice@example.org>\r\nTo: alice@example.org\r\nSubject: "
	  "BETA\r\nDate: Thu, 1 Jan 1970 00:00:08 +0000\r\n\r\n",
	  100 },
	{ 3000, 20, "From: carol@example.org\r\nTo: Bob <b@example.org>\r\nSubject: alpha\r\n\r\n", 7 },
	{ 2000, 40, "", 7 },
};

static const struct order_case {
	const char *criteria, *wanted;
} order_cases[] = {
	{ "(ARRIVAL)", "4 3 2 1" },      { "(REVERSE ARRIVAL)", "1 2 3 4" },
	{ "(SIZE)", "2 3 1 4" },         { "(REVERSE SIZE)", "4 1 2 3" }, /* equal ones ascend all the same */
	{ "(SIZE ARRIVAL)", "3 2 1 4" }, { "(DATE)", "4 3 2 1" }, /* without a date it is that of arrival */
	{ "(SUBJECT)", "4 3 1 2" },      { "(SUBJECT REVERSE DATE)", "4 3 1 2" },
	{ "(SUBJECT DATE)", "4 3 2 1" }, { "(FROM)", "4 2 1 3" },
	{ "(TO)", "4 2 3 1" },           { "(CC)", "2 3 4 1" },
	{ "(DISPLAYFROM)", "4 2 3 1" },  { "(DISPLAYTO)", "4 2 3 1" },
	{ "(RELEVANCY)", "2 3 4 1" },    { "(REVERSE RELEVANCY)", "1 3 4 2" },
};

#define BIT_ALL ((1u << ARRAY_LEN(messages)) - 1)

/* Those whose bit is set, the last one first. What columns have needs no header. */
static void take_messages(struct sort_list *list, unsigned which)
{
	for (uint32_t uid = ARRAY_LEN(messages); uid > 0; uid--) {
		const struct message *m = &messages[uid - 1];
		const struct search_row row = {
			.uid = uid, .size = m->size, .internal_date = m->arrival, .score = m->score
		};

		if (which & 1u << (uid - 1))
			sort_take(list, &row,
			          sort_knows(list, uid) ? slice_of(NULL, 0) : slice_str(m->header));
	}
}

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order_cases); i++) {
		struct sort_list list = { .n = 0 };
		struct arg_text text;
		struct buf out;

		buf_init(&out, 1000);
		assert_true(sort_parse(arg_text_start(&text, order_cases[i].criteria), &list.criteria));
		take_messages(&list, BIT_ALL);
		sort_put_in_order(&list);
		for (uint32_t k = 0; k < list.n; k++)
			buf_printf(&out, "%s%u", k ? " " : "", list.rows[list.order[k]].uid);
		if (!slice_eq(buf_slice(&out), slice_str(order_cases[i].wanted)))
			fail_msg("%s: %.*s", order_cases[i].criteria, SLICE_FMT(buf_slice(&out)));
		sort_list_done(&list);
		buf_done(&out);
		arg_text_done(&text);
	}
}

/* Some messages first; then all, with the columns that came of it: the order is that of a first time. */
static void test_again(void **state)
{
	(void)state;
	for (unsigned first = 0; first <= BIT_ALL; first++) {
		for (size_t i = 0; i < ARRAY_LEN(order_cases); i++) {
			struct sort_list some = { .n = 0 }, list = { .n = 0 };
			struct arg_text text;
			struct buf out;

			buf_init(&out, 1000);
			assert_true(
			    sort_parse(arg_text_start(&text, order_cases[i].criteria), &some.criteria));
			take_messages(&some, first);
			sort_put_in_order(&some);
			list.criteria = some.criteria;
			for (uint32_t k = 0; k < SORT_BYS; k++)
				list.uses[k].column = column_ref(some.uses[k].made);
			sort_list_done(&some);
			for (uint32_t uid = 1; uid <= ARRAY_LEN(messages) && list.criteria.by_header; uid++)
				assert_int_equal(sort_knows(&list, uid), first >> (uid - 1) & 1);
			take_messages(&list, BIT_ALL);
			sort_put_in_order(&list);
			for (uint32_t k = 0; k < list.n; k++)
				buf_printf(&out, "%s%u", k ? " " : "", list.rows[list.order[k]].uid);
			if (!slice_eq(buf_slice(&out), slice_str(order_cases[i].wanted)))
				fail_msg("%s after %x: %.*s", order_cases[i].criteria, first,
				         SLICE_FMT(buf_slice(&out)));
			sort_list_done(&list);
			buf_done(&out);
			arg_text_done(&text);
		}
	}
}

/* Without its header a message has no texts, and was sent when it came; but that is not remembered. */
static void test_unknown(void **state)
{
	const struct search_row lost = { .uid = 1, .internal_date = 7500 };
	struct sort_list list = { .n = 0 };
	struct arg_text text;

	(void)state;
	assert_true(sort_parse(arg_text_start(&text, "(DATE SUBJECT)"), &list.criteria));
	sort_take(&list, &lost, slice_of(NULL, 0));
	take_messages(&list, BIT_ALL & ~1u);
	sort_put_in_order(&list);
	assert_int_equal(list.rows[list.order[2]].uid, 1); /* before 2, which says 8 */
	assert_false(sort_knows(&list, 1));
	assert_true(sort_knows(&list, 2));
	sort_list_done(&list);
	arg_text_done(&text);
}

/* No message takes more than its share, however long its header is. */
static void test_long(void **state)
{
	struct sort_list list = { .n = 0 };
	const struct search_row row = { .uid = 1 };
	struct arg_text text;
	struct buf header;

	(void)state;
	buf_init(&header, BUF_NO_LIMIT);
	buf_adds(&header, "Subject: ");
	for (int i = 0; i < 100000; i++)
		buf_adds(&header, "\xef\xb7\xba");
	buf_adds(&header, "\r\n\r\n");
	assert_true(sort_parse(arg_text_start(&text, "(SUBJECT)"), &list.criteria));
	sort_take(&list, &row, buf_slice(&header));
	assert_int_equal(list.uses[0].fresh[0].text.len, SORT_TEXT_MAX);
	sort_put_in_order(&list);
	sort_list_done(&list);
	arg_text_done(&text);
	buf_done(&header);
}

static void test_nothing(void **state)
{
	struct sort_list list = { .n = 0 };

	(void)state;
	sort_put_in_order(&list);
	assert_int_equal(list.n, 0);
	sort_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),    cmocka_unit_test(test_bad),     cmocka_unit_test(test_order),
		cmocka_unit_test(test_again),   cmocka_unit_test(test_unknown), cmocka_unit_test(test_long),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
