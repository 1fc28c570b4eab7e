/* \Recent (RFC 3501 2.3.2): of the sessions that may write, of all processes, exactly one has it for a message. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"

static struct world *world;

static int start(void **state)
{
	(void)state;
	world = world_new();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static void deliver(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
}

/* It has the mailbox open, hears of a message, and so has it; who comes later has not. */
static void test_told_first(void **state)
{
	struct client *first, *second;

	(void)state;
	first = open_inbox(world, 1);
	second = open_inbox(world, 2);
	deliver(2);
	expect(first, "NOOP", "* 2 RECENT");
	expect(second, "FETCH 1:* FLAGS", "* 2 EXISTS");
	expect_not(second, "FETCH 1:* FLAGS", "\\Recent");
	expect(second, "SELECT INBOX", "* 0 RECENT");
	expect(second, "EXAMINE INBOX", "* 0 RECENT");
	expect(first, "FETCH 1:* FLAGS", "* 2 FETCH (FLAGS (\\Recent))");
}

/* Who opens the mailbox has what nobody was told of yet, also when others have it open. */
static void test_opens_first(void **state)
{
	struct client *first, *second;

	(void)state;
	first = open_inbox(world, 1);
	deliver(2);
	second = open_inbox(world, 2);
	expect(second, "FETCH 1:* FLAGS", "* 2 FETCH (FLAGS (\\Recent))");
	expect(first, "NOOP", "* 2 EXISTS");
	expect_not(first, "FETCH 1:* FLAGS", "\\Recent");
	deliver(1);
	expect(first, "NOOP", "* 1 RECENT");
	expect(second, "NOOP", "* 3 EXISTS");
	expect_not(second, "FETCH 3 FLAGS", "\\Recent");
}

/* Who only reads sees it and takes it from nobody. */
static void test_reads_only(void **state)
{
	struct client *reader, *writer;

	(void)state;
	reader = open_inbox(world, 1);
	deliver(2);
	expect(reader, "EXAMINE INBOX", "* 2 RECENT");
	expect(reader, "EXAMINE INBOX", "* 2 RECENT");
	writer = open_inbox(world, 2);
	expect(writer, "FETCH 1:* FLAGS", "* 1 FETCH (FLAGS (\\Recent))");
	expect(reader, "EXAMINE INBOX", "* 0 RECENT");
	expect(writer, "SELECT INBOX", "* 0 RECENT");
}

/* As it was told last. */
static unsigned recent_of(struct client *client)
{
	struct arena *arena = arena_new();
	const char *line;
	unsigned n = 0;

	while ((line = client_line(client, arena, WORLD_PATIENCE)) && strncmp(line, "end ", 4) != 0)
		sscanf(line, "* %u RECENT", &n);
	assert_non_null(line);
	arena_free(arena);
	return n;
}

/* All at once, while mail comes in: they share the messages. */
static void test_all_at_once(void **state)
{
	struct client *clients[WORLD_CLIENTS];
	unsigned sum = 0;

	(void)state;
	for (unsigned i = 0; i < WORLD_CLIENTS; i++)
		clients[i] = open_inbox(world, i);
	for (unsigned round = 1; round <= 20; round++) {
		for (unsigned i = 0; i < WORLD_CLIENTS; i++) {
			client_send(clients[i], SLICE("a SELECT INBOX\r\nend CHECK\r\n"));
			deliver(i % 2);
		}
		for (unsigned i = 0; i < WORLD_CLIENTS; i++)
			sum += recent_of(clients[i]);
	}
	/* what came behind the last look */
	client_send(clients[0], SLICE("a SELECT INBOX\r\nend CHECK\r\n"));
	sum += recent_of(clients[0]);
	assert_int_equal(sum, head_of(world, "INBOX").messages);
}

/* Another process has taken what this one is about to tell. */
static void test_taken_elsewhere(void **state)
{
	struct store *store = world->daemon.stack->store;
	struct id inbox = world_mailbox(world, "INBOX");
	struct mailbox_head head;
	struct client *client;
	struct why why;

	(void)state;
	client = open_inbox(world, 1);
	expect(client, "UNSELECT", " OK ");
	deliver(2);
	head = head_of(world, "INBOX");
	world_must(mailbox_take_recent(store, &world->owner, &inbox, &head, &why), &why, "taking");
	expect(client, "SELECT INBOX", "* 0 RECENT");
	deliver(1);
	expect(client, "CHECK", "* 1 RECENT");
	expect(client, "FETCH 1:* FLAGS", "* 3 FETCH (FLAGS (\\Recent))");
	expect_not(client, "FETCH 1:2 FLAGS", "\\Recent");
	assert_int_equal(head_of(world, "INBOX").recent_uid, 4);
}

static enum fault is_refused(struct store *store, const struct actor *actor, const struct id *mailbox,
                             uint32_t first, uint32_t next, struct why *why)
{
	(void)store;
	(void)actor;
	(void)mailbox;
	(void)first;
	(void)next;
	return fault_set(why, FAULT_TEMP, "the store is busy");
}

/* A store that does not give it holds no mail back. */
static void test_not_to_be_had(void **state)
{
	struct store *store = world->daemon.stack->store;
	const struct store_ops *real = store->ops;
	struct store_ops busy = *real;
	struct client *client;

	(void)state;
	client = open_inbox(world, 1);
	busy.take_recent = is_refused;
	store->ops = &busy;
	deliver(1);
	expect(client, "NOOP", "* 1 EXISTS");
	expect_not(client, "FETCH 1 FLAGS", "\\Recent");
	store->ops = real;
	expect(client, "SELECT INBOX", "* 1 RECENT");
}

/* Clients of IMAP4rev2 leave it for others: nothing is taken for them. */
static void test_not_wanted(void **state)
{
	struct client *client;

	(void)state;
	client = open_inbox(world, 1);
	expect(client, "ENABLE IMAP4rev2", " OK ");
	deliver(1);
	expect(client, "NOOP", "* 1 EXISTS");
	expect_not(client, "FETCH 1 FLAGS", "\\Recent");
	assert_int_equal(head_of(world, "INBOX").recent_uid, 1);
	expect(open_inbox(world, 2), "FETCH 1 FLAGS", "\\Recent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told_first, start, stop),
		cmocka_unit_test_setup_teardown(test_opens_first, start, stop),
		cmocka_unit_test_setup_teardown(test_reads_only, start, stop),
		cmocka_unit_test_setup_teardown(test_all_at_once, start, stop),
		cmocka_unit_test_setup_teardown(test_taken_elsewhere, start, stop),
		cmocka_unit_test_setup_teardown(test_not_to_be_had, start, stop),
		cmocka_unit_test_setup_teardown(test_not_wanted, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
