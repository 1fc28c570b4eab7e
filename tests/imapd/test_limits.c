/* Limits, each with the protocol's own answer: sessions, commands at once, their length, their time, their errors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"

#define LOGIN "LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\""

static void expect_line(struct client *client, const char *part)
{
	struct arena *arena = arena_new();
	const char *line = client_line(client, arena, WORLD_PATIENCE);

	if (!line || !strstr(line, part))
		fail_msg("no \"%s\" in \"%s\"", part, line ? line : "(nothing)");
	arena_free(arena);
}

static struct world *world_greeted(void)
{
	struct world *world = world_new();

	world_client(world, 0);
	expect_line(&world->clients[0], "* OK ");
	return world;
}

static void test_sessions_of_an_account(void **state)
{
	struct world *world = world_greeted();
	struct client *first = &world->clients[0], *second = world_client(world, 1);

	(void)state;
	imapd_conf.sessions_per_account = 1;
	expect(first, LOGIN, " OK ");
	expect(second, LOGIN, " NO [LIMIT] Too many sessions of this account");
	expect(second, "NOOP", " OK ");
	expect(first, "LOGOUT", " OK ");
	expect(second, LOGIN, " OK ");
	world_free(world);
}

static void test_sessions_of_an_address(void **state)
{
	struct world *world = world_greeted();

	(void)state;
	imapd_conf.sessions_per_ip = 1;
	expect_line(world_client(world, 1), "* BYE [UNAVAILABLE] Too many sessions");
	assert_true(client_is_closed(&world->clients[1]));
	imapd_conf.sessions_per_ip = 100;
	imapd_conf.sessions_max = 1;
	expect_line(world_client(world, 2), "* BYE [UNAVAILABLE] Too many sessions");
	expect(&world->clients[0], "LOGOUT", " OK ");
	expect_line(world_client(world, 3), "* OK ");
	world_free(world);
}

static void test_length(void **state)
{
	struct world *world = world_greeted();
	struct client *client = &world->clients[0];
	struct arena *arena = arena_new();
	char *many;

	(void)state;
	imapd_conf.command_max = 8192;
	expect(client, LOGIN, " OK ");
	many = arena_alloc(arena, 9000);
	memset(many, 'x', 8999);
	many[8999] = '\0';
	expect(client, arena_printf(arena, "SELECT %s", many), " BAD [TOOBIG] ");
	expect(client, "SELECT {9000}", " BAD [TOOBIG] ");
	expect(client, arena_printf(arena, "SELECT {8999+}\r\n%s", many), " BAD [TOOBIG] ");
	expect(client, "APPEND INBOX {99999999999}", " NO [TOOBIG] ");
	expect(client, "NOOP", " OK ");
	client_send(client, SLICE("z APPEND INBOX {99999999999+}\r\n"));
	expect_line(client, "* BYE [TOOBIG] ");
	assert_true(client_is_closed(client));
	arena_free(arena);
	world_free(world);
}

static void test_errors(void **state)
{
	struct world *world = world_greeted();
	struct client *client = &world->clients[0];

	(void)state;
	for (int i = 0; i < 19; i++)
		expect(client, "NONSENSE", " BAD ");
	expect(client, "NOOP", " OK "); /* in a row */
	for (int i = 0; i < 20; i++)
		expect(client, "NONSENSE", " BAD ");
	expect_line(client, "* BYE Too many malformed commands");
	assert_true(client_is_closed(client));
	world_free(world);
}

/* One whose client does not read its reply is at work still. */
static void test_commands_at_once(void **state)
{
	struct world *world = world_greeted();
	struct client *first = &world->clients[0], *second = world_client(world, 1);
	size_t size = 5 << 20;
	char *text = xmalloc(size);
	struct arena *arena = arena_new();
	const char *line = "";

	(void)state;
	memset(text, 'x', size);
	memcpy(text, "a: b\r\n\r\n", 8);
	world_deliver(world, "INBOX", slice_of(text, size), 0);
	world_deliver(world, "INBOX", slice_of(text, size), 0);
	free(text);
	imapd_conf.commands_per_account = 1;
	expect(first, LOGIN, " OK ");
	expect(second, LOGIN, " OK ");
	expect(first, "SELECT INBOX", " OK ");
	conn_pause(first->conn, true);
	client_send(first, SLICE("z FETCH 1:* BODY[]\r\n"));
	for (int i = 0; i < 100; i++)
		loop_step(world->daemon.loop, 5);
	expect(second, "CREATE x", " NO [LIMIT] Too many commands of this account at once");
	expect(second, "NOOP", " OK "); /* that is no work */
	conn_pause(first->conn, false);
	while (line && strncmp(line, "z OK", 4) != 0) {
		struct slice some = conn_peek(first->conn, 1 << 20);

		if (some.len > 2000)
			conn_take(first->conn, some.len - 1000);
		else
			line = client_line(first, arena, WORLD_PATIENCE);
	}
	assert_non_null(line);
	expect(second, "CREATE x", " OK ");
	arena_free(arena);
	world_free(world);
}

/* It ends between two batches: what it did is done, and the rest is as it was. */
static void test_time(void **state)
{
	enum { MANY = 1500 };
	struct world *world = world_greeted();
	struct client *client = &world->clients[0];
	struct id inbox = world_mailbox(world, "INBOX");
	struct mailbox_append *appends = arena_array(world->arena, struct mailbox_append, MANY);
	struct mailbox_appended appended;
	struct why why = { "" };
	uint32_t left, moved;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		appends[i] = (struct mailbox_append){ .content = id_new(), .tag = id_new(), .size = 10 };
		appends[i].key.kind = WRAPPED_SYMMETRIC;
		appends[i].key.generation = 1;
	}
	world_must(
	    mailbox_append(world->daemon.stack->store, &world->owner, &inbox, appends, MANY, &appended, &why),
	    &why, "append");
	expect(client, LOGIN, " OK ");
	expect(client, "SELECT INBOX", " OK ");
	imapd_conf.command_time = -1;
	expect(client, "MOVE 1:* Trash", " NO [LIMIT] It takes too long");
	left = head_of(world, "INBOX").messages;
	moved = head_of(world, "Trash").messages;
	assert_true(moved > 0 && left > 0 && left + moved == MANY);
	imapd_conf.command_time = 60000;
	expect(client, "UID MOVE 1:* Trash", " OK ");
	assert_int_equal(head_of(world, "Trash").messages, MANY);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions_of_an_account),
		cmocka_unit_test(test_sessions_of_an_address),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_commands_at_once),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
