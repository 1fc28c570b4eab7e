/*
 * NOTIFY (RFC 5465) where a dialogue cannot hold it: a nudge that gets lost, clients that do not read or hang up, and a
 * large message that is sent beside another.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>

#include "imap_exchange.h"
#include "suite/share.h"
#include "watch.h"

#define LARGE (3 * 1024 * 1024)
#define WATCH "NOTIFY SET (selected NONE) (personal (MessageNew MessageExpunge FlagChange))"

static struct world *world;
static struct client *client;

static void start(const char *notify)
{
	world = world_new();
	client = open_inbox(world, 0);
	expect(client, notify, " OK ");
}

static void deliver(const char *path)
{
	world_deliver(world, path, SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
}

static bool heard_status;

static const char *hear(const char *part)
{
	const char *line;

	do {
		line = client_line(client, world->arena, WORLD_PATIENCE);
		assert_non_null(line);
		heard_status |= strncmp(line, "* STATUS Archive ", 17) == 0;
	} while (!strstr(line, part));
	return line;
}

static void step_for(int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end)
		loop_step(world->daemon.loop, 10);
}

/* As another process would, with its nudge lost: the poll finds it. */
static void test_lost_nudge(void **state)
{
	struct bus *bus;

	(void)state;
	world = world_new();
	imapd_conf.poll = 300;
	client = open_inbox(world, 0);
	expect(client, WATCH, " OK ");
	step_for(100);
	bus = world->daemon.stack->bus;
	world->daemon.stack->bus = NULL;
	deliver("Archive");
	world->daemon.stack->bus = bus;
	hear("* STATUS Archive (MESSAGES 1 ");
	world_free(world);
}

static void share_inbox_with(const char *login)
{
	const struct change_by by = { "test", "local" };
	const struct account_new new = { .address = slice_str(login), .password = SLICE(WORLD_PASSWORD) };
	struct stack *stack = world->daemon.stack;
	struct account guest;
	struct why why = { "" };

	world_must(account_create(stack, &by, &new, world->arena, &guest, &why), &why, "account");
	world_must(share_set(stack, &world->owner, &world->account.inbox, &guest.id, ACL_SET,
	                     ACL_LOOKUP | ACL_READ, &why),
	           &why, "sharing");
}

/* What others share changes behind the back of the first look, which only then tells that it is shared. */
static void test_missed_nudge(void **state)
{
	(void)state;
	world = world_new();
	share_inbox_with("bob@example.org");
	client = world_client(world, 0);
	expect(client, "LOGIN bob@example.org \"" WORLD_PASSWORD "\"", " OK ");
	expect(client, "NOTIFY SET (subtree Shared (MessageNew MessageExpunge))", " OK ");
	poll(NULL, 0, 200); /* the look is over, and not yet back */
	world_lose_nudges(world, true);
	deliver("INBOX");
	world_lose_nudges(world, false);
	watches_nudge(world->imapd, &world->account.id, &world->account.inbox);
	hear("* STATUS Shared/alice@example.org/INBOX (MESSAGES 1 ");
	world_free(world);
}

/* However much happens while the client does not read, it hears the sum of it. */
static void test_slow_reader(void **state)
{
	(void)state;
	start(WATCH);
	conn_pause(client->conn, true);
	for (unsigned i = 0; i < 50; i++) {
		deliver("Archive");
		deliver("Junk");
		step_for(20);
	}
	step_for(600);
	conn_pause(client->conn, false);
	hear("* STATUS Archive (MESSAGES 50 ");
	hear("* STATUS Junk (MESSAGES 50 ");
	expect(client, "NOOP", " OK ");
	world_free(world);
}

static void deliver_large(void)
{
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, "Subject: large\r\n\r\n");
	while (text.len < LARGE)
		buf_adds(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
	world_deliver(world, "INBOX", buf_slice(&text), 0);
	buf_done(&text);
}

/* Lines of a literal are all the same: another one in between would be seen. Gives the line behind it. */
static const char *skip_literal(void)
{
	unsigned size, got = 0;
	const char *line = hear("BODY[] {");

	assert_int_equal(sscanf(strchr(line, '{'), "{%u}", &size), 1);
	while (got < size) {
		line = client_line(client, world->arena, WORLD_PATIENCE);
		assert_non_null(line);
		if (line[0] && line[0] != 'a' && strcmp(line, "Subject: large") != 0)
			fail_msg("\"%.100s\" within a message", line);
		got += (unsigned)strlen(line) + 2;
	}
	assert_int_equal(got, size);
	return client_line(client, world->arena, WORLD_PATIENCE);
}

/* A FETCH is sending a large message when another comes in that is to be fetched unasked. */
static void test_beside_fetch(void **state)
{
	(void)state;
	world = world_new();
	deliver_large();
	client = open_inbox(world, 0);
	expect(client,
	       "NOTIFY SET (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge)) (personal (MessageNew "
	       "MessageExpunge))",
	       " OK ");
	expect(client, "UID SEARCH RETURN (UPDATE COUNT) BODY aaaa", " COUNT 1");
	deliver_large();
	hear("2 EXISTS");
	client_send(client, SLICE("f UID FETCH 1 BODY.PEEK[]\r\n"));
	deliver_large();
	deliver("Archive");
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(skip_literal(), ")");
	if (!heard_status)
		hear("* STATUS Archive");
	expect(client, "NOOP", " OK ");
	world_free(world);
}

/* What is under way ends with the session. */
static void test_hang_up(void **state)
{
	(void)state;
	start("NOTIFY SET (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge)) (personal (MailboxName))");
	deliver_large();
	deliver("Archive");
	hear("EXISTS");
	conn_close(client->conn);
	step_for(200);
	assert_int_equal(map_count(world->imapd->watches), 0);
	world_free(world);
}

/* So many names that each change would cost too much. */
static void test_too_expensive(void **state)
{
	struct buf command;

	(void)state;
	start("NOTIFY NONE");
	buf_init(&command, BUF_NO_LIMIT);
	buf_adds(&command, "NOTIFY SET (mailboxes (INBOX");
	for (unsigned i = 1; i < NOTIFY_PATHS_MAX; i++)
		buf_printf(&command, " m%u", i);
	buf_adds(&command, ") (MessageNew MessageExpunge))");
	expect(client, arena_strz(world->arena, buf_slice(&command)), " OK ");
	buf_adds(&command, " (subtree x (MailboxName))");
	expect(client, arena_strz(world->arena, buf_slice(&command)), "NO [NOTIFICATIONOVERFLOW]");
	buf_done(&command);
	world_free(world);
}

/* The process ends while sessions listen. */
static void test_end(void **state)
{
	(void)state;
	start("NOTIFY SET (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge)) (personal (MailboxName))");
	deliver_large();
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_nudge),   cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_beside_fetch), cmocka_unit_test(test_hang_up),
		cmocka_unit_test(test_end),          cmocka_unit_test(test_too_expensive),
		cmocka_unit_test(test_missed_nudge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
