/* Late deliveries to mailboxes, by a whole mta. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mta_run.h"

static void put_local(struct world_mail *mail, const char *text)
{
	*mail = (struct world_mail){ .from = "x@example.com",
		                     .to = { WORLD_LOGIN },
		                     .text = text,
		                     .local = &world->account.id,
		                     .foreign = true };
	world_put(world, mail);
}

static void local(void **state)
{
	struct world_mail plain, junk;
	struct slice text = SLICE("");

	(void)state;
	begin((const char *const *const[]){ NULL });
	put_local(&plain, "Return-Path: <x@example.com>\r\n" MAIL);
	put_local(&junk, "Return-Path: <x@example.com>\r\nX-Posthouse-Junk: dmarc\r\n" MAIL);
	world_start(world);
	assert_true(WORLD_WAIT(world, queued() == 0));
	assert_int_equal(world_inbox(world, &world->account.inbox, &text), 1);
	assert_true(slice_eq(text, SLICE("Return-Path: <x@example.com>\r\n" MAIL)));
	assert_int_equal(world_inbox(world, &world->account.junk, &text), 1);
	assert_true(slice_find(text, SLICE("X-Posthouse-Junk")) > 0);
	end();
}

/* smtpd's own try had reached the mailbox, and its answer got lost. */
static void local_already_there(void **state)
{
	struct world_mail mail;
	struct queue_entry entry;
	struct envelope_out envelope;
	struct mailbox_appended appended;
	struct sealed_message sealed = { 0 };
	struct filing filing;
	struct why why;
	struct id id;

	(void)state;
	begin((const char *const *const[]){ NULL });
	put_local(&mail, MAIL);
	id = world_entry(&mail, "");
	assert_true(world_look(world, &id, &entry, &envelope));
	sealed.content = mail.content;
	sealed.key = envelope.key;
	sealed.size = entry.size;
	filing = (struct filing){ .account = world->account.id,
		                  .mailbox = world->account.inbox,
		                  .public_key = &world->account.public_key,
		                  .generation = world->account.generation };
	assert_int_equal(message_file(world->stack, &sealed, &filing, &appended, &why), FAULT_NONE);
	world_start(world);
	assert_true(WORLD_WAIT(world, queued() == 0));
	assert_int_equal(world_inbox(world, &world->account.inbox, NULL), 1);
	end();
}

static void local_over_quota(void **state)
{
	const struct change_by by = { "test", "local" };
	struct world_mail first, second;
	struct queue_entry entry;
	struct why why;

	(void)state;
	begin((const char *const *const[]){ NULL });
	world->account.quota = 10;
	assert_int_equal(account_put(world->stack, &by, &world->account, &why), FAULT_NONE);
	put_local(&first, MAIL);
	world_start(world);
	assert_true(WORLD_WAIT(world, queued() == 0));
	put_local(&second, MAIL);
	assert_true(WORLD_WAIT(world, recipient(&second, "", &entry).status[0] != '\0'));
	assert_string_equal(recipient(&second, "", &entry).status, "4.2.2");
	assert_int_equal(world_inbox(world, &world->account.inbox, NULL), 1);
	end();
}

static void local_account_gone(void **state)
{
	const struct change_by by = { "test", "local" };
	struct world_mail mail;
	struct why why;

	(void)state;
	begin((const char *const *const[]){ NULL });
	put_local(&mail, MAIL);
	assert_int_equal(account_delete(world->stack, &by, &world->account.id, &why), FAULT_NONE);
	world_start(world);
	/* the report to x@example.com finds nobody listening */
	assert_true(WORLD_WAIT(world, is_gone(&mail, "")));
	world_stop(world);
	fake_stop(&fake);
	world_free(world);
	buf_done(&fake.message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local),
		cmocka_unit_test(local_already_there),
		cmocka_unit_test(local_over_quota),
		cmocka_unit_test(local_account_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
