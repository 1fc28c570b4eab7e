/* Sessions over time: deadlines, clients that do not read, a store that is away. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_world.h"

#define LOGIN "a LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"\r\n"
#define MANY  6000 /* messages: their news are larger than the output that may wait */

static struct session *session_of(struct world *world)
{
	return list_item(world->imapd->sessions.prev, struct session, node);
}

/* Lines up to the one that starts with `tag`; how many start with "* " and end with `what`. */
static int count_until(struct client *client, const char *tag, const char *what)
{
	struct arena *arena = arena_new();
	const char *line;
	int n = 0;

	while ((line = client_line(client, arena, WORLD_PATIENCE)) && strncmp(line, tag, strlen(tag)) != 0)
		n += line[0] == '*' && strstr(line, what) != NULL;
	if (!line)
		fail_msg("\"%s\" never came", tag);
	arena_free(arena);
	return n;
}

static struct client *enter(struct world *world, const char *then, const char *tag)
{
	struct client *client = world_client(world, 0);

	client_send(client, SLICE(LOGIN));
	count_until(client, "a OK", "");
	client_send(client, slice_str(then));
	count_until(client, tag, "");
	return client;
}

/* ---- deadlines ---- */

/* Being busy is no way around it. */
static void test_login_timeout(void **state)
{
	struct world *world = world_new();
	struct arena *arena = arena_new();
	struct client *client;
	const char *line = "";
	int64_t start;

	(void)state;
	loop_step(world->daemon.loop, 0); /* the loop's time stood still while the account was made */
	start = clock_mono_ms();
	imapd_conf.login_timeout = 500;
	client = world_client(world, 0);
	while (line && strncmp(line, "* BYE Too slow", 14) != 0) {
		client_send(client, SLICE("a NOOP\r\n"));
		line = client_line(client, arena, WORLD_PATIENCE);
		loop_step(world->daemon.loop, 20);
	}
	assert_non_null(line);
	assert_true(clock_mono_ms() - start >= 400);
	assert_true(client_is_closed(client));
	arena_free(arena);
	world_free(world);
}

static void test_idle_timeout(void **state)
{
	struct world *world = world_new();
	struct client *client;
	int64_t start;

	(void)state;
	imapd_conf.idle_timeout = 200;
	client = enter(world, "b SELECT INBOX\r\n", "b OK");
	start = clock_mono_ms();
	count_until(client, "* BYE [UNAVAILABLE] Idle", "");
	assert_true(clock_mono_ms() - start >= 150);
	world_free(world);
}

/* A client in IDLE hears from us, and is never sent away for idling. */
static void test_still_here(void **state)
{
	struct world *world = world_new();
	struct client *client = enter(world, "b SELECT INBOX\r\nc IDLE\r\n", "+ idling");

	(void)state;
	imapd_conf.idle_timeout = 1;
	for (int i = 0; i < 3; i++) {
		conn_deadline(session_of(world)->conn, 1);
		count_until(client, "* OK Still here", "");
	}
	imapd_conf.idle_timeout = 60000;
	client_send(client, SLICE("DONE\r\n"));
	count_until(client, "c OK", "");
	world_free(world);
}

/* ---- clients that do not read ---- */

static void step_for(struct world *world, int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end)
		loop_step(world->daemon.loop, 10);
}

static void test_pipelined_flood(void **state)
{
	struct world *world = world_new();
	struct client *client = world_client(world, 0);

	(void)state;
	conn_pause(client->conn, true);
	for (int i = 0; i < 8000; i++)
		conn_puts(client->conn, "a CAPABILITY\r\n");
	conn_puts(client->conn, "z NOOP\r\n");
	conn_flush(client->conn);
	step_for(world, 300);
	assert_true(conn_unsent(session_of(world)->conn) < 256 * 1024);
	conn_pause(client->conn, false);
	assert_int_equal(count_until(client, "z OK", "* CAPABILITY"), 8000);
	world_free(world);
}

static void append_many(struct world *world, const struct id *mailbox)
{
	struct mailbox_append *appends = arena_array(world->arena, struct mailbox_append, MANY);
	struct mailbox_appended appended;
	struct why why = { "" };

	for (uint32_t i = 0; i < MANY; i++) {
		appends[i] = (struct mailbox_append){ .content = id_new(), .tag = id_new(), .size = 10 };
		appends[i].key.kind = WRAPPED_SYMMETRIC;
		appends[i].key.generation = 1;
	}
	for (uint32_t i = 0; i < MANY; i += 500)
		world_must(mailbox_append(world->daemon.stack->store, &world->owner, mailbox, appends + i,
		                          500, &appended, &why),
		           &why, "append");
}

