/* Limits, each with the protocol's own answer: sessions, commands at once, their length, their time, their errors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <semaphore.h>

#include "command.h"
#include "imap_exchange.h"
#include "view_internal.h"

#define LOGIN "LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\""

static void expect_line(struct client *client, const char *part)
{
	struct arena *arena = arena_new();
	const char *line = client_line(client, arena, WORLD_PATIENCE);

	if (!line || !strstr(line, part))
		fail_msg("no \"%s\" in \"%s\"", part, line ? line : "(nothing)");
	arena_free(arena);
}

static void step_for(struct world *world, int64_t ms)
{
	const int64_t until = clock_mono_ms() + ms;

	while (clock_mono_ms() < until)
		loop_step(world->daemon.loop, 5);
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

/* A turn is one batch's: whoever does not read holds up nobody, and gets the rest when it reads on. */
static void test_slow_reader(void **state)
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
	step_for(world, 500);
	expect(second, "CREATE x", " OK ");
	conn_pause(first->conn, false);
	while (line && strncmp(line, "z OK", 4) != 0) {
		struct slice some = conn_peek(first->conn, 1 << 20);

		if (some.len > 2000)
			conn_take(first->conn, some.len - 1000);
		else
			line = client_line(first, arena, WORLD_PATIENCE);
	}
	assert_non_null(line);
	arena_free(arena);
	world_free(world);
}

/* ---- turns ---- */

/* Has a worker until it is told. */
struct blocker {
	struct job job;
	struct turn turn;
	sem_t go;
	bool over;
};

static void block(struct job *job, void *worker)
{
	(void)worker;
	sem_wait(&container_of(job, struct blocker, job)->go);
}

static void on_unblocked(struct job *job)
{
	struct blocker *blocker = container_of(job, struct blocker, job);

	blocker->over = true;
	turn_over(&blocker->turn);
}

static struct account_ctx *alice(struct world *world)
{
	return map_get(world->imapd->accounts, id_slice(&world->account.id));
}

static void blocker_start_of(struct world *world, struct account_ctx *account, struct blocker *blocker)
{
	*blocker = (struct blocker){
		.job = { .run = block, .done = on_unblocked, .drop = on_unblocked },
		.turn = { .account = account, .pool = world->daemon.pool, .job = &blocker->job },
	};
	sem_init(&blocker->go, 0, 0);
	assert_true(turn_start(&blocker->turn));
}

static void blocker_start(struct world *world, struct blocker *blocker)
{
	blocker_start_of(world, alice(world), blocker);
}

static void blocker_end(struct world *world, struct blocker *blocker)
{
	sem_post(&blocker->go);
	while (!blocker->over)
		loop_step(world->daemon.loop, 5);
}

/* The tags of those that wait, in their order. */
static const char *who_waits(struct world *world, struct arena *arena)
{
	const char *tags = "";

	list_each (&alice(world)->waiting, node)
		tags =
		    arena_printf(arena, "%s %s", tags, container_of(node, struct imap_cmd, turn.node)->tag);
	return tags;
}

static void make_bob(struct world *world)
{
	const struct change_by by = { "test", "local" };
	const struct account_new new = { SLICE("bob@example.org"), slice_str(WORLD_PASSWORD), SLICE("Bob"),
		                         0 };
	struct account account;
	struct why why = { "" };

	world_must(account_create(world->daemon.stack, &by, &new, world->arena, &account, &why), &why, "bob");
}

static struct session *session_of(struct world *world, const char *tag)
{
	list_each (&world->imapd->sessions, node) {
		struct session *s = list_item(node, struct session, node);

		if (s->cmd && strcmp(s->cmd->tag, tag) == 0)
			return s;
	}
	fail_msg("no session is at %s", tag);
	return NULL;
}

static struct session *session_of_guest(struct world *world)
{
	list_each (&world->imapd->sessions, node)
		if (list_item(node, struct session, node)->selected.guest)
			return list_item(node, struct session, node);
	fail_msg("nobody is a guest");
	return NULL;
}

static void test_turns(void **state)
{
	struct world *world = world_greeted();
	struct arena *arena = arena_new();
	struct blocker one, two;

	(void)state;
	make_bob(world);
	for (unsigned i = 0; i < 3; i++)
		expect(world_client(world, i), LOGIN, " OK ");
	expect(world_client(world, 3), "LOGIN bob@example.org \"" WORLD_PASSWORD "\"", " OK ");
	imapd_conf.commands_per_account = 2;
	blocker_start(world, &one);
	expect(&world->clients[0], "CREATE before", " OK "); /* the other turn */
	blocker_start(world, &two);
	client_send(&world->clients[1], SLICE("y CREATE first\r\nyy NOOP\r\n"));
	step_for(world, 50);
	client_send(&world->clients[0], SLICE("x CREATE gone\r\n"));
	step_for(world, 50);
	client_send(&world->clients[2], SLICE("z CREATE last\r\n"));
	step_for(world, 50);
	assert_string_equal(who_waits(world, arena), " y x z");
	assert_int_equal(alice(world)->at_work, 2);
	expect(&world->clients[3], "CREATE mine", " OK "); /* of another account */
	session_close(session_of(world, "x"), NULL, NULL);
	assert_string_equal(who_waits(world, arena), " y z");
	assert_null(client_line(&world->clients[2], arena, 0));
	blocker_end(world, &one);
	expect_line(&world->clients[1], "y OK ");
	expect_line(&world->clients[1], "yy OK ");
	expect_line(&world->clients[2], "z OK ");
	blocker_end(world, &two);
	assert_int_equal(alice(world)->at_work, 0);
	expect_not(&world->clients[2], "LIST \"\" *", "gone");
	arena_free(arena);
	world_free(world);
}

