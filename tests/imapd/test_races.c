/*
 * Commands whose view is behind: another process has changed the mailbox and nobody has said so. They decide
 * again on what is there now, and the counts of the mailbox stay exact.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"
#include "suite/copy.h"

static struct world *world;
static struct id inbox;

static void start(unsigned messages)
{
	world = world_new();
	inbox = world_mailbox(world, "INBOX");
	for (unsigned i = 0; i < messages; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
}

static void stop(void)
{
	world_free(world);
}

/* As another process would, with its nudge lost. */
static void change_elsewhere(uint32_t uid, bool expunge, enum flag_op op, uint32_t flags, int32_t unseen)
{
	struct mailbox_head head = head_of(world, "INBOX");
	struct mailbox_edit edit = {
		.expunge = expunge, .op = op, .flags = flags, .unseen = unseen, .messages = -expunge
	};
	struct mailbox_commit commit = {
		.mailbox = inbox, .if_modseq = head.modseq, .edits = &edit, .n_edits = 1
	};
	struct uid_set uids;
	struct why why = { "" };

	uid_set_init(&uids);
	uid_set_add(&uids, uid);
	edit.uids = &uids;
	edit.bytes = expunge ? -20 : 0;
	world_must(mailbox_commit(world->daemon.stack->store, &world->owner, &commit, &head, &why), &why,
	           "change");
	uid_set_done(&uids);
}

static void fold(void)
{
	struct why why = { "" };

	world_must(mailbox_fold(world->daemon.stack->store, &world->owner, &inbox, NULL, &why), &why, "fold");
}

static void check_counts(uint32_t messages, uint32_t unseen)
{
	struct mailbox_head head = head_of(world, "INBOX");

	assert_int_equal(head.messages, messages);
	assert_int_equal(head.unseen, unseen);
	assert_int_equal(head.bytes, messages * 20);
}

static void test_store(void **state)
{
	struct client *client;

	(void)state;
	start(3);
	client = open_inbox(world, 1);
	change_elsewhere(2, false, FLAGS_ADD, FLAG_SEEN, -1);
	/* of the three, one is seen already */
	expect(client, "STORE 1:3 +FLAGS (\\Seen)", "* 2 FETCH (FLAGS (\\Seen");
	check_counts(3, 0);
	stop();
}

/* "It is so already" must not be believed of an old view. */
static void test_store_that_seems_done(void **state)
{
	struct client *client;

	(void)state;
	start(1);
	client = open_inbox(world, 1);
	expect(client, "STORE 1 +FLAGS.SILENT (\\Seen)", " OK ");
	change_elsewhere(1, false, FLAGS_REMOVE, FLAG_SEEN, 1);
	expect(client, "STORE 1 +FLAGS.SILENT (\\Seen)", " OK ");
	check_counts(1, 0);
	stop();
}

static void test_store_unchanged_since(void **state)
{
	struct client *client;

	(void)state;
	start(2);
	client = open_inbox(world, 1);
	change_elsewhere(1, false, FLAGS_ADD, FLAG_FLAGGED, 0);
	expect(client, "STORE 1:2 (UNCHANGEDSINCE 3) +FLAGS (\\Seen)", "OK [MODIFIED 1]");
	check_counts(2, 1);
	stop();
}

static void test_store_of_what_is_gone(void **state)
{
	struct client *client;

	(void)state;
	start(2);
	client = open_inbox(world, 1);
	change_elsewhere(1, true, FLAGS_ADD, 0, -1);
	expect(client, "STORE 1:2 +FLAGS (\\Seen)", "OK [EXPUNGEISSUED]");
	check_counts(1, 0);
	expect(client, "NOOP", "* 1 EXPUNGE");
	stop();
}

