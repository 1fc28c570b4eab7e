/* The list of mailboxes that is kept: what this process has changed is never overlooked, what others have changed only as
 * long as nobody has said so, and nobody is refused anything because of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"
#include "suite/copy.h"

#define APPEND(to) "APPEND " to " {20+}\r\nSubject: x\r\n\r\ntext\r\n"

static struct world *world;
static struct client *client;

static int start(void **state)
{
	(void)state;
	world = world_new();
	client = open_inbox(world, 1);
	expect(client, "CREATE Work", " OK ");
	expect(client, "CREATE Club", " OK ");
	expect(client, "CREATE Club/2026", " OK ");
	expect(client, APPEND("Work"), "OK [APPENDUID"); /* the list is kept from here on */
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static uint32_t messages_in(const char *path)
{
	return head_of(world, path).messages;
}

/* ---- what others do ---- */

enum act { CREATE, DELETE, DELETE_AND_CREATE, RENAME };

static enum fault act(enum act what, const char *path, struct why *why)
{
	struct stack *stack = world->daemon.stack;
	struct id made;
	enum fault fault = FAULT_NONE;

	if (what == DELETE || what == DELETE_AND_CREATE)
		fault = folder_delete(stack, &world->owner, world->key, path, why);
	if (!fault && (what == CREATE || what == DELETE_AND_CREATE))
		fault = folder_create(stack, &world->owner, world->key, path, 0, false, &made, why);
	if (!fault && what == RENAME)
		fault = folder_rename(stack, &world->owner, world->key, path, "Elsewhere", why);
	return fault;
}

/* As another process would, with its nudges lost. */
static void elsewhere(enum act what, const char *path)
{
	struct stack *stack = world->daemon.stack;
	struct bus *bus = stack->bus;
	struct why why = { "" };

	stack->bus = NULL;
	world_must(act(what, path, &why), &why, path);
	stack->bus = bus;
}

static const struct elsewhere_case {
	const char *name;
	enum act act;
	const char *path, *command, *reply;
	uint32_t messages; /* then in `path`; UINT32_MAX: it is not there */
} elsewhere_cases[] = {
	/* clang-format off */
	{ "made: it is there at once", CREATE, "New", APPEND("New"), "OK [APPENDUID", 1 },
	{ "made: to copy to", CREATE, "New", "COPY 1 New", "OK [COPYUID", 1 },
	{ "made: to select", CREATE, "New", "SELECT New", "OK [READ-WRITE]", 0 },
	{ "deleted: takes nothing", DELETE, "Work", APPEND("Work"), "NO [TRYCREATE]", UINT32_MAX },
	{ "deleted: no copies", DELETE, "Work", "COPY 1 Work", "NO [TRYCREATE]", UINT32_MAX },
	{ "deleted: nothing to select", DELETE, "Work", "SELECT Work", "NO [NONEXISTENT]", UINT32_MAX },
	{ "deleted: nothing to examine", DELETE, "Work", "EXAMINE Work", "NO [NONEXISTENT]", UINT32_MAX },
	{ "made anew: takes what comes", DELETE_AND_CREATE, "Work", APPEND("Work"), "OK [APPENDUID", 1 },
	{ "made anew: copies as well", DELETE_AND_CREATE, "Work", "COPY 1 Work", "OK [COPYUID", 1 },
	{ "made anew: moves", DELETE_AND_CREATE, "Work", "UID MOVE 1 Work", "[COPYUID", 1 },
	{ "made anew: with a keyword", DELETE_AND_CREATE, "Work",
	  "APPEND Work ($Forwarded) {20+}\r\nSubject: x\r\n\r\ntext\r\n", "OK [APPENDUID", 1 },
	{ "made anew: selected as it is now", DELETE_AND_CREATE, "Work", "SELECT Work", "* 0 EXISTS", 0 },
	{ "a mere name: takes nothing", DELETE, "Club", APPEND("Club"), "NO [TRYCREATE]", 0 },
	{ "a mere name: is not selected", DELETE, "Club", "SELECT Club", "NO [NONEXISTENT]", 0 },
	/* clang-format on */
};