/* Half of the workers, whatever the setting says; and a limit that was raised is felt at the next turn. */
static void test_turns_at_once(void **state)
{
	struct world *world = world_greeted();
	struct blocker blockers[6];

	(void)state;
	expect(&world->clients[0], LOGIN, " OK ");
	imapd_conf.commands_per_account = 100;
	world->suite.workers = 4;
	for (int i = 0; i < 6; i++)
		blocker_start(world, &blockers[i]);
	assert_int_equal(alice(world)->at_work, 2);
	world->suite.workers = 8;
	blocker_end(world, &blockers[0]);
	assert_int_equal(alice(world)->at_work, 4);
	for (int i = 1; i < 6; i++)
		blocker_end(world, &blockers[i]);
	assert_int_equal(alice(world)->at_work, 0);
	world->suite.workers = 1;
	expect(&world->clients[0], "CREATE x", " OK ");
	world_free(world);
}

/* Many more than there are turns: each is answered, one after another. */
static void test_turns_of_many(void **state)
{
	struct world *world = world_greeted();
	struct arena *arena = arena_new();
	const char *line;

	(void)state;
	imapd_conf.commands_per_account = 1;
	for (unsigned i = 0; i < WORLD_CLIENTS; i++) {
		expect(world_client(world, i), LOGIN, " OK ");
		for (int n = 0; n < 20; n++)
			client_send(&world->clients[i],
			            slice_str(arena_printf(arena, "z%d CREATE c%u-%d\r\n", n, i, n)));
	}
	for (unsigned i = 0; i < WORLD_CLIENTS; i++) {
		for (int n = 0; n < 20; n++) {
			line = client_line(&world->clients[i], arena, WORLD_PATIENCE);
			assert_non_null(line);
			assert_memory_equal(line, arena_printf(arena, "z%d OK ", n), n < 10 ? 6 : 7);
			assert_true(alice(world)->at_work <= 1);
		}
	}
	expect(&world->clients[0], "LIST \"\" *", "c3-19");
	arena_free(arena);
	world_free(world);
}

/* The end comes while some wait: they go with it. */
static void test_turns_at_the_end(void **state)
{
	struct world *world = world_greeted();
	struct arena *arena = arena_new();
	struct blocker blocker;

	(void)state;
	imapd_conf.commands_per_account = 1;
	expect(&world->clients[0], LOGIN, " OK ");
	expect(world_client(world, 1), LOGIN, " OK ");
	blocker_start(world, &blocker);
	client_send(&world->clients[0], SLICE("x CREATE a\r\n"));
	client_send(&world->clients[1], SLICE("y CREATE b\r\n"));
	step_for(world, 50);
	imapd_drain(world->imapd);
	step_for(world, 50);
	blocker_end(world, &blocker);
	expect_line(&world->clients[0], "x OK ");
	expect_line(&world->clients[1], "y OK ");
	arena_free(arena);
	world_free(world);
}

#define MAILBOXES 50

struct opened {
	struct view *views[2 * MAILBOXES];
	unsigned n;
};

static void on_opened(void *arg, enum fault fault, const struct why *why, struct view *view)
{
	struct opened *opened = arg;

	world_must(fault, why, "open");
	opened->views[opened->n++] = view;
}

/* Twice each: who asks before the look has begun has its answer by that. */
static void open_many(struct world *world, struct opened *opened)
{
	char path[16];

	for (unsigned i = 0; i < 2 * MAILBOXES; i++) {
		const struct id mailbox =
		    world_mailbox(world, (snprintf(path, sizeof(path), "m%u", i / 2), path));

		view_get(world->imapd->views, alice(world), &mailbox, i % 2 ? VIEW_ROWS : 0, on_opened,
		         opened);
	}
}

static void put_all(struct opened *opened)
{
	while (opened->n)
		view_put(opened->views[--opened->n]);
}