/* Somebody else changes every message: flags, or expunges them. */
static void change_all(struct world *world, const struct id *mailbox, bool expunge)
{
	struct uid_set all;
	const struct mailbox_edit edit = {
		.expunge = expunge,
		.op = FLAGS_ADD,
		.flags = FLAG_SEEN,
		.uids = &all,
		.messages = expunge ? -MANY : 0,
		.unseen = expunge ? 0 : -MANY,
		.bytes = expunge ? -10 * MANY : 0,
	};
	struct mailbox_commit commit = { .mailbox = *mailbox, .edits = &edit, .n_edits = 1 };
	struct mailbox_log log;
	struct mailbox_head head;
	struct why why = { "" };

	world_must(mailbox_look(world->daemon.stack->store, &world->owner, mailbox, world->arena, &log, &why),
	           &why, "look");
	commit.if_modseq = log.head.modseq;
	uid_set_init(&all);
	uid_set_add_range(&all, 1, MANY);
	world_must(mailbox_commit(world->daemon.stack->store, &world->owner, &commit, &head, &why), &why,
	           "commit");
	nudge_mailbox(world->daemon.stack, &world->owner, mailbox, head.modseq);
	uid_set_done(&all);
}

static void check_slow_reader(bool idle)
{
	struct world *world = world_new();
	const struct id inbox = world_mailbox(world, "INBOX");
	struct client *client;

	append_many(world, &inbox);
	client = enter(world, "b SELECT INBOX\r\n", "b OK");
	client_send(client, idle ? SLICE("c IDLE\r\n") : SLICE(""));
	if (idle)
		count_until(client, "+ idling", "");
	conn_pause(client->conn, true);
	change_all(world, &inbox, false);
	if (!idle)
		client_send(client, SLICE("c NOOP\r\nd NOOP\r\n"));
	step_for(world, 500);
	assert_true(conn_unsent(session_of(world)->conn) < 128 * 1024);
	conn_pause(client->conn, false);
	if (!idle)
		assert_int_equal(count_until(client, "c OK", " FETCH (UID "), MANY);
	else
		assert_int_equal(
		    count_until(client, arena_printf(world->arena, "* %d FETCH", MANY), " FETCH "), MANY - 1);
	change_all(world, &inbox, true);
	client_send(client, idle ? SLICE("DONE\r\ne NOOP\r\n") : SLICE("e NOOP\r\n"));
	assert_int_equal(count_until(client, "e OK", "* 1 EXPUNGE"), MANY);
	world_free(world);
}

static void test_slow_reader(void **state)
{
	(void)state;
	check_slow_reader(false);
}

static void test_slow_reader_in_idle(void **state)
{
	(void)state;
	check_slow_reader(true);
}

/* ---- the store is away ---- */

static enum fault away_read(struct store *store, const struct actor *actor, const struct id *mailbox,
                            uint64_t since, struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	(void)store, (void)actor, (void)mailbox, (void)since, (void)arena, (void)ret;
	return fault_set(why, FAULT_TEMP, "the store is away");
}

static enum fault away_list(struct store *store, const struct actor *actor, const struct id *account,
                            struct arena *arena, struct mailbox_row **ret, size_t *ret_n, struct why *why)
{
	(void)store, (void)actor, (void)account, (void)arena, (void)ret, (void)ret_n;
	return fault_set(why, FAULT_TEMP, "the store is away");
}

static enum fault away_get(struct store *store, const struct actor *actor, enum collection collection,
                           const struct slice *keys, size_t n, bool with_body, struct arena *arena,
                           struct record *ret, struct why *why)
{
	(void)store, (void)actor, (void)collection, (void)keys, (void)n, (void)with_body, (void)arena,
	    (void)ret;
	return fault_set(why, FAULT_TEMP, "the store is away");
}

static void test_store_away(void **state)
{
	struct world *world = world_new();
	struct store *store = world->daemon.stack->store;
	const struct store_ops *there = store->ops;
	struct store_ops away = *there;
	struct client *client = enter(world, "b SELECT INBOX\r\n", "b OK"), *other = world_client(world, 1);

	(void)state;
	away.read = away_read;
	away.mailbox_list = away_list;
	away.get = away_get;
	log_set_level(LOG_ERROR + 1);
	store->ops = &away;
	client_send(client, SLICE("c NOOP\r\nd STATUS INBOX (MESSAGES)\r\ne SELECT Sent\r\n"));
	count_until(client, "c OK", ""); /* the view is as fresh as it can be */
	count_until(client, "d NO [UNAVAILABLE]", "");
	count_until(client, "e NO [UNAVAILABLE]", "");
	client_send(other, SLICE(LOGIN));
	count_until(other, "a NO [UNAVAILABLE]", "");
	store->ops = there;
	client_send(client, SLICE("f SELECT INBOX\r\n"));
	count_until(client, "f OK", "");
	client_send(other, SLICE(LOGIN)); /* and it was no failed guess */
	count_until(other, "a OK", "");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_timeout), cmocka_unit_test(test_idle_timeout),
		cmocka_unit_test(test_still_here),    cmocka_unit_test(test_pipelined_flood),
		cmocka_unit_test(test_slow_reader),   cmocka_unit_test(test_slow_reader_in_idle),
		cmocka_unit_test(test_store_away),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
