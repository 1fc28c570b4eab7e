/* Several messages in one APPEND: one commit, whatever their number and size; all of them or none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"
#include "store/record.h"
#include "suite/check.h"

/* " {n+}" and a message of `len` bytes, `n` times. */
static const char *several(struct arena *arena, unsigned n, unsigned len)
{
	struct buf text;
	const char *command;

	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, "APPEND INBOX");
	while (n--) {
		buf_printf(&text, " {%u+}\r\na: ", len);
		for (unsigned i = 3; i < len; i++)
			buf_addc(&text, 'x');
	}
	command = arena_strz(arena, buf_slice(&text));
	buf_done(&text);
	return command;
}

static const struct append_case {
	const char *name;
	unsigned n, len;
	const char *reply;
	bool taken;
} append_cases[] = {
	{ "one", 1, 10, "OK [APPENDUID ", true },
	{ "two", 2, 10, "OK [APPENDUID ", true },
	{ "more than one run stores", 50, 10, "OK [APPENDUID ", true },
	{ "of which some are no small literals", 40, 2000, "OK [APPENDUID ", true },
	{ "of which each is more than a run", 3, 1200000, "OK [APPENDUID ", true },
	{ "as many as there may be", 1000, 3, "OK [APPENDUID ", true },
	{ "one more", 1001, 3, "NO [MESSAGELIMIT 1000]", false },
};

static void test_one_commit(void **state)
{
	struct world *world = world_new();
	struct client *client = open_inbox(world, 0);

	(void)state;
	imapd_conf.save_limit = 1000;
	for (size_t i = 0; i < ARRAY_LEN(append_cases); i++) {
		const struct append_case *c = &append_cases[i];
		struct arena *arena = arena_new();
		const struct mailbox_head before = head_of(world, "INBOX");
		const char *got = exchange(client, arena, several(arena, c->n, c->len));
		const struct mailbox_head after = head_of(world, "INBOX");
		const unsigned n = c->taken ? c->n : 0;

		if (!strstr(got, c->reply))
			fail_msg("%s: %.200s", c->name, got);
		if (c->taken && c->n > 1 &&
		    !strstr(got, arena_printf(arena, " %u:%u] ", before.uid_next, before.uid_next + n - 1)))
			fail_msg("%s: %.200s", c->name, got);
		if (after.messages != before.messages + n || after.uid_next != before.uid_next + n ||
		    after.modseq != before.modseq + c->taken)
			fail_msg("%s: %u messages, mod-sequence %llu behind %llu", c->name,
			         after.messages - before.messages, (unsigned long long)after.modseq,
			         (unsigned long long)before.modseq);
		arena_free(arena);
	}
	world_free(world);
}

static void set_quota(struct world *world, uint64_t quota)
{
	const struct change_by by = { "test", "local" };
	struct account account;
	struct why why = { "" };

	world_must(account_get(world->daemon.stack, &world->account.id, world->arena, &account, &why), &why,
	           "get");
	account.quota = quota;
	world_must(account_put(world->daemon.stack, &by, &account, &why), &why, "quota");
}

/* The account has room for each of them, but not for all. */
static void test_quota(void **state)
{
	struct world *world = world_new();
	struct client *client;

	(void)state;
	set_quota(world, 5000);
	client = open_inbox(world, 0);
	expect(client, several(world->arena, 2, 3000), "NO [OVERQUOTA]");
	assert_int_equal(head_of(world, "INBOX").messages, 0);
	expect(client, several(world->arena, 2, 2000), "OK [APPENDUID ");
	assert_int_equal(head_of(world, "INBOX").messages, 2);
	expect(client, "GETQUOTA \"\"", "* QUOTA \"\" (STORAGE 4 4)\r\n");
	world_free(world);
}

/* ---- what comes of those that were stored ---- */

static size_t contents(struct world *world)
{
	static const struct actor system = { .kind = ACTOR_SYSTEM };
	const struct record_query query = { .collection = COLL_CONTENTS, .index = -1, .limit = 1000 };
	struct record *records;
	struct why why = { "" };
	size_t n;

	world_must(record_find(world->daemon.stack->store, &system, &query, world->arena, &records, &n, &why),
	           &why, "contents");
	return n;
}

