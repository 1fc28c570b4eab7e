/* A mailbox in memory: news in every shape, half-done folds among them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "state_fixture.h"

static void test_log_alone(void **state)
{
	(void)state;
	log_append(3);
	log_edit(false, 2, 2, FLAG_SEEN);
	apply();
	assert_rows("1:0@2 2:1@3 3:0@2");
	assert_set(&delta.expunged, "");
	assert_set(&delta.changed, ""); /* it was new */
	assert_int_equal(delta.first_new, 1);
	assert_int_equal(view->loaded[2], 1);
	assert_int_equal(view->content[2].raw[0], 3);
	log_edit(true, 1, 2, 0);
	log_append(1);
	log_edit(false, 3, 4, FLAG_DRAFT);
	apply();
	assert_rows("3:16@6 4:16@6");
	assert_int_equal(view->content[1].raw[0], 4); /* moved down with its row */
	assert_set(&delta.expunged, "1:2");
	assert_set(&delta.changed, "3");
	assert_int_equal(delta.first_new, 1); /* of both together */
	assert_int_equal(view->n_vanished, 1);
	assert_int_equal(view->vanished[0].modseq, 4);
	assert_int_equal(view->vanished[0].uids.last, 2);
}

/* Changed and then expunged, new and then expunged: only what is left of it is told. */
static void test_delta(void **state)
{
	(void)state;
	log_append(4);
	apply();
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
	log_edit(false, 1, 3, FLAG_SEEN);
	log_append(2);
	log_edit(true, 2, 2, 0);
	log_edit(true, 5, 5, 0);
	apply();
	assert_rows("1:1@3 3:1@3 4:0@2 6:0@4");
	assert_set(&delta.expunged, "2");
	assert_set(&delta.changed, "1,3");
	assert_int_equal(delta.first_new, 6);
}

static void test_pages(void **state)
{
	(void)state;
	log_append(1030);
	log_edit(true, 3, 1026, 0);
	log_edit(false, 2, 1027, FLAG_SEEN);
	fold_page(0, 0);
	fold_page(1, 1);
	trim();
	log_edit(false, 1, 1, FLAG_DELETED);
	apply();
	assert_rows("1:8@5 2:1@4 1027:1@4 1028:0@2 1029:0@2 1030:0@2");
	assert_int_equal(view->loaded[0], 0);
	assert_int_equal(view->n_vanished, 1); /* joined over the page's end */
	assert_int_equal(view->vanished[0].uids.first, 3);
	assert_int_equal(view->vanished[0].uids.last, 1026);
	assert_int_equal(mailbox_state_load_keys(view, &pages[0], NULL), FAULT_NONE);
	assert_int_equal(view->loaded[0] + view->loaded[1], 2);
	assert_int_equal(view->loaded[2], 0);
	assert_int_equal(view->content[1].raw[0], 2);
}

/* Every half of a fold gives the same mailbox, from scratch and to a view that was in the middle of the log. */
static void test_half_folded(void **state)
{
	static const char want[] = "1:1@3 2:0@2 1024:4@7 1025:4@7 1027:0@4 1028:0@4";

	(void)state;
	for (int written = 0; written < 4; written++) {
		for (int known = 0; known < 3; known++) {
			teardown(NULL);
			setup(NULL);
			log_append(1025);
			log_edit(false, 1, 1, FLAG_SEEN);
			if (known == 1)
				apply();
			log_append(3);
			log_edit(true, 3, 1023, 0);
			log_edit(true, 1026, 1026, 0);
			if (known == 2)
				apply();
			log_edit(false, 1024, 1025, FLAG_FLAGGED);
			if (written == 1 || written == 3)
				fold_page(0, 0);
			if (written >= 2)
				fold_page(written == 3, 1); /* 2: the second page alone */
			apply();
			assert_rows(want);
			assert_int_equal(view->n_vanished, 2);
		}
	}
}

static void test_page_newer(void **state)
{
	(void)state;
	log_append(5);
	apply();
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
	log_edit(false, 4, 5, FLAG_SEEN);
	log_edit(true, 2, 2, 0);
	log_append(1);
	fold_page(0, 0);
	trim();
	news.since = 2;
	apply();
	assert_rows("1:0@2 3:0@2 4:1@3 5:1@3 6:0@5");
	assert_set(&delta.expunged, "2");
	assert_set(&delta.changed, "4:5");
	assert_int_equal(delta.first_new, 6);
	assert_int_equal(view->loaded[0] + view->loaded[4], 1); /* what had its keys keeps them */
}

static void test_old_news(void **state)
{
	struct mailbox_news old;
	struct mailbox_change old_changes[CHANGES_MAX];

	(void)state;
	log_append(2);
	old = news;
	memcpy(old_changes, changes, sizeof(changes));
	old.log.changes = old_changes;
	log_edit(true, 1, 1, 0);
	news.log.head.recent_uid = 3;
	apply();
	assert_rows("2:0@2");
	assert_int_equal(mailbox_state_apply(view, &old, &delta, NULL), FAULT_NONE);
	assert_rows("2:0@2");
	assert_int_equal(view->head.modseq, 3);
	/* at the same place: only the header may have moved */
	news.log.head.recent_uid = 1;
	news.log.head.keywords = 4;
	apply();
	assert_int_equal(view->head.recent_uid, 3);
	assert_int_equal(view->head.keywords, 4);
}

