/* The SMTP client where it is hard: large messages, slow and silent hosts, TLS that breaks, ends at any moment. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client_run.h"

static struct cert_files cert;

/* ---- large messages ---- */

/* A large one, read from the store piece by piece, to a host that reads slowly. */
static struct letter *large_letter(size_t size, struct slice *ret_text)
{
	struct world_mail mail = { .from = "a@example.org", .to = { "b@example.net" } };
	struct content_key key;
	struct queue_entry entry;
	struct envelope_out envelope;
	struct letter_load how;
	struct letter *letter;
	struct why why;
	struct id id;
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, "Subject: large\r\n\r\n");
	while (text.len < size)
		buf_printf(&text, ".%u lines of this and that\r\n", (unsigned)text.len);
	mail.body = *ret_text = arena_copy(world->arena, buf_slice(&text));
	world_put(world, &mail);
	id = world_entry(&mail, "example.net");
	assert_true(world_look(world, &id, &entry, &envelope));
	key = envelope.key;
	how = (struct letter_load){ .stack = world->stack, .content = &entry.content, .key = &key };
	assert_int_equal(letter_load(&how, &letter, &why), FAULT_NONE);
	assert_int_equal(queue_remove(world->stack->store, &world_queue_actor, &id, entry.fence, &why),
	                 FAULT_NONE);
	buf_done(&text);
	return letter;
}

/* Byte by byte: a dot more where a line starts with one, and the final dot. */
static void check_stuffed(struct slice came, struct slice text)
{
	size_t at = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '.' && (i == 0 || text.data[i - 1] == '\n') && came.data[at++] != '.')
			fail_msg("no dot more at %zu", at);
		if (at >= came.len || came.data[at++] != text.data[i])
			fail_msg("another byte at %zu", at);
	}
	assert_true(slice_eq(slice_from(came, at), SLICE(".\r\n")));
}

static void large(void **state)
{
	static const char *const script[] = { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING",
		                              "C:MAIL *", "C:RCPT *", "C:DATA",
		                              "S:250 ok", "S:250 ok", "S:354 go",
		                              "W:30000",  "S:250 ok", "C:QUIT",
		                              "X",        NULL };
	const char *const *const scripts[] = { script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct run run = { 0 };
	struct slice text;

	(void)state;
	fake_start(&fake);
	run.sending.letter = large_letter(3000000, &text);
	assert_null(run.sending.letter->text.data);
	run_init(&run, &fake, NULL);
	one_recipient(&run, "b@example.net", 0, "");
	run_go(&run);
	fake_stop(&fake);
	assert_string_equal(fake.wrong, "");
	assert_int_equal(run.sending.to[0].verdict, VERDICT_DELIVERED);
	check_stuffed(buf_slice(&fake.message), text);
	letter_unref(run.sending.letter);
	buf_done(&fake.message);
}

/* What the host says before the message is whole is its last word. */
static void early_reply(void **state)
{
	static const char *const script[] = { "S:220 mx", "C:EHLO *",           "S:250-mx\r\n250 PIPELINING",
		                              "C:MAIL *", "C:RCPT *",           "C:DATA",
		                              "S:250 ok", "S:250 ok",           "S:354 go",
		                              "B:20000",  "S:552 5.3.4 enough", "Z:300",
		                              NULL };
	const char *const *const scripts[] = { script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct run run = { 0 };
	struct slice text;

	(void)state;
	fake_start(&fake);
	run.sending.letter = large_letter(8000000, &text);
	run_init(&run, &fake, NULL);
	one_recipient(&run, "b@example.net", 0, "");
	run_go(&run);
	fake_stop(&fake);
	assert_string_equal(fake.wrong, "");
	assert_true(run.sent && !run.reusable);
	assert_int_equal(run.sending.to[0].verdict, VERDICT_FAILED);
	assert_string_equal(run.sending.to[0].status, "5.3.4");
	letter_unref(run.sending.letter);
	buf_done(&fake.message);
}

/* The store loses the message half-way: the host must not see an end. */
static void lost_body(void **state)
{
	static const char *const script[] = { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING",
		                              "C:MAIL *", "C:RCPT *", "C:DATA",
		                              "S:250 ok", "S:250 ok", "S:354 go",
		                              "E",        NULL };
	const char *const *const scripts[] = { script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct run run = { 0 };
	struct slice text;
	struct why why;

	(void)state;
	fake_start(&fake);
	run.sending.letter = large_letter(3000000, &text);
	assert_int_equal(blob_del(world->stack->blobs, &run.sending.letter->message.content, &why),
	                 FAULT_NONE);
	run_init(&run, &fake, NULL);
	one_recipient(&run, "b@example.net", 0, "");
	run_go(&run);
	fake_stop(&fake);
	assert_string_equal(fake.wrong, "");
	assert_true(run.sent && !run.reusable);
	assert_int_equal(run.sending.to[0].verdict, VERDICT_DEFERRED);
	assert_string_equal(run.sending.to[0].status, "4.3.0");
	letter_unref(run.sending.letter);
	buf_done(&fake.message);
}

/* ---- TLS ---- */

static const struct {
	const char *name;
	const char *script[24];
	enum end end;
	enum client_stage stage;
	const char *version;
	int64_t timeout;
} handshakes[] = {
	{ "done",
	  { "S:220 mx",
	    "C:EHLO *",
	    "S:250-mx\r\n250-STARTTLS",
	    "S:250 PIPELINING",
	    "C:STARTTLS",
	    "S:220 go",
	    "T",
	    "C:EHLO *",
	    "S:250 mx",
	    "C:MAIL *",
	    "S:250 ok",
	    "C:RCPT *",
	    "S:250 ok",
	    "C:DATA",
	    "S:354 go",
	    "D",
	    "S:250 ok",
	    "C:QUIT",
	    "S:221 bye",
	    "E" },
	  SENT,
	  CLIENT_TALKING,
	  "TLSv1.3" },
	{ "offered and then refused",
	  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS", "S:454 4.7.0 no", "C:MAIL *",
	    "S:250 ok", "C:RCPT *", "S:250 ok", "C:DATA", "S:354 go", "D", "S:250 ok", "C:QUIT", "X" },
	  SENT,
	  CLIENT_TALKING,
	  "" },
	{ "nonsense instead of a handshake",
	  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS", "S:220 go", "S:ha ha ha ha ha",
	    "Z:200", "X" },
	  FAILED,
	  CLIENT_SECURING,
	  "" },
	{ "closed instead of a handshake",
	  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS", "S:220 go", "X" },
	  FAILED,
	  CLIENT_SECURING,
	  "" },
	{ "silence instead of a handshake",
	  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS", "S:220 go", "Z:2500", "X" },
	  FAILED,
	  CLIENT_SECURING,
	  "",
	  1000 },
	{ "what is said before the handshake does not count",
	  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS",
	    "S:220 go\r\n250 PIPELINING\r\n250 ok", "T", "C:EHLO *", "Q", "S:250 mx", "C:MAIL *", "S:250 ok",
	    "C:RCPT *", "S:250 ok", "C:DATA", "S:354 go", "D", "S:250 ok", "C:QUIT", "X" },
	  SENT,
	  CLIENT_TALKING,
	  "TLSv1.3" },
};

