/* Threads: which message hangs where, what dummies hold together, how subjects join, and that depth costs nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "thread_tree.h"

#define DAY(n)   "Date: Sat, " #n " Jan 2000 12:00:00 +0000\r\n"
#define MESSAGES 8

static void take(struct thread_list *list, uint32_t uid, const char *header)
{
	const struct search_row row = { .uid = uid, .internal_date = uid * 1000 };

	thread_take(list, &row, thread_knows(list, uid) ? slice_of(NULL, 0) : slice_str(header));
}

/* What one has found out, for the next. */
static struct thread_list after(const struct thread_list *list, enum thread_by by)
{
	struct thread_list next = { .by = by };

	next.sent.column = column_ref(list->sent.made);
	next.subjects.column = column_ref(list->subjects.made);
	thread_ids_start(&next.ids, thread_ids_ref(list->ids.made));
	return next;
}

/* The tree, numbers being UIDs. */
static void print(struct thread_list *list, struct buf *out)
{
	struct thread_tree tree = { .n = 0 };
	uint32_t *numbers;

	thread_build(list, &tree);
	numbers = xzalloc((list->n + 1) * sizeof(*numbers));
	for (uint32_t i = 0; i < list->n; i++)
		numbers[i] = list->rows[i].uid;
	thread_print(&tree, numbers, out);
	free(numbers);
	thread_tree_done(&tree);
}

static void finish(struct thread_list *list, struct buf *out)
{
	print(list, out);
	thread_list_done(list);
}