static void test_floor(void **state)
{
	(void)state;
	log_append(10);
	log_edit(true, 1, 1, 0);
	log_edit(true, 2, 2, 0);
	apply();
	assert_int_equal(view->n_vanished, 2);
	fold_page(0, 0);
	trim();
	news.log.head.vanished_floor = 3;
	log_edit(true, 3, 3, 0);
	apply();
	assert_int_equal(view->n_vanished, 2);
	assert_int_equal(view->vanished[0].modseq, 4);
	fresh_view();
	news.since = 0;
	apply();
	assert_int_equal(view->n_vanished, 2);
	assert_int_equal(view->vanished[0].uids.first, 2);
}

static void test_committed(void **state)
{
	struct uid_set some, one;
	struct mailbox_edit edits[2] = { { .op = FLAGS_SET, .flags = FLAG_DRAFT, .uids = &some },
		                         { .expunge = true, .uids = &one } };
	struct mailbox_commit commit = { .mailbox = box, .if_modseq = 2, .edits = edits, .n_edits = 2 };
	struct mailbox_head head;

	(void)state;
	log_append(5);
	apply();
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
	uid_set_init(&some);
	uid_set_init(&one);
	uid_set_add_range(&some, 2, 4);
	uid_set_add(&one, 3);
	head = view->head;
	head.modseq = 4;
	head.messages = 4;
	mailbox_state_committed(view, &commit, &head, &delta);
	assert_rows("1:0@2 2:16@3 4:16@3 5:0@2");
	assert_int_equal(view->head.modseq, 4);
	assert_int_equal(view->head.messages, 4);
	assert_set(&delta.expunged, "3");
	assert_set(&delta.changed, "2,4");
	assert_int_equal(delta.first_new, 0);
	assert_int_equal(view->vanished[0].modseq, 4);
	uid_set_done(&some);
	uid_set_done(&one);
}

/* An append that goes with an expunge: the new message has its place, and the keys it was committed with. */
static void test_committed_append(void **state)
{
	const struct mailbox_append append = { .content = { { 7 } }, .size = 99, .flags = FLAG_SEEN };
	struct uid_set one;
	struct mailbox_edit edit = { .expunge = true, .uids = &one };
	struct mailbox_commit commit = { .mailbox = box,
		                         .if_modseq = 2,
		                         .appends = &append,
		                         .n_appends = 1,
		                         .edits = &edit,
		                         .n_edits = 1 };
	struct mailbox_head head;

	(void)state;
	log_append(5);
	apply();
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
	uid_set_init(&one);
	uid_set_add(&one, 3);
	head = view->head;
	head.modseq = 4;
	head.uid_next = 7;
	mailbox_state_committed(view, &commit, &head, &delta);
	assert_rows("1:0@2 2:0@2 4:0@2 5:0@2 6:1@3");
	assert_set(&delta.expunged, "3");
	assert_int_equal(delta.first_new, 6);
	assert_int_equal(view->vanished[0].modseq, 4);
	assert_true(view->loaded[4]);
	assert_true(id_eq(&view->content[4], &append.content));
	assert_int_equal(view->size[4], 99);
	uid_set_done(&one);
}

static void test_corrupt(void **state)
{
	struct why why;

	(void)state;
	log_append(5);
	apply();
	log_append(1);
	changes[1].entry.len--;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_CORRUPT);
	assert_rows("1:0@2 2:0@2 3:0@2 4:0@2 5:0@2");
	changes[1].entry.len++;
	log_edit(true, 2, 2, 0);
	fold_page(0, 0);
	trim();
	pages[0].columns.len--;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_CORRUPT);
	assert_rows("1:0@2 2:0@2 3:0@2 4:0@2 5:0@2");
	pages[0].columns.len++;
	pages[0].keys.len--;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why),
	                 FAULT_NONE); /* keys are not looked at */
	assert_int_equal(mailbox_state_load_keys(view, &pages[0], &why), FAULT_CORRUPT);
}

/* No message may turn up below a UID that was seen (P5), nor above those given out. */
static void test_late_uid(void **state)
{
	struct why why;

	(void)state;
	log_append(5);
	fold_page(0, 0);
	view->head.modseq = 1;
	view->head.uid_next = 4; /* this view has seen 1 to 3, and that they are gone */
	trim();
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_CORRUPT);
	fresh_view();
	news.log.head.uid_next = news.log.head.log_base_uid = 5;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_CORRUPT);
	news.log.head.uid_next = news.log.head.log_base_uid = 6;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_NONE);
}

static void test_find(void **state)
{
	size_t empty = mailbox_state_memory(view);

	(void)state;
	assert_int_equal(mailbox_state_find(view, 1), -1);
	assert_int_equal(mailbox_state_from(view, 1), 0);
	log_append(200);
	log_edit(true, 50, 59, 0);
	apply();
	assert_int_equal(mailbox_state_find(view, 49), 48);
	assert_int_equal(mailbox_state_find(view, 50), -1);
	assert_int_equal(mailbox_state_from(view, 50), 49);
	assert_int_equal(mailbox_state_find(view, 60), 49);
	assert_int_equal(mailbox_state_find(view, 200), 189);
	assert_int_equal(mailbox_state_from(view, 201), 190);
	assert_true(mailbox_state_memory(view) > empty + 190 * 100);
	mailbox_state_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_log_alone),        TEST(test_delta),    TEST(test_pages),    TEST(test_half_folded),
		TEST(test_page_newer),       TEST(test_old_news), TEST(test_floor),    TEST(test_committed),
		TEST(test_committed_append), TEST(test_corrupt),  TEST(test_late_uid), TEST(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
