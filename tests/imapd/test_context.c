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
	world->imapd->update_wait = 1;
	client_send(client, SLICE("x NOOP\r\ny IDLE\r\n"));
	hear("x OK");
	hear("ADDTO (0 2:1201)");
	client_send(client, SLICE("DONE\r\n"));
	hear("y OK");
	world_free(world);
}

/* As long as a tagged reply may wait, all searches are told in front of it; what is pipelined waits behind. */
static void test_waits(void **state)
{
	(void)state;
	start(1);
	world->imapd->update_wait = 60000;
	expect(client, "UID SEARCH RETURN (UPDATE COUNT) BODY text", "COUNT 1");
	expect(client, "SEARCH RETURN (UPDATE COUNT) OR SEEN TEXT tex", "COUNT 1");
	expect(client, "SEARCH RETURN (UPDATE COUNT) NOT BODY text", "COUNT 0");
	for (unsigned i = 0; i < MANY; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	client_send(client, SLICE("x NOOP\r\ny STORE 1 +FLAGS.SILENT (\\Deleted)\r\nz EXPUNGE\r\n"));
	hear("1201 EXISTS");
	hear("UID ADDTO (0 2:1201)");
	hear(" ADDTO (0 2:1201)");
	hear("x OK");
	hear("y OK");
	hear("UID REMOVEFROM (0 1)");
	hear(" REMOVEFROM (0 1)");
	hear("* 1 EXPUNGE");
	hear("z OK");
	world_free(world);
}

/* What others expunge while a reply waits does not keep it any longer than that. */
static void test_waits_no_longer(void **state)
{
	struct client *other;

	(void)state;
	start(1);
	other = open_inbox(world, 1);
	expect(client, "SEARCH RETURN (UPDATE COUNT) BODY text", "COUNT 1");
	for (unsigned i = 0; i < MANY; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	world->imapd->update_wait = 50;
	client_send(client, SLICE("x NOOP\r\n"));
	expect(other, "UID STORE 1,3 +FLAGS.SILENT (\\Deleted)", "OK");
	expect(other, "EXPUNGE", "OK");
	hear("x OK");
	client_send(client,
	            SLICE("y STORE 2 +FLAGS.SILENT (\\Deleted)\r\nz EXPUNGE\r\n")); /* its own it is told */
	hear("y OK");
	hear("* 1 EXPUNGE");
	hear("z OK");
	assert_true(uid_set_is_empty(&session_of_world()->selected.ghosts));
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
		world->imapd->update_wait = 0;
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
	client_send(client, SLICE("x NOOP\r\n")); /* while its reply waits */
	hear("601 EXISTS");
	assert_non_null(session_of_world()->cmd);
	conn_close(client->conn);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_ghosts),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_waits_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
