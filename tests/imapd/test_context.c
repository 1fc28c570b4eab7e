/* Searches that go on (RFC 5267), where a dialogue cannot hold them: as many as there may be, and what is under way aside
 * when the mailbox or the session ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "context.h"
#include "imap_exchange.h"

#define MANY 1200

static struct world *world;
static struct client *client;

static void start(unsigned messages)
{
	world = world_new();
	for (unsigned i = 0; i < messages; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	client = open_inbox(world, 0);
}

static struct session *session_of_world(void)
{
	return list_item(world->imapd->sessions.next, struct session, node);
}

static void test_limit(void **state)
{
	char command[64];

	(void)state;
	start(1);
	for (unsigned i = 0; i < CONTEXTS_MAX; i++)
		expect_not(client, "SEARCH RETURN (UPDATE COUNT) ALL", "NOUPDATE");
	expect(client, "SEARCH RETURN (UPDATE COUNT) ALL", "NO [NOUPDATE \"");
	expect(client, "SEARCH RETURN (UPDATE COUNT) ALL", "COUNT 1");
	for (unsigned i = 0; i < 60; i++) { /* whatever their tags are */
		snprintf(command, sizeof(command), "CANCELUPDATE \"t%u\"", i);
		expect(client, command, "OK");
	}
	expect_not(client, "SEARCH RETURN (UPDATE COUNT) ALL", "NOUPDATE");
	world_free(world);
}

/* A line that begins so comes, without anybody asking. */
static void hear(const char *part)
{
	const char *line;

	do {
		line = client_line(client, world->arena, WORLD_PATIENCE);
		assert_non_null(line);
	} while (!strstr(line, part));
}

/* Hundreds of messages that only their text decides about, in several batches. */
static void test_content(void **state)
{
	(void)state;
	start(1);
	expect(client, "UID SEARCH RETURN (UPDATE COUNT) BODY text FROM bob", "COUNT 0");
	expect(client, "UID SEARCH RETURN (UPDATE COUNT) BODY text", "COUNT 1");
	for (unsigned i = 0; i < MANY; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	client_send(client, SLICE("x NOOP\r\ny IDLE\r\n"));
	hear("ADDTO (0 2:1201)");
	client_send(client, SLICE("DONE\r\n"));
	hear("y OK");
	world_free(world);
}

/* More keys than may be asked at once are asked aside: all that changed is told all the same. */
static void test_many_keys(void **state)
{
	struct buf command;

	(void)state;
	start(MANY);
	buf_init(&command, BUF_NO_LIMIT);
	buf_adds(&command, "SEARCH RETURN (UPDATE COUNT) UNSEEN");
	for (unsigned i = 0; i < 200; i++)
		buf_adds(&command, " LARGER 1");
	expect(client, arena_strz(world->arena, buf_slice(&command)), "COUNT 1200");
	client_send(client, SLICE("x STORE 1:* +FLAGS.SILENT (\\Seen)\r\n"));
	hear("REMOVEFROM (0 1:1200)");
	buf_done(&command);
	world_free(world);
}

/* Every other message is expunged: their numbers are those from before. */
static void test_ghosts(void **state)
{
	struct client *other;

	(void)state;
	start(9);
	expect(client, "SEARCH RETURN (UPDATE COUNT) ALL", "COUNT 9");
	other = open_inbox(world, 1);
	expect(other, "STORE 2,4,6:7 +FLAGS.SILENT (\\Deleted)", "OK");
	expect(other, "EXPUNGE", "OK");
	expect(client, "FETCH 1 UID", "REMOVEFROM (0 2,4,6:7)");
	expect(client, "NOOP", "* 2 EXPUNGE");
	world_free(world);
}

/* What is under way aside ends with what it is for. */
static void test_ends(void **state)
{
	static const char *const ends[] = { "UNSELECT", "SELECT Archive", "LOGOUT", "UNAUTHENTICATE" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		start(1);
		expect(client, "SEARCH RETURN (UPDATE COUNT) BODY text", "COUNT 1");
		for (unsigned n = 0; n < 600; n++)
			world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
		expect(client, "NOOP", "601 EXISTS");
		assert_non_null(session_of_world()->aside);
		expect(client, ends[i], " OK ");
		world_free(world);
	}
	start(1); /* the client hangs up */
	expect(client, "SEARCH RETURN (UPDATE COUNT) BODY text", "COUNT 1");
	for (unsigned n = 0; n < 600; n++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	expect(client, "NOOP", "601 EXISTS");
	conn_close(client->conn);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),     cmocka_unit_test(test_content),
		cmocka_unit_test(test_many_keys), cmocka_unit_test(test_ghosts),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
