/* The summary of a packed mailbox, and what can be concluded from news alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "state_fixture.h"

static void summarize(struct mailbox_summary *ret)
{
	struct buf part;

	view->head.messages = view->n;
	buf_init(&part, BUF_NO_LIMIT);
	assert_true(mailbox_state_pack(view, 0, &part));
	assert_int_equal(mailbox_summary_unpack(buf_slice(&part), ret, NULL), FAULT_NONE);
	buf_done(&part);
}

/* One change behind five messages, of which the first `seen` are seen: either the summary knows what it comes to, or it
 * says that it does not. */
static void test_summary(void **state)
{
	static const struct {
		const char *name;
		uint32_t seen, appended;
		bool expunge;
		uint32_t first, last, flags;
		bool followed;
	} cases[] = {
		{ "nothing", 2, 0, false, 0, 0, 0, true },
		{ "new mail", 2, 3, false, 0, 0, 0, true },
		{ "new mail where all was seen", 5, 3, false, 0, 0, 0, true },
		{ "a later one is seen", 2, 0, false, 5, 5, FLAG_SEEN, true },
		{ "the first unseen one is seen", 2, 0, false, 3, 3, FLAG_SEEN, false },
		{ "another flag of the first unseen one", 2, 0, false, 1, 3, FLAG_FLAGGED, true },
		{ "all are seen already", 5, 0, false, 1, 2, FLAG_SEEN, true },
		{ "new mail is seen", 5, 2, false, 6, 6, FLAG_SEEN, false },
		{ "the second new one is seen", 5, 2, false, 7, 7, FLAG_SEEN, true },
		{ "expunged before it", 2, 0, true, 1, 1, 0, false },
		{ "expunged behind it", 2, 1, true, 4, 5, 0, true },
		{ "it is expunged", 2, 0, true, 3, 3, 0, false },
		{ "expunged where all are seen", 5, 0, true, 2, 4, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct mailbox_summary summary, truth;

		print_message("  %s\n", cases[i].name);
		teardown(NULL);
		setup(NULL);
		log_append(5);
		log_edit(false, 1, cases[i].seen, FLAG_SEEN);
		apply();
		summarize(&summary);
		if (cases[i].appended)
			log_append(cases[i].appended);
		if (cases[i].last)
			log_edit(cases[i].expunge, cases[i].first, cases[i].last, cases[i].flags);
		apply();
		summarize(&truth);
		news.log.head.messages = view->n;
		assert_int_equal(mailbox_summary_follow(&summary, &news), cases[i].followed);
		if (!cases[i].followed)
			continue;
		assert_int_equal(summary.unseen, truth.unseen);
		assert_int_equal(summary.unseen_uid, truth.unseen_uid);
		assert_int_equal(summary.head.messages, truth.head.messages);
		assert_int_equal(summary.head.modseq, truth.head.modseq);
	}
}

/* Pages, news of another mailbox, a count that does not agree: nothing is concluded from those. */
static void test_summary_refused(void **state)
{
	struct mailbox_summary summary;

	(void)state;
	log_append(5);
	apply();
	summarize(&summary);
	log_append(1);
	news.with_pages = true;
	assert_false(mailbox_summary_follow(&summary, &news));
	news.with_pages = false;
	news.log.head.messages++;
	assert_false(mailbox_summary_follow(&summary, &news));
	news.log.head.messages--;
	summary.head.modseq += 10;
	assert_false(mailbox_summary_follow(&summary, &news));
	summary.head.modseq -= 10;
	assert_true(mailbox_summary_follow(&summary, &news));
	assert_int_equal(summary.head.messages, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_summary),
		TEST(test_summary_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
