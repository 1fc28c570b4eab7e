/* Several messages in one APPEND: one commit, whatever their number and size; all of them or none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"

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

/* The account has room for each of them, but not for all. */
static void test_quota(void **state)
{
	struct world *world = world_new();
	const struct change_by by = { "test", "local" };
	struct client *client;
	struct account account;
	struct why why = { "" };

	(void)state;
	world_must(account_get(world->daemon.stack, &world->account.id, world->arena, &account, &why), &why,
	           "get");
	account.quota = 5000;
	world_must(account_put(world->daemon.stack, &by, &account, &why), &why, "quota");
	client = open_inbox(world, 0);
	expect(client, several(world->arena, 2, 3000), "NO [OVERQUOTA]");
	assert_int_equal(head_of(world, "INBOX").messages, 0);
	expect(client, several(world->arena, 2, 2000), "OK [APPENDUID ");
	assert_int_equal(head_of(world, "INBOX").messages, 2);
	expect(client, "GETQUOTA \"\"", "* QUOTA \"\" (STORAGE 4 4)\r\n");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_commit),
		cmocka_unit_test(test_quota),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