static void tls(void **state)
{
	struct tls_ctx *ctx;
	struct why why;

	(void)state;
	assert_int_equal(tls_client_new(&(struct tls_client_conf){ .old_peers = true }, &ctx, &why),
	                 FAULT_NONE);
	for (size_t i = 0; i < ARRAY_LEN(handshakes); i++) {
		const char *const *const scripts[] = { handshakes[i].script, NULL };
		struct fake_smtp fake = { .scripts = scripts, .cert = cert.cert, .key = cert.key };
		struct run run = { 0 };

		fake_start(&fake);
		run_init(&run, &fake, ctx);
		set_timeout(&run, handshakes[i].timeout);
		one_recipient(&run, "b@example.net", 0, "");
		run_go(&run);
		fake_stop(&fake);
		if (fake.wrong[0])
			fail_msg("%s: %s", handshakes[i].name, fake.wrong);
		if (run.failed != (handshakes[i].end == FAILED) ||
		    (run.failed && run.failure.stage != handshakes[i].stage))
			fail_msg("%s: failed %d at stage %d: %s", handshakes[i].name, run.failed,
			         run.failure.stage, run.reply);
		assert_string_equal(run.tls, handshakes[i].version);
		assert_false(run.verified); /* nobody vouches for the test's certificate */
		buf_done(&fake.message);
	}
	tls_free(ctx);
}

/* ---- ends ---- */

static void nobody_listens(void **state)
{
	struct fake_smtp fake = { .scripts = (const char *const *const[]){ NULL } };
	struct run run = { 0 };

	(void)state;
	fake_start(&fake);
	fake_stop(&fake);
	run_init(&run, &fake, NULL);
	one_recipient(&run, "b@example.net", 0, "");
	run_go(&run);
	assert_true(run.failed);
	assert_int_equal(run.failure.stage, CLIENT_CONNECTING);
	assert_string_equal(run.status, "4.4.1");
	buf_done(&fake.message);
}

/* At any moment, also while a piece is being read: nothing is called back and nothing leaks. */
static void aborted(void **state)
{
	static const char *const script[] = { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING",
		                              "C:MAIL *", "C:RCPT *", "C:DATA",
		                              "S:250 ok", "S:250 ok", "S:354 go",
		                              "Z:1000",   NULL };
	const char *const *const scripts[] = { script, script, script, script, script, script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct slice text;
	struct letter *letter = large_letter(3000000, &text);

	(void)state;
	fake_start(&fake);
	for (int steps = 0; steps < 30; steps += 5) {
		struct run run = { .sending.letter = letter };

		run_init(&run, &fake, NULL);
		one_recipient(&run, "b@example.net", 0, "");
		run.client = client_new(&run.conf, &handler, &run);
		for (int i = 0; i < steps; i++)
			loop_step(world->daemon.loop, 2);
		client_abort(run.client);
		for (int i = 0; i < 20; i++)
			loop_step(world->daemon.loop, 2);
		if (run.over)
			fail_msg("after %d steps: %s", steps, run.reply);
	}
	fake.stop = true;
	fake_stop(&fake);
	letter_unref(letter);
	buf_done(&fake.message);
}

static int setup(void **state)
{
	(void)state;
	world = world_new();
	cert = cert_make(world->dir, "tls", "localhost");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large), cmocka_unit_test(early_reply),    cmocka_unit_test(lost_body),
		cmocka_unit_test(tls),   cmocka_unit_test(nobody_listens), cmocka_unit_test(aborted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