static size_t blobs(struct world *world)
{
	struct blob_info *list;
	struct why why = { "" };
	size_t n;

	world_must(blob_list(world->daemon.stack->blobs, NULL, 1000, world->arena, &list, &n, &why), &why,
	           "blobs");
	return n;
}

#define LARGE 200000 /* its sealed body is no part of its record, but a blob */

static void add_large(struct buf *command, struct arena *arena)
{
	uint8_t *text = arena_alloc(arena, LARGE);

	rand_bytes(text, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		text[i] = (uint8_t)('0' + text[i] % 64);
	buf_printf(command, "{%u+}\r\n", LARGE);
	buf_add(command, text, LARGE);
}

static void add_bad_url(struct buf *command, struct arena *arena)
{
	(void)arena;
	buf_adds(command, "CATENATE (URL \"/INBOX/;UID=9\")");
}

static void add_empty(struct buf *command, struct arena *arena)
{
	(void)arena;
	buf_adds(command, "CATENATE (TEXT {0+}\r\n)");
}

static void add_too_large(struct buf *command, struct arena *arena)
{
	buf_adds(command, "CATENATE (TEXT ");
	add_large(command, arena);
	buf_adds(command, ")");
}

static void add_keywords(struct buf *command, struct arena *arena)
{
	(void)arena;
	for (unsigned i = 0; i <= MAILBOX_KEYWORDS_MAX; i++)
		buf_printf(command, "%s(k%u) {6+}\r\na: b\r\n", i ? " " : "", i);
}

/* What fails behind others takes them with it, at once: nothing is stored, nothing counts. */
static const struct fail_case {
	const char *name;
	void (*add)(struct buf *, struct arena *);
	const char *reply;
} fail_cases[] = {
	{ "a URL that names nothing", add_bad_url, "NO [BADURL " },
	{ "an empty one", add_empty, "NO [CANNOT]" },
	{ "more than the quota", add_too_large, "NO [OVERQUOTA]" },
	{ "more keywords than there may be", add_keywords, "NO [LIMIT]" },
};

static void test_nothing_is_left(void **state)
{
	struct world *world = world_new();
	struct client *client;

	(void)state;
	set_quota(world, LARGE + LARGE / 2);
	client = open_inbox(world, 0);
	for (size_t i = 0; i < ARRAY_LEN(fail_cases); i++) {
		struct buf command;

		print_message("%s\n", fail_cases[i].name);
		buf_init(&command, BUF_NO_LIMIT);
		buf_adds(&command, "APPEND INBOX ");
		add_large(&command, world->arena);
		buf_adds(&command, " ");
		fail_cases[i].add(&command, world->arena);
		expect(client, arena_strz(world->arena, buf_slice(&command)), fail_cases[i].reply);
		assert_int_equal(contents(world), 0);
		assert_int_equal(blobs(world), 0);
		expect(client, "GETQUOTA \"\"", "(STORAGE 0 292)");
		buf_done(&command);
	}
	world_free(world);
}

/* Who hangs up while they are stored leaves what is stored to the sweeper. */
static void test_hang_up(void **state)
{
	struct world *world = world_new();
	struct client *client = open_inbox(world, 0);
	struct sweep_result swept;
	struct why why = { "" };

	(void)state;
	client_send(client,
	            slice_str(arena_printf(world->arena, "a %s\r\n", several(world->arena, 900, 10))));
	while (!contents(world))
		loop_step(world->daemon.loop, 1);
	conn_abort(client->conn);
	while (world->imapd->n_sessions || map_count(world->imapd->peers))
		loop_step(world->daemon.loop, 5);
	assert_int_equal(head_of(world, "INBOX").messages, 0);
	assert_true(contents(world) > 0 && contents(world) < 900);
	for (int i = 0; i < 2; i++)
		world_must(sweep_run(world->daemon.stack, 0, false, NULL, NULL, &swept, &why), &why, "sweep");
	assert_int_equal(contents(world), 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_commit),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_hang_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