static bool is_there(const char *path)
{
	struct folders folders;
	struct why why = { "" };

	world_must(folders_load(world->daemon.stack, &world->owner, world->key, world->arena, &folders, &why),
	           &why, "folders");
	return folders_find(&folders, path);
}

static void test_elsewhere(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(elsewhere_cases); i++) {
		const struct elsewhere_case *c = &elsewhere_cases[i];

		print_message("%s\n", c->name);
		start(state);
		expect(client, APPEND("INBOX"), "* 1 EXISTS");
		elsewhere(c->act, c->path);
		expect(client, c->command, c->reply);
		assert_int_equal(is_there(c->path), c->messages != UINT32_MAX);
		if (is_there(c->path))
			assert_int_equal(messages_in(c->path), c->messages);
		stop(state);
	}
}

static void test_renamed_elsewhere(void **state)
{
	struct why why = { "" };

	(void)state;
	world_must(act(RENAME, "Work", &why), &why, "rename"); /* and says so */
	loop_step(world->daemon.loop, 0);
	expect(client, APPEND("Work"), "NO [TRYCREATE]");
	assert_int_equal(messages_in("Elsewhere"), 1);
}

/* ---- what this process does ---- */

static const struct own_case {
	const char *command, *then, *reply;
} own_cases[] = {
	{ "DELETE Work", APPEND("Work"), "NO [TRYCREATE]" },
	{ "RENAME Work Play", APPEND("Work"), "NO [TRYCREATE]" },
	{ "RENAME Work Play", "SELECT Work", "NO [NONEXISTENT]" },
	{ "RENAME Work Play", APPEND("Play"), "OK [APPENDUID" },
	{ "RENAME Club Play", APPEND("Club/2026"), "NO [TRYCREATE]" },
	{ "RENAME Club Play", APPEND("Play/2026"), "OK [APPENDUID" },
	{ "CREATE Play", APPEND("Play"), "OK [APPENDUID" },
};

/* Whatever one session was told is done is so for all others. */
static void test_own(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(own_cases); i++) {
		struct client *other;
		struct bus *bus;

		start(state);
		print_message("%s, %.12s\n", own_cases[i].command, own_cases[i].then);
		other = open_inbox(world, 2);
		expect(client, APPEND("Work"), "OK [APPENDUID");
		bus = world->daemon.stack->bus;
		world->daemon.stack->bus = NULL;
		expect(other, own_cases[i].command, " OK ");
		expect(client, own_cases[i].then, own_cases[i].reply);
		world->daemon.stack->bus = bus;
		stop(state);
	}
}

/* ---- room ---- */

static void set_quota(uint64_t bytes)
{
	struct account_ctx *ctx = map_get(world->imapd->accounts, id_slice(&world->account.id));

	ctx->quota = (struct usage){ .bytes = bytes };
}

static void test_quota(void **state)
{
	struct id work = world_mailbox(world, "Work");
	struct uid_set first;
	struct why why = { "" };

	(void)state;
	set_quota(70);
	/* own appends count, whatever the list said */
	expect(client, APPEND("Work"), "OK [APPENDUID");
	expect(client, APPEND("INBOX"), "OK [APPENDUID");
	expect(client, APPEND("Work"), "NO [OVERQUOTA]");
	expect(client, "COPY 1 Work", "NO [OVERQUOTA]");
	/* somebody makes room, and nobody has said so */
	uid_set_init(&first);
	uid_set_add(&first, 1);
	world_must(copy_expunge(world->daemon.stack, &world->owner, &work, &first, &why), &why, "expunge");
	expect(client, APPEND("Work"), "OK [APPENDUID");
	expect(client, APPEND("Work"), "NO [OVERQUOTA]");
	uid_set_done(&first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test_setup_teardown(test_renamed_elsewhere, start, stop),
		cmocka_unit_test(test_own),
		cmocka_unit_test_setup_teardown(test_quota, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
