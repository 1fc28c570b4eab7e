/* UIDBATCHES over a mailbox with holes: ranges that touch, hold equally many, and end at UID 1. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"
#include "suite/copy.h"

#define MESSAGES 1300

static void fill(struct world *world)
{
	const struct id inbox = world_mailbox(world, "INBOX");
	struct mailbox_append *messages = arena_array(world->arena, struct mailbox_append, MESSAGES);
	struct mailbox_appended made;
	struct uid_set gone;
	struct why why = { "" };

	for (unsigned i = 0; i < MESSAGES; i++)
		messages[i] = (struct mailbox_append){ .content = id_new(), .key = { .kind = WRAPPED_BOX } };
	world_must(mailbox_append(world->daemon.stack->store, &world->owner, &inbox, messages, MESSAGES,
	                          &made, &why),
	           &why, "append");
	uid_set_init(&gone);
	uid_set_add_range(&gone, 1, 100);
	uid_set_add_range(&gone, 700, 799);
	uid_set_add(&gone, MESSAGES);
	world_must(copy_expunge(world->daemon.stack, &world->owner, &inbox, &gone, &why), &why, "expunge");
	uid_set_done(&gone);
}

/* UIDs 101 to 699 and 800 to 1299 are there: 1099 messages. */
static void test_batches(void **state)
{
	struct world *world = world_new();
	struct client *client;

	(void)state;
	fill(world);
	client = open_inbox(world, 1);
	expect(client, "UIDBATCHES 500", "\") 1299:800,799:200,199:1\r\n");
	expect(client, "UIDBATCHES 500 1:1", "\") 1299:800\r\n");
	expect(client, "UIDBATCHES 500 2:2", "\") 799:200\r\n");
	expect(client, "UIDBATCHES 500 3:9", "\") 199:1\r\n");
	expect(client, "UIDBATCHES 500 4:9", "\")\r\n");
	expect(client, "UIDBATCHES 1099", "\") 1299:1\r\n");
	expect(client, "UIDBATCHES 4294967295", "\") 1299:1\r\n");
	expect(client, "UIDBATCHES 499", " NO [TOOFEW]");
	expect(client, "UIDBATCHES 500 2:1", " BAD [CLIENTBUG]");
	expect(client, "UIDBATCHES", " BAD ");
	expect(client, "UIDBATCHES 0", " BAD ");
	expect(client, "UIDBATCHES 500 1", " BAD ");
	expect(client, "UIDBATCHES 500 1:2 ", " OK ");
	expect(client, "UID UIDBATCHES 500", " BAD ");
	expect(client, "SELECT Sent", " OK ");
	expect(client, "UIDBATCHES 500", "\")\r\n");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_batches) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
