/* Which mailboxes a command is about: the words, and what lies in them (mailbox_filter.h). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "arg_text.h"
#include "mailbox_filter.h"
#include "store/mailbox.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		bool good;
		enum mailbox_filter_kind kind;
		uint32_t n;
	} rows[] = {
		{ "selected", true, FILTER_SELECTED, 0 },
		{ "Selected-Delayed", true, FILTER_SELECTED_DELAYED, 0 },
		{ "INBOXES", true, FILTER_INBOXES, 0 },
		{ "subtree a", true, FILTER_SUBTREE, 1 },
		{ "subtree-one (a \"b c\")", true, FILTER_SUBTREE_ONE, 2 },
		{ "mailboxes (inbox)", true, FILTER_MAILBOXES, 1 },
		{ "mailboxes", false, 0, 0 },
		{ "mailboxes ()", false, 0, 0 },
		{ "mailboxes (a", false, 0, 0 },
		{ "everything", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arg_text text;
		struct imap_args *args = arg_text_start(&text, rows[i].text);
		struct mailbox_filter filter;

		if (mailbox_filter_parse(args, &filter) != rows[i].good)
			fail_msg("%s", rows[i].text);
		if (rows[i].good) {
			assert_int_equal(filter.kind, rows[i].kind);
			assert_int_equal(filter.n, rows[i].n);
		}
		arg_text_done(&text);
	}
}

static void test_has(void **state)
{
	static const struct {
		const char *filter, *path;
		bool subscribed;
		uint32_t use;
		bool has;
	} rows[] = {
		{ "personal", "a", false, 0, true },
		{ "selected", "a", true, 0, false },
		{ "subscribed", "a", true, 0, true },
		{ "subscribed", "a", false, 0, false },
		{ "inboxes", "INBOX", false, USE_INBOX, true },
		{ "inboxes", "Junk", false, USE_JUNK, true },
		{ "inboxes", "Sent", false, USE_SENT, false },
		{ "subtree a", "a", false, 0, true },
		{ "subtree a/", "a/b/c", false, 0, true },
		{ "subtree a", "ab", false, 0, false },
		{ "subtree-one a", "a/b", false, 0, true },
		{ "subtree-one a", "a/b/c", false, 0, false },
		{ "mailboxes (x a)", "a", false, 0, true },
		{ "mailboxes a", "a/b", false, 0, false },
		{ "mailboxes inbox", "INBOX", false, 0, true },
		{ "mailboxes \"*\"", "a", false, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct mailbox_meta meta = { .subscribed = rows[i].subscribed,
			                           .special_use = rows[i].use };
		struct arg_text text;
		struct imap_args *args = arg_text_start(&text, rows[i].filter);
		struct mailbox_filter filter;

		assert_true(mailbox_filter_parse(args, &filter));
		if (mailbox_filter_has(&filter, rows[i].path, &meta) != rows[i].has)
			fail_msg("%s: %s", rows[i].filter, rows[i].path);
		arg_text_done(&text);
	}
}

static void test_shared(void **state)
{
	static const struct {
		const char *filter;
		bool may, has; /* Shared/a/b, which is subscribed */
	} rows[] = {
		{ "personal", false, false },           { "inboxes", false, false },
		{ "selected", false, false },           { "subscribed", true, true },
		{ "subtree Shared", true, true },       { "subtree (x Shared/a)", true, true },
		{ "subtree Public", true, false },      { "subtree-one Shared", true, false },
		{ "mailboxes Shared/a/b", true, true }, { "mailboxes Sharedness", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct mailbox_meta meta = { .subscribed = true };
		struct arg_text text;
		struct imap_args *args = arg_text_start(&text, rows[i].filter);
		struct mailbox_filter filter;

		assert_true(mailbox_filter_parse(args, &filter));
		if (mailbox_filter_may_share(&filter) != rows[i].may ||
		    mailbox_filter_has_shared(&filter, "Shared/a/b", &meta) != rows[i].has)
			fail_msg("%s", rows[i].filter);
		arg_text_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse), cmocka_unit_test(test_has),
		                            cmocka_unit_test(test_shared) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