static void test_fetch_sets_seen(void **state)
{
	struct client *client;

	(void)state;
	start(3);
	client = open_inbox(world, 1);
	change_elsewhere(2, false, FLAGS_ADD, FLAG_SEEN | FLAG_FLAGGED, -1);
	expect(client, "FETCH 1:3 BODY[TEXT]", "* 3 FETCH (FLAGS (\\Seen");
	check_counts(3, 0);
	stop();
}

static void test_expunge(void **state)
{
	struct client *client;

	(void)state;
	start(3);
	client = open_inbox(world, 1);
	expect(client, "STORE 1:3 +FLAGS.SILENT (\\Deleted)", " OK ");
	change_elsewhere(2, false, FLAGS_REMOVE, FLAG_DELETED, 0);
	expect(client, "UID EXPUNGE 1:2", "* 1 EXPUNGE");
	check_counts(2, 2);
	stop();
}

static void test_move(void **state)
{
	struct client *client;

	(void)state;
	start(3);
	client = open_inbox(world, 1);
	change_elsewhere(3, false, FLAGS_ADD, FLAG_SEEN, -1);
	expect(client, "UID MOVE 1,3 Archive", "* 1 EXPUNGE");
	check_counts(1, 1);
	assert_int_equal(head_of(world, "Archive").messages, 2);
	expect(client, "UID MOVE 1,3 Archive", " OK ");
	assert_int_equal(head_of(world, "Archive").messages, 2);
	stop();
}

/* The view has rows without keys, and the page they are in has lost them. */
static void test_gone_from_its_page(void **state)
{
	struct client *client;

	(void)state;
	start(3);
	fold();
	client = open_inbox(world, 1);
	change_elsewhere(2, true, FLAGS_ADD, 0, -1);
	fold();
	expect(client, "FETCH 1:3 BODY.PEEK[TEXT]", "OK [EXPUNGEISSUED]");
	check_counts(2, 2);
	stop();
}

static void test_copy_what_is_gone(void **state)
{
	struct client *client;

	(void)state;
	start(3);
	fold();
	client = open_inbox(world, 1);
	change_elsewhere(2, true, FLAGS_ADD, 0, -1);
	fold();
	expect(client, "COPY 1:3 Archive", "NO [EXPUNGEISSUED]");
	assert_int_equal(head_of(world, "Archive").messages, 0);
	expect(client, "UID COPY 1:3 Archive", "OK [COPYUID");
	assert_int_equal(head_of(world, "Archive").messages, 2);
	stop();
}

/* Keys read from pages are kept: the second reading needs none. */
static void test_search_in_pages(void **state)
{
	struct client *client;

	(void)state;
	start(3);
	fold();
	client = open_inbox(world, 1);
	expect(client, "SEARCH BODY text", "* SEARCH 1 2 3\r\n");
	expect(client, "SEARCH SUBJECT x NOT BODY nothing", "* SEARCH 1 2 3\r\n");
	stop();
}

/* The replacement is decided again; when somebody took the old one first there is neither a second one nor a new one. */
static void test_replace(void **state)
{
	struct client *client;

	(void)state;
	start(3);
	client = open_inbox(world, 1);
	change_elsewhere(2, false, FLAGS_ADD, FLAG_SEEN, -1);
	expect(client, "UID REPLACE 2 INBOX {20+}\r\nSubject: x\r\n\r\nnext\r\n", " OK Replaced");
	check_counts(3, 3);
	change_elsewhere(3, true, FLAGS_ADD, 0, -1);
	expect(client, "UID REPLACE 3 INBOX {20+}\r\nSubject: x\r\n\r\nnext\r\n", "NO [EXPUNGEISSUED]");
	check_counts(2, 2);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_store_that_seems_done),
		cmocka_unit_test(test_store_unchanged_since),
		cmocka_unit_test(test_store_of_what_is_gone),
		cmocka_unit_test(test_fetch_sets_seen),
		cmocka_unit_test(test_expunge),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_gone_from_its_page),
		cmocka_unit_test(test_copy_what_is_gone),
		cmocka_unit_test(test_search_in_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
