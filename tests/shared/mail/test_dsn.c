/* Delivery reports: the fields of RFC 3464, hostile values, and the UTF-8 forms. */
#include "shared/mail/mail_test.h"

#include "base/rand.h"
#include "base/utf8.h"
#include "mail/dsn.h"
#include "mail/header.h"
#include "mail/mime.h"

static const char original[] = "Subject: hi\r\nFrom: a@b\r\n\r\nthe body\r\n--x--\r\n";

static struct dsn sample(const struct dsn_recipient *recipients, size_t n)
{
	return (struct dsn){
		.from = SLICE("postmaster@example.org"),
		.to = SLICE("sender@example.org"),
		.message_id = SLICE("<d@example.org>"),
		.in_reply_to = SLICE("<1@b>"),
		.date_ms = 837596665000,
		.text = SLICE("Sorry.\n.\nFrom us\n"),
		.reporting_mta = SLICE("mx.example.org"),
		.received_from = SLICE("client.example"),
		.envelope_id = SLICE("env 1"),
		.arrival_ms = 837596000000,
		.recipients = recipients,
		.n_recipients = n,
		.original = SLICE(original),
	};
}

static struct slice part_body(struct arena *arena, struct slice message, uint32_t n, const char *type,
                              const char *subtype)
{
	const struct mime_part *part;
	struct mime mime;

	mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
	assert_true(mime_is(mime.root, "multipart", "report"));
	expect_text("report", "type", content_value(&mime.root->params, "report-type"), "delivery-status");
	part = mime_section(&mime, &n, 1);
	assert_non_null(part);
	if (!mime_is(part, type, subtype))
		fail_msg("part %u is %.*s/%.*s", n, SLICE_FMT(part->type), SLICE_FMT(part->subtype));
	return mime_body(part, message);
}

static void failure(void **state)
{
	const struct dsn_recipient recipients[] = {
		{ .original = SLICE("Rcpt@example.com"),
		  .final = SLICE("rcpt@example.com"),
		  .action = DSN_FAILED,
		  .status = SLICE("5.1.1"),
		  .remote_mta = SLICE("mx.example.com"),
		  .reply = SLICE("550 5.1.1 no such user\n550 5.1.1 ask somebody\r\nSubject: x"),
		  .last_attempt_ms = 837596665000 },
		{ .final = SLICE("two@example.com"),
		  .action = DSN_DELAYED,
		  .status = SLICE("4.4.1"),
		  .retry_until_ms = 837596665000,
		  .log_id = SLICE("q1") },
	};
	struct dsn dsn = sample(recipients, 2);
	struct arena *arena = arena_new();
	struct header_field field;
	struct buf out;

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	assert_true(dsn_add(&out, &dsn));
	assert_true(header_find(buf_slice(&out), "Subject", &field));
	expect_text("subject", "value", field.value, " Undelivered mail: returned to sender");
	assert_int_equal(header_count(buf_slice(&out), "Auto-Submitted"), 1);
	expect_text("text", "body", part_body(arena, buf_slice(&out), 1, "text", "plain"),
	            "Sorry.\r\n=2E\r\n=46rom us\r\n");
	expect_text("status", "body", part_body(arena, buf_slice(&out), 2, "message", "delivery-status"),
	            "Original-Envelope-Id: env 1\r\n"
	            "Reporting-MTA: dns; mx.example.org\r\n"
	            "Received-From-MTA: dns; client.example\r\n"
	            "Arrival-Date: Wed, 17 Jul 1996 09:33:20 +0000\r\n"
	            "\r\n"
	            "Original-Recipient: rfc822;Rcpt@example.com\r\n"
	            "Final-Recipient: rfc822;rcpt@example.com\r\n"
	            "Action: failed\r\n"
	            "Status: 5.1.1\r\n"
	            "Remote-MTA: dns; mx.example.com\r\n"
	            "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	            " 550 5.1.1 ask somebody\r\n"
	            " Subject: x\r\n"
	            "Last-Attempt-Date: Wed, 17 Jul 1996 09:44:25 +0000\r\n"
	            "\r\n"
	            "Final-Recipient: rfc822;two@example.com\r\n"
	            "Action: delayed\r\n"
	            "Status: 4.4.1\r\n"
	            "Final-Log-ID: q1\r\n"
	            "Will-Retry-Until: Wed, 17 Jul 1996 09:44:25 +0000\r\n");
	expect_text("original", "body", part_body(arena, buf_slice(&out), 3, "text", "rfc822-headers"),
	            "Subject: hi\r\nFrom: a@b\r\n\r\n");
	buf_clear(&out);
	dsn.returned = DSN_RETURN_FULL;
	assert_true(dsn_add(&out, &dsn));
	expect_text("original", "body", part_body(arena, buf_slice(&out), 3, "message", "rfc822"), original);
	buf_done(&out);
	arena_free(arena);
}

