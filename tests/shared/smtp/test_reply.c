/* Replies read and written, and status codes by name. */
#include "shared/mail/mail_test.h"

#include "smtp/reply.h"

static void reading(void **state)
{
	static const struct {
		const char *lines, *text; /* text NULL: refused at its last line */
		bool done;
	} rows[] = {
		{ "250 OK", "250 OK", true },
		{ "250 2.1.0 Sender OK", "250 2.1.0 Sender OK", true },
		{ "550-5.1.1 No\n550 5.1.1 user", "550 5.1.1 No|user", true },
		{ "250-a\n250-SIZE 10\n250 HELP", "250 a|SIZE 10|HELP", true },
		{ "250", "250", true },
		{ "250 ", "250", true },
		{ "250-", "250", false },
		{ "250 5.1.1 not its class", "250 5.1.1 not its class", true },
		{ "550 5.1 x", "550 5.1 x", true },
		{ "550 5.01.1 x", "550 5.01.1 x", true },
		{ "550 5.1.1", "550 5.1.1", true },
		{ "354 go\tahead\x01", "354 go ahead ", true },
		{ "250-a\n251 b", NULL, false },
		{ "25", NULL, false },
		{ "199 x", NULL, false },
		{ "600 x", NULL, false },
		{ "2x0 x", NULL, false },
		{ "250x", NULL, false },
		{ "", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena *arena = arena_new();
		struct slice rest = slice_str(rows[i].lines), line;
		struct smtp_reply reply = { 0 };
		enum fault fault = FAULT_NONE;

		while (!fault && slice_cut(&rest, '\n', &line))
			fault = smtp_reply_line(&reply, arena, line, NULL);
		expect_number(rows[i].lines, "fault", fault, rows[i].text ? FAULT_NONE : FAULT_INPUT);
		if (!fault) {
			expect_text(rows[i].lines, "text", smtp_reply_text(arena, &reply, '|'), rows[i].text);
			expect_number(rows[i].lines, "done", reply.done, rows[i].done);
		}
		arena_free(arena);
	}
}

static void keywords_and_limits(void **state)
{
	struct arena *arena = arena_new();
	struct smtp_reply ehlo = { 0 }, endless = { 0 };
	struct slice args;
	enum fault fault = FAULT_NONE;
	int n = 0;

	(void)state;
	assert_int_equal(smtp_reply_line(&ehlo, arena, SLICE("250-SIZE greets you"), NULL), FAULT_NONE);
	assert_false(smtp_reply_keyword(&ehlo, "SIZE", &args));
	assert_int_equal(smtp_reply_line(&ehlo, arena, SLICE("250-size 1000"), NULL), FAULT_NONE);
	assert_int_equal(smtp_reply_line(&ehlo, arena, SLICE("250 AUTH PLAIN  LOGIN"), NULL), FAULT_NONE);
	assert_true(smtp_reply_keyword(&ehlo, "SIZE", &args));
	expect_text("SIZE", "arguments", args, "1000");
	assert_true(smtp_reply_keyword(&ehlo, "AUTH", &args));
	expect_text("AUTH", "arguments", args, "PLAIN  LOGIN");
	assert_false(smtp_reply_keyword(&ehlo, "DSN", &args));
	while (!fault && n++ < 100000)
		fault = smtp_reply_line(&endless, arena, SLICE("250-x"), NULL);
	assert_int_equal(fault, FAULT_TOO_BIG);
	arena_free(arena);
}

static void writing(void **state)
{
	struct arena *arena = arena_new();
	struct slice rest, line;
	struct buf out;

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	smtp_reply_add(&out, 250, "2.0.0", SLICE("OK"));
	smtp_reply_add(&out, 550, "5.7.1", SLICE("One\r\ntwo\n\nfour\x01"));
	smtp_reply_add(&out, 220, NULL, SLICE(""));
	expect_text(
	    "written", "reply", buf_slice(&out),
	    "250 2.0.0 OK\r\n550-5.7.1 One\r\n550-5.7.1 two\r\n550-5.7.1 \r\n550 5.7.1 four \r\n220 \r\n");
	buf_clear(&out);
	smtp_reply_add(&out, 250, "2.0.0", slice_str(arena_printf(arena, "%01500d", 1)));
	rest = slice_trim(buf_slice(&out));
	while (slice_cut(&rest, '\n', &line)) {
		assert_true(line.len < 512);
		assert_true(slice_starts(line, rest.data ? "250-2.0.0 0" : "250 2.0.0 0"));
	}
	buf_done(&out);
	arena_free(arena);
}

static void statuses(void **state)
{
	struct smtp_status status;
	char text[SMTP_STATUS_TEXT];

	(void)state;
	assert_true(smtp_status_parse(SLICE("5.7.509"), &status));
	assert_int_equal(smtp_status_print(status, text), 7);
	assert_string_equal(text, "5.7.509");
	assert_string_equal(smtp_status_name(status), "Other or undefined security status");
	assert_true(smtp_status_parse(SLICE("4.2.2"), &status));
	assert_string_equal(smtp_status_name(status), "Mailbox full");
	assert_string_equal(smtp_status_name((struct smtp_status){ 5, 99, 1 }), "Undefined status");
	assert_false(smtp_status_parse(SLICE("3.1.1"), &status) || smtp_status_parse(SLICE("5.1"), &status) ||
	             smtp_status_parse(SLICE("5.1.1.1"), &status) ||
	             smtp_status_parse(SLICE("5.1.1000"), &status) ||
	             smtp_status_parse(SLICE("5..1"), &status) || smtp_status_parse(SLICE(""), &status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(keywords_and_limits),
		cmocka_unit_test(writing),
		cmocka_unit_test(statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
