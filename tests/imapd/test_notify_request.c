/* What a NOTIFY asks for (notify_request.h). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "arg_text.h"
#include "notify_request.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		bool good, status, delayed, fetches, unknown;
		unsigned selected, groups;
	} rows[] = {
		{ "NONE", true, false, false, false, false, 0, 0 },
		{ "none x", .good = false },
		{ "SET", .good = false },
		{ "SET STATUS", .good = false },
		{ "SET ()", .good = false },
		{ "SET (selected)", .good = false },
		{ "SET (selected NONE)", true, false, false, false, false, 0, 0 },
		{ "SET (selected ())", .good = false },
		{ "SET STATUS (SELECTED (messagenew messageexpunge))", true, true, false, false, false,
		  NOTIFY_NEW | NOTIFY_EXPUNGE, 0 },
		{ "SET (selected-delayed (MessageNew (UID FLAGS) MessageExpunge FlagChange))", true, false,
		  true, true, false, NOTIFY_MESSAGES, 0 },
		{ "SET (selected (MessageNew MessageNew (UID) MessageExpunge)) (personal (MailboxName))",
		  true, false, false, true, false, NOTIFY_NEW | NOTIFY_EXPUNGE, 1 },
		{ "SET (selected (MessageNew (UID) MessageNew (UID) MessageExpunge))", .good = false },
		{ "SET (selected (MessageNew (NOTHING) MessageExpunge))", .good = false },
		{ "SET (selected (MessageNew () MessageExpunge))", .good = false },
		{ "SET (selected (MessageNew MessageExpunge)", .good = false },
		{ "SET (selected (MessageExpunge))", .good = false },
		{ "SET (selected (MessageNew))", .good = false },
		{ "SET (personal (FlagChange MessageNew))", .good = false },
		{ "SET (personal (MessageNew (UID) MessageExpunge))", .good = false },
		{ "SET (selected (SubscriptionChange))", .good = false },
		{ "SET (selected (MailboxMetadataChange))", .good = false },
		{ "SET (selected-delayed (MessageNew MessageExpunge ServerMetadataChange))", .good = false },
		{ "SET (personal (mailboxmetadatachange SERVERMETADATACHANGE))", true, false, false, false,
		  false, 0, 1 },
		{ "SET (subtree-one a (MailboxName))", .good = false },
		{ "SET (personal (AnnotationChange))", true, false, false, false, true, 0, 1 },
		{ "SET (mailboxes (a b) (MailboxName)) (subscribed NONE) (inboxes (SubscriptionChange))",
		  true, false, false, false, false, 0, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notify_request got;
		struct arg_text text;

		if (notify_request_parse(arg_text_start(&text, rows[i].text), &got) != rows[i].good)
			fail_msg("%s", rows[i].text);
		if (rows[i].good && (got.status != rows[i].status || got.delayed != rows[i].delayed ||
		                     !got.fetch != !rows[i].fetches || got.selected != rows[i].selected ||
		                     got.unknown_event != rows[i].unknown || got.n != rows[i].groups))
			fail_msg("%s: something else", rows[i].text);
		arg_text_done(&text);
	}
}

/* What several groups say of a mailbox adds up. */
static void test_events(void **state)
{
	static const char command[] = "SET (mailboxes INBOX (MessageNew MessageExpunge)) (personal "
	                              "(SubscriptionChange)) (subtree a NONE)";
	const struct mailbox_meta meta = { .subscribed = false };
	struct notify_request got;
	struct arg_text text;

	(void)state;
	assert_true(notify_request_parse(arg_text_start(&text, command), &got));
	assert_int_equal(notify_request_events(&got, "INBOX", &meta),
	                 NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_SUBSCRIPTION);
	assert_int_equal(notify_request_events(&got, "a/b", &meta), NOTIFY_SUBSCRIPTION);
	arg_text_done(&text);
}

/* The server's are the user's: they make no mailbox one that is watched. */
static void test_metadata(void **state)
{
	static const struct {
		const char *text;
		bool metadata, server;
		unsigned events; /* of INBOX */
	} rows[] = {
		{ "SET (personal (MailboxName))", false, false, NOTIFY_NAME },
		{ "SET (personal (MailboxMetadataChange))", true, false, NOTIFY_METADATA },
		{ "SET (personal (ServerMetadataChange))", false, true, 0 },
		{ "SET (mailboxes x (MailboxMetadataChange)) (personal (ServerMetadataChange MailboxName))",
		  true, true, NOTIFY_NAME },
		{ "SET (personal NONE)", false, false, 0 },
	};
	const struct mailbox_meta meta = { .subscribed = false };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notify_request got;
		struct arg_text text;

		assert_true(notify_request_parse(arg_text_start(&text, rows[i].text), &got));
		if (got.metadata != rows[i].metadata || got.server_metadata != rows[i].server ||
		    notify_request_events(&got, "INBOX", &meta) != rows[i].events)
			fail_msg("%s: something else", rows[i].text);
		arg_text_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse), cmocka_unit_test(test_events),
		                            cmocka_unit_test(test_metadata) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