/* Nothing a peer or a sender chose may begin a field of its own. */
static void hostile_values(void **state)
{
	const struct dsn_recipient r = { .original = SLICE("a\r\nEvil: 1@b"),
		                         .final = SLICE("a\r\n\r\nEvil: 2@b"),
		                         .status = SLICE("5.1.1\r\nEvil: 3"),
		                         .remote_mta = SLICE("x\nEvil: 4"),
		                         .reply = SLICE("550 x\r\n\r\nEvil: 5"),
		                         .original_type = SLICE("rfc822\nEvil: 6") };
	struct dsn dsn = sample(&r, 1);
	struct arena *arena = arena_new();
	struct buf out;

	(void)state;
	dsn.to = SLICE("x>\r\nEvil: 7");
	dsn.subject = SLICE("x\r\nEvil: 8");
	dsn.envelope_id = SLICE("x\r\n\r\nEvil: 9");
	dsn.original = slice_of(NULL, 0);
	buf_init(&out, BUF_NO_LIMIT);
	assert_true(dsn_add(&out, &dsn));
	assert_true(slice_find(buf_slice(&out), SLICE("\nEvil")) < 0);
	part_body(arena, buf_slice(&out), 2, "message", "delivery-status");
	buf_done(&out);
	arena_free(arena);
}

static void international(void **state)
{
	const struct dsn_recipient r = { .final = SLICE("j\xc3\xb6rg@example.com"),
		                         .status = SLICE("5.1.1"),
		                         .reply = SLICE("550 \xc3\xa4") };
	struct dsn dsn = sample(&r, 1);
	struct arena *arena = arena_new();
	struct buf out;

	(void)state;
	dsn.original = SLICE("Subject: \xc3\xa4\r\n\r\nx");
	buf_init(&out, BUF_NO_LIMIT);
	assert_true(dsn_add(&out, &dsn));
	assert_true(slice_find(buf_slice(&out), SLICE("Final-Recipient: utf-8;j\\x{F6}rg@example.com\r\n")) >
	            0);
	assert_true(slice_find(buf_slice(&out), SLICE("smtp; 550 ??\r\n")) > 0);
	part_body(arena, buf_slice(&out), 3, "text", "rfc822-headers");
	buf_clear(&out);
	dsn.utf8 = true;
	dsn.returned = DSN_RETURN_FULL;
	assert_true(dsn_add(&out, &dsn));
	assert_true(slice_find(buf_slice(&out), SLICE("Final-Recipient: utf-8;j\xc3\xb6rg@example.com\r\n")) >
	            0);
	part_body(arena, buf_slice(&out), 2, "message", "global-delivery-status");
	expect_text("original", "body", part_body(arena, buf_slice(&out), 3, "message", "global"),
	            "Subject: \xc3\xa4\r\n\r\nx");
	buf_done(&out);
	buf_init(&out, 500);
	assert_false(dsn_add(&out, &dsn));
	buf_done(&out);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failure),
		cmocka_unit_test(hostile_values),
		cmocka_unit_test(international),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