/* Whoever opens many mailboxes at once keeps nobody waiting but itself. */
static void test_turns_of_looks(void **state)
{
	struct world *world = world_greeted();
	struct opened opened = { .n = 0 };
	struct blocker one, two;
	char command[32];

	(void)state;
	make_bob(world);
	expect(&world->clients[0], LOGIN, " OK ");
	expect(world_client(world, 1), "LOGIN bob@example.org \"" WORLD_PASSWORD "\"", " OK ");
	for (unsigned i = 0; i < MAILBOXES; i++) {
		snprintf(command, sizeof(command), "CREATE m%u", i);
		expect(&world->clients[0], command, " OK ");
	}
	expect(&world->clients[0], "SELECT INBOX", " OK ");
	imapd_conf.commands_per_account = 2;
	blocker_start(world, &one);
	blocker_start(world, &two);
	open_many(world, &opened);
	client_send(&world->clients[0], SLICE("x NOOP\r\n"));
	step_for(world, 50);
	assert_int_equal(alice(world)->at_work, 2);
	assert_int_equal(pool_waiting(world->daemon.pool), 0);
	assert_int_equal(opened.n, 0);
	assert_null(client_line(&world->clients[0], world->arena, 0));
	expect(&world->clients[1], "SELECT INBOX", " OK ");
	expect(&world->clients[1], "NOOP", " OK ");
	blocker_end(world, &one);
	blocker_end(world, &two);
	expect_line(&world->clients[0], "x OK ");
	/* its look and the last one had their turns at once */
	assert_in_range(opened.n, 2 * MAILBOXES - 2, 2 * MAILBOXES);
	for (int i = 0; i < 100 && opened.n < 2 * MAILBOXES; i++)
		step_for(world, 50);
	assert_int_equal(opened.n, 2 * MAILBOXES);
	for (unsigned i = 0; i < opened.n; i++)
		assert_int_equal(opened.views[i]->looks, 1);
	assert_int_equal(alice(world)->at_work, 0);
	put_all(&opened);
	world_free(world);
}

/* What NOTIFY tells waits for its turn, and what a guest is told for the guest's. */
static void test_turns_of_watches(void **state)
{
	struct world *world = world_greeted();
	struct client *client = &world->clients[0], *guest = world_client(world, 1);
	struct blocker one, two;

	(void)state;
	make_bob(world);
	expect(client, LOGIN, " OK ");
	expect(guest, "LOGIN bob@example.org \"" WORLD_PASSWORD "\"", " OK ");
	expect(client, "SETACL Archive bob@example.org lr", " OK ");
	expect(client, "NOTIFY SET (personal (MessageNew MessageExpunge))", " OK ");
	expect(guest, "SELECT Shared/alice@example.org/Archive", " OK ");
	expect(guest, "NOTIFY SET (selected (MessageNew MessageExpunge))", " OK ");
	step_for(world, 600); /* WATCH_PAUSE */
	imapd_conf.commands_per_account = 1;
	blocker_start_of(world, session_of_guest(world)->account, &one);
	world_deliver(world, "Archive", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	expect_line(client, "* STATUS Archive ");
	step_for(world, 50);
	assert_null(client_line(guest, world->arena, 0));
	blocker_end(world, &one);
	expect_line(guest, "* 1 EXISTS");
	blocker_start(world, &two);
	world_deliver(world, "Sent", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	step_for(world, 600);
	assert_null(client_line(client, world->arena, 0));
	blocker_end(world, &two);
	expect_line(client, "* STATUS Sent ");
	world_free(world);
}

static void on_refused_look(void *arg, enum fault fault, const struct why *why, struct view *view)
{
	(void)why, (void)view;
	*(enum fault *)arg = fault;
}

static void on_alone(struct job *job)
{
	container_of(job, struct blocker, job)->over = true;
}

/* A look that waits, and then the pool is full: it is answered with a fault, and the mailbox opens later. */
static void test_turn_of_look_refused(void **state)
{
	const struct pool_conf small = { .name = "small", .threads = 1, .queue_max = 0 };
	struct world *world = world_greeted();
	const struct id inbox = world_mailbox(world, "INBOX");
	struct pool *large = world->daemon.pool, *pool = pool_new(world->daemon.loop, &small);
	enum fault fault = FAULT_NONE;
	struct blocker one, other;

	(void)state;
	expect(&world->clients[0], LOGIN, " OK ");
	imapd_conf.commands_per_account = 1;
	blocker_start(world, &one);
	world->imapd->views->conf.pool = pool;
	view_get(world->imapd->views, alice(world), &inbox, 0, on_refused_look, &fault);
	other = (struct blocker){ .job = { .run = block, .done = on_alone, .drop = on_alone } };
	sem_init(&other.go, 0, 0);
	assert_true(job_start(pool, &other.job));
	blocker_end(world, &one);
	assert_int_equal(fault, FAULT_TEMP);
	assert_int_equal(alice(world)->at_work, 0);
	blocker_end(world, &other);
	world->imapd->views->conf.pool = large;
	expect(&world->clients[0], "SELECT INBOX", " OK ");
	pool_free(pool);
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
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_turns_at_once),
		cmocka_unit_test(test_turns_of_many),
		cmocka_unit_test(test_turns_at_the_end),
		cmocka_unit_test(test_turns_of_looks),
		cmocka_unit_test(test_turns_of_watches),
		cmocka_unit_test(test_turn_of_look_refused),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