static const struct thread_case {
	const char *name;
	enum thread_by by;
	const char *headers[MESSAGES]; /* of UIDs 1, 2, … */
	const char *wanted;
} cases[] = {
	/* clang-format off */
	{ "nothing", THREAD_REFERENCES, { NULL }, "" },
	{ "one", THREAD_REFERENCES, { "" }, "(1)" },
	{ "strangers, by date", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\n" DAY(3), "Message-ID: <b@x>\r\n" DAY(1), DAY(2) }, "(2)(3)(1)" },
	{ "a chain", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\n", "Message-ID: <b@x>\r\nReferences: <a@x>\r\n", "Message-ID: <c@x>\r\nReferences: <a@x> <b@x>\r\n" },
	  "(1 2 3)" },
	{ "a chain, backwards", THREAD_REFERENCES,
	  { "Message-ID: <c@x>\r\nReferences: <a@x> <b@x>\r\n", "Message-ID: <b@x>\r\nReferences: <a@x>\r\n", "Message-ID: <a@x>\r\n" },
	  "(3 2 1)" },
	{ "answers, by date", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\n", "References: <a@x>\r\n" DAY(3), "References: <a@x>\r\n" DAY(2) }, "(1 (3)(2))" },
	{ "deeper", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\n", "Message-ID: <b@x>\r\nReferences: <a@x>\r\n", "References: <b@x>\r\n", "References: <b@x>\r\n", "References: <a@x>\r\n" },
	  "(1 (2 (3)(4))(5))" },
	{ "In-Reply-To where there are no References", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\n", "In-Reply-To: yours <a@x> of <b@x>\r\nReferences: none\r\n" }, "(1 2)" },
	{ "References before In-Reply-To", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\n", "Message-ID: <b@x>\r\n", "In-Reply-To: <a@x>\r\nReferences: <b@x>\r\n" }, "(1)(2 3)" },
	{ "a missing one in between", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\n", "References: <a@x> <gone@x>\r\n", "References: <a@x> <gone@x>\r\n" }, "(1 (2)(3))" },
	{ "a missing one on top of one", THREAD_REFERENCES, { "References: <gone@x>\r\n" }, "(1)" },
	{ "a missing one on top of two", THREAD_REFERENCES,
	  { "References: <gone@x>\r\n", "References: <gone@x>\r\n" }, "((1)(2))" },
	{ "several missing ones", THREAD_REFERENCES,
	  { "References: <g1@x> <g2@x> <g3@x>\r\n", "References: <g1@x> <g4@x>\r\n" }, "((1)(2))" },
	{ "a missing one that is answered once", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\nReferences: <g1@x> <g2@x>\r\n", "References: <g1@x> <g2@x> <a@x>\r\n" }, "(1 2)" },
	{ "itself", THREAD_REFERENCES, { "Message-ID: <a@x>\r\nReferences: <a@x>\r\n" }, "(1)" },
	{ "each other", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\nReferences: <b@x>\r\n", "Message-ID: <b@x>\r\nReferences: <a@x>\r\n" }, "(2 1)" },
	{ "a loop of three", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\nReferences: <c@x>\r\n", "Message-ID: <b@x>\r\nReferences: <a@x>\r\n", "Message-ID: <c@x>\r\nReferences: <b@x>\r\n" },
	  "(3 1 2)" },
	{ "the same id twice", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\n", "Message-ID: <a@x>\r\n", "References: <a@x>\r\n" }, "(1 3)(2)" },
	{ "its own word counts more than others'", THREAD_REFERENCES,
	  { "References: <a@x> <b@x>\r\n", "Message-ID: <a@x>\r\n", "Message-ID: <b@x>\r\nReferences: <c@x>\r\n", "Message-ID: <c@x>\r\n" },
	  "(2)(4 3 1)" },
	{ "an id with blanks and quotes", THREAD_REFERENCES,
	  { "Message-ID: <\"a\"@x>\r\n", "References: < a@x >\r\n" }, "(1 2)" },

	{ "the same subject", THREAD_REFERENCES,
	  { "Subject: hello\r\n", "Subject: Re: hello\r\n", "Subject: Re: hello\r\n" }, "(1 (2)(3))" },
	{ "the same subject, answers first", THREAD_REFERENCES,
	  { "Subject: Re: hello\r\n" DAY(1), "Subject: HELLO\r\n" DAY(2), "Subject: Fwd: hello\r\n" DAY(3) }, "(2 (1)(3))" },
	{ "the same subject, no answers", THREAD_REFERENCES,
	  { "Subject: hello\r\n", "Subject: hello\r\n", "Subject: hello\r\n" }, "((1)(2)(3))" },
	{ "the same subject, answers alone", THREAD_REFERENCES,
	  { "Subject: Re: hello\r\n", "Subject: Re: hello\r\n" }, "((1)(2))" },
	{ "no subject joins nothing", THREAD_REFERENCES, { "Subject: Re: \r\n", "", "Subject: \r\n" }, "(1)(2)(3)" },
	{ "two missing ones with one subject", THREAD_REFERENCES,
	  { "References: <g1@x>\r\nSubject: s\r\n", "References: <g1@x>\r\nSubject: other\r\n", "References: <g2@x>\r\nSubject: Re: s\r\n", "References: <g2@x>\r\n" },
	  "((1)(2)(3)(4))" },
	{ "a missing one and an answer", THREAD_REFERENCES,
	  { "Subject: Re: s\r\n", "References: <g1@x>\r\nSubject: s\r\n", "References: <g1@x>\r\n" }, "((1)(2)(3))" },
	{ "a subject that is no root's joins nothing", THREAD_REFERENCES,
	  { "Message-ID: <a@x>\r\nSubject: s\r\n", "References: <a@x>\r\nSubject: t\r\n", "Subject: t\r\n" }, "(1 2)(3)" },
	{ "encoded subjects", THREAD_REFERENCES,
	  { "Subject: =?utf-8?q?gr=C3=BCn?=\r\n", "Subject: =?iso-8859-1?q?RE=3A_GR=DCN?=\r\n" }, "(1 2)" },

	{ "REFS does not look at subjects", THREAD_REFS, { "Subject: s\r\n", "Subject: Re: s\r\n" }, "(1)(2)" },
	{ "REFS has the newest last", THREAD_REFS,
	  { "Message-ID: <a@x>\r\n" DAY(1), DAY(2), "References: <a@x>\r\n" DAY(3) }, "(2)(1 3)" },
	{ "REFS, a missing one", THREAD_REFS,
	  { "References: <g@x>\r\n" DAY(1), DAY(2), "References: <g@x>\r\n" DAY(3) }, "(2)((1)(3))" },

	{ "ORDEREDSUBJECT", THREAD_ORDEREDSUBJECT,
	  { "Subject: b\r\n" DAY(2), "Subject: Re: a\r\n" DAY(3), "Subject: Re: B\r\n" DAY(5), "Subject: a\r\n" DAY(4), "Subject: b\r\n" DAY(6) },
	  "(1 (3)(5))(2 4)" },
	{ "ORDEREDSUBJECT, no references", THREAD_ORDEREDSUBJECT,
	  { "Message-ID: <a@x>\r\nSubject: a\r\n", "References: <a@x>\r\nSubject: b\r\n" }, "(1)(2)" },
	/* clang-format on */
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct thread_list list = { .by = cases[i].by };
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		for (uint32_t k = 0; k < MESSAGES && cases[i].headers[k]; k++)
			take(&list, k + 1, cases[i].headers[k]);
		finish(&list, &out);
		if (!slice_eq(buf_slice(&out), slice_str(cases[i].wanted)))
			fail_msg("%s: %.*s", cases[i].name, SLICE_FMT(buf_slice(&out)));
		buf_done(&out);
	}
}

/* Some messages first, threaded in either way; then all, with what is known of those: the tree is that of a first time. */
static void again(const struct thread_case *c, unsigned first, enum thread_by before)
{
	struct thread_list some = { .by = before }, list;
	struct thread_tree tree = { .n = 0 };
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	for (uint32_t k = 0; k < MESSAGES && c->headers[k]; k++)
		if (first & 1u << k)
			take(&some, k + 1, c->headers[k]);
	thread_build(&some, &tree);
	thread_tree_done(&tree);
	list = after(&some, c->by);
	thread_list_done(&some);
	for (uint32_t k = 0; k < MESSAGES && c->headers[k]; k++) {
		assert_int_equal(thread_knows(&list, k + 1), before == c->by && (first >> k & 1));
		take(&list, k + 1, c->headers[k]);
	}
	finish(&list, &out);
	if (!slice_eq(buf_slice(&out), slice_str(c->wanted)))
		fail_msg("%s, after %x by %d: %.*s", c->name, first, (int)before, SLICE_FMT(buf_slice(&out)));
	buf_done(&out);
}

static void test_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (unsigned first = 0; first < 1u << 5; first++) {
			again(&cases[i], first, cases[i].by);
			if (cases[i].by == THREAD_REFERENCES)
				again(&cases[i], first, THREAD_ORDEREDSUBJECT);
		}
	}
}

/* ---- large ones ---- */

#define DEEP 100000

/* Each answers the one before; upwards or downwards. */
static void test_deep(void **state)
{
	(void)state;
	for (int backwards = 0; backwards < 2; backwards++) {
		struct thread_list list = { .by = THREAD_REFERENCES };
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		for (uint32_t i = 1; i <= DEEP; i++) {
			char header[200];
			uint32_t id = backwards ? DEEP - i : i;

			snprintf(header, sizeof(header), "Message-ID: <%u@x>\r\nReferences: <%u@x>\r\n", id,
			         id - 1);
			take(&list, i, header);
		}
		finish(&list, &out);
		assert_true(out.data[0] == '(' && out.data[out.len - 1] == ')');
		assert_int_equal(slice_chr(buf_slice(&out), ')'), out.len - 1); /* one thread, no branch */
		buf_done(&out);
	}
}

/* Every message asks to hang a deep chain's head on its end, each time another way: the work is bounded. */
static void test_slow(void **state)
{
	struct thread_list list = { .by = THREAD_REFS };
	int64_t start = clock_mono_ms();
	struct buf out, header;
	char chain[200];

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	buf_init(&header, BUF_NO_LIMIT);
	buf_adds(&header, "References:");
	for (uint32_t i = 0; i < THREAD_REFS_MAX; i++)
		buf_adds(&header, i % 2 ? " <1@x>" : " <20000@x>");
	buf_adds(&header, "\r\n");
	buf_addc(&header, '\0');
	for (uint32_t i = 1; i <= 20000; i++) {
		snprintf(chain, sizeof(chain), "Message-ID: <%u@x>\r\nReferences: <%u@x>\r\n", i, i - 1);
		take(&list, i, chain);
	}
	for (uint32_t i = 0; i < 2000; i++)
		take(&list, 20001 + i, (const char *)header.data);
	finish(&list, &out);
	assert_true(clock_mono_ms() - start < 30000);
	buf_done(&out);
	buf_done(&header);
}

/* Of very many references the first and the last count. */
static void test_many_references(void **state)
{
	struct thread_list list = { .by = THREAD_REFS };
	struct buf out, header;

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	buf_init(&header, BUF_NO_LIMIT);
	buf_adds(&header, "References: <a@x>");
	for (uint32_t i = 0; i < 3000; i++)
		buf_printf(&header, " <%u@x>", i);
	buf_adds(&header, " <b@x>\r\n");
	buf_addc(&header, '\0');
	take(&list, 1, "Message-ID: <a@x>\r\n");
	take(&list, 2, (const char *)header.data);
	take(&list, 3, "Message-ID: <b@x>\r\n");
	print(&list, &out);
	assert_int_equal(list.rows[1].named.n_refs, THREAD_REFS_MAX);
	thread_list_done(&list);
	assert_true(slice_eq(buf_slice(&out), SLICE("(1)(3 2)")));
	buf_done(&out);
	buf_done(&header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_many_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
