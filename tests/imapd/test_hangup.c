/*
 * Clients that go away in the middle of anything: after every few turns of the
 * loop the connection is cut, and nothing is left behind: no session, no account, no
 * job that comes back to what is gone (run with ASan for that).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "command.h"
#include "imap_world.h"

#define LOGIN "a LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"\r\n"

static const struct script {
	const char *name, *text;
} scripts[] = {
	{ "nothing", "" },
	{ "half a line", "a LOG" },
	{ "half a literal", "a LOGIN {100+}\r\nabc" },
	{ "logging in", LOGIN },
	{ "wrong password", "a LOGIN " WORLD_LOGIN " wrong\r\n" },
	{ "authenticating", "a AUTHENTICATE PLAIN\r\nAGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=\r\n" },
	{ "challenged", "a AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZUBleGFtcGxlLm9yZyxyPWFiY2RlZg==\r\n" },
	{ "selecting", LOGIN "b SELECT INBOX\r\n" },
	{ "selecting twice", LOGIN "b SELECT INBOX\r\nc SELECT Sent\r\n" },
	{ "idling", LOGIN "b SELECT INBOX\r\nc IDLE\r\n" },
	{ "idling on", LOGIN "b SELECT INBOX\r\nc IDLE\r\nd NOOP\r\ne IDLE\r\nDONE\r\n" },
	{ "looking", LOGIN "b SELECT INBOX\r\nc NOOP\r\nd CHECK\r\n" },
	{ "listing", LOGIN "b LIST \"\" *\r\nc LSUB \"\" *\r\nd STATUS INBOX (MESSAGES)\r\n" },
	{ "closing", LOGIN "b SELECT INBOX\r\nc CLOSE\r\n" },
	{ "making and deleting", LOGIN "b CREATE x\r\nc SELECT x\r\nd DELETE x\r\ne NOOP\r\n" },
	{ "leaving", LOGIN "b SELECT INBOX\r\nc LOGOUT\r\nd NOOP\r\n" },
	{ "STARTTLS and garbage", "a STARTTLS\r\nb NOOP\r\n" },
	{ "appending",
	  LOGIN "b SELECT INBOX\r\nc APPEND INBOX (\\Seen kw) {7+}\r\na: b\r\n\n\r\nd NOOP\r\n" },
	{ "fetching", LOGIN "b SELECT INBOX\r\nc FETCH 1:* FULL\r\nd FETCH 1:* BODY[]\r\n" },
	{ "storing",
	  LOGIN "b SELECT INBOX\r\nc STORE 1:* +FLAGS (kw2 \\Seen)\r\nd STORE 1:* -FLAGS (kw2 \\Seen)\r\n" },
	{ "searching", LOGIN "b SELECT INBOX\r\nc SEARCH OR SUBJECT x BODY y\r\nd SEARCH ALL\r\n" },
	{ "sorting", LOGIN "b SELECT INBOX\r\nc SORT (SUBJECT REVERSE DATE) UTF-8 ALL\r\nd UID SORT RETURN "
	                   "(ALL) (TO) UTF-8 BODY y\r\n" },
	{ "threading",
	  LOGIN "b SELECT INBOX\r\nc THREAD REFERENCES UTF-8 ALL\r\nd UID THREAD REFS UTF-8 BODY y\r\n" },
	{ "copying", LOGIN "b SELECT INBOX\r\nc COPY 1 INBOX\r\nd UID COPY 1:* Archive\r\n" },
	{ "moving", LOGIN "b SELECT INBOX\r\nc MOVE 1 INBOX\r\nd UID MOVE 1:3 Archive\r\n" },
	{ "expunging",
	  LOGIN "b SELECT INBOX\r\nc STORE 1 +FLAGS (\\Deleted)\r\nd EXPUNGE\r\ne UID EXPUNGE 1:*\r\n" },
};

static bool is_empty(struct world *world)
{
	return !world->imapd->n_sessions && !map_count(world->imapd->peers);
}

static void cut_after(struct world *world, const struct script *script, int steps, bool half_close)
{
	struct client *client = &world->clients[0];
	int64_t end = clock_mono_ms() + WORLD_PATIENCE;

	*client = (struct client){ 0 };
	world_client(world, 0);
	client_send(client, slice_str(script->text));
	for (int i = 0; i < steps; i++)
		loop_step(world->daemon.loop, 1);
	if (client->conn && half_close)
		conn_close(client->conn);
	else if (client->conn)
		conn_abort(client->conn);
	while ((!is_empty(world) || client->conn) && clock_mono_ms() < end)
		loop_step(world->daemon.loop, 5);
	if (!is_empty(world))
		fail_msg("%s, cut after %d steps: a session is left", script->name, steps);
}

static void test_hangups(void **state)
{
	struct world *world = world_new();

	(void)state;
	log_set_level(LOG_ERROR + 1); /* refused logins are no news here */
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		for (int steps = 0; steps < 40; steps += 1 + steps / 4) {
			/* guesses must not add up to a lockout */
			lockout_succeeded(world->imapd->lockout, "local", SLICE(WORLD_LOGIN));
			cut_after(world, &scripts[i], steps, false);
			cut_after(world, &scripts[i], steps, true);
		}
	}
	world_free(world);
}

/* The process ends while commands are at work: they end first, then everybody is told BYE. */
static void test_drain(void **state)
{
	(void)state;
	for (int steps = 0; steps < 30; steps += 3) {
		struct world *world = world_new();

		for (unsigned i = 0; i < WORLD_CLIENTS; i++)
			client_send(world_client(world, i), slice_str(scripts[7 + i].text));
		for (int i = 0; i < steps; i++)
			loop_step(world->daemon.loop, 1);
		imapd_drain(world->imapd);
		for (unsigned i = 0; i < WORLD_CLIENTS; i++)
			assert_true(client_is_closed(&world->clients[i]));
		assert_true(is_empty(world));
		world_free(world);
	}
}

/* A command that would wait for its client's next line when it is back from the store does not begin to. */
static void test_drain_before_lines(void **state)
{
	static const char *const texts[] = {
		LOGIN "b SELECT INBOX\r\nc IDLE\r\n",
		"c AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZUBleGFtcGxlLm9yZyxyPWFiY2RlZg==\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct world *world = world_new();
		struct client *client = world_client(world, 0);
		const struct session *s = list_item(world->imapd->sessions.next, struct session, node);
		const int64_t until = clock_mono_ms() + WORLD_PATIENCE;

		client_send(client, slice_str(texts[i]));
		while ((!s->cmd || strcmp(s->cmd->tag, "c") != 0) && clock_mono_ms() < until)
			loop_step(world->daemon.loop, 1);
		assert_non_null(s->cmd);
		assert_false(s->cmd->reads_lines);
		imapd_drain(world->imapd);
		assert_true(client_is_closed(client));
		assert_true(is_empty(world));
		world_free(world);
	}
}

/* And when it ends without waiting for anybody. */
static void test_abrupt_end(void **state)
{
	(void)state;
	for (int steps = 0; steps < 30; steps += 3) {
		struct world *world = world_new();

		for (unsigned i = 0; i < WORLD_CLIENTS; i++)
			client_send(world_client(world, i), slice_str(scripts[7 + i].text));
		for (int i = 0; i < steps; i++)
			loop_step(world->daemon.loop, 1);
		loop_stop(world->daemon.loop);
		loop_run(world->daemon.loop, 0);
		world_free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hangups),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_before_lines),
		cmocka_unit_test(test_abrupt_end),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
