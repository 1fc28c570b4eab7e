/* Object identifiers: a mailbox keeps its own through RENAME, copies of a message share theirs, SEARCH finds them by it,
 * and nobody can tell from it what is stored under which id. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"
#include "object_id.h"

/* What stands behind the first `mark`, up to ")". */
static const char *between(struct arena *arena, const char *text, const char *mark)
{
	const char *from = strstr(text, mark), *to;

	if (!from)
		fail_msg("no \"%s\" in \"%.600s\"", mark, text);
	from += strlen(mark);
	to = strchr(from, ')');
	assert_non_null(to);
	return arena_strz(arena, slice_of(from, (size_t)(to - from)));
}

static const char *ask(struct client *client, struct arena *arena, const char *command, const char *mark)
{
	return between(arena, exchange(client, arena, command), mark);
}

static void test_mailbox(void **state)
{
	struct world *world = world_new();
	struct client *client = open_inbox(world, 0);
	struct arena *arena = arena_new();
	const char *made = ask(client, arena, "CREATE one", "[MAILBOXID (");

	(void)state;
	assert_string_equal(made, ask(client, arena, "SELECT one", "[MAILBOXID ("));
	assert_string_equal(made, ask(client, arena, "STATUS one (MAILBOXID)", "(MAILBOXID ("));
	expect(client, "RENAME one two", " OK ");
	assert_string_equal(made, ask(client, arena, "STATUS two (MAILBOXID)", "(MAILBOXID ("));
	assert_string_equal(made, ask(client, arena, "EXAMINE two", "[MAILBOXID ("));
	assert_string_equal(made,
	                    ask(client, arena, "LIST \"\" two RETURN (STATUS (MAILBOXID))", "(MAILBOXID ("));
	assert_string_not_equal(made, ask(client, arena, "CREATE one", "[MAILBOXID ("));
	arena_free(arena);
	world_free(world);
}

static void test_message(void **state)
{
	struct world *world = world_new();
	struct client *client;
	struct arena *arena = arena_new();
	const char *one, *two;

	(void)state;
	world_deliver(world, "INBOX", SLICE("Subject: one\r\n\r\n1\r\n"), 0);
	world_deliver(world, "INBOX", SLICE("Subject: one\r\n\r\n1\r\n"), 0);
	client = open_inbox(world, 0);
	one = ask(client, arena, "FETCH 1 (EMAILID THREADID)", "(THREADID NIL EMAILID (");
	two = ask(client, arena, "FETCH 2 EMAILID", "(EMAILID (");
	assert_int_equal(strlen(one), 33);
	assert_string_not_equal(one, two);
	expect(client, "COPY 2 Sent", " OK ");
	expect(client, arena_printf(arena, "SEARCH EMAILID %s", two), "* SEARCH 2\r\n");
	expect(client, arena_printf(arena, "SEARCH NOT EMAILID %s", two), "* SEARCH 1\r\n");
	expect(client, arena_printf(arena, "SEARCH EMAILID %s SUBJECT one", one), "* SEARCH 1\r\n");
	expect(client, arena_printf(arena, "SEARCH OR EMAILID %s BODY 1", one), "* SEARCH 1 2\r\n");
	expect(client, arena_printf(arena, "SEARCH EMAILID %s BODY 2", one), "* SEARCH\r\n");
	expect(client, arena_printf(arena, "SEARCH THREADID %s", one), "* SEARCH\r\n");
	expect(client, "SEARCH EMAILID Mffffffffffffffffffffffffffffffff", "* SEARCH\r\n");
	expect(client, "SEARCH EMAILID x", "* SEARCH\r\n");
	expect(client, "SEARCH NOT EMAILID x", "* SEARCH 1 2\r\n");
	expect(client, "SEARCH EMAILID", " BAD ");
	expect(client, "SELECT Sent", " OK ");
	assert_string_equal(two, ask(client, arena, "UID FETCH 1 (FLAGS EMAILID)", "EMAILID ("));
	arena_free(arena);
	world_free(world);
}

/* Two accounts with one content, and one account with two. */
static void test_keyed(void **state)
{
	struct account_key *alice, *bob;
	const struct id one = { { 1 } }, two = { { 2 } };
	struct object_id plain = object_id_of_mailbox(&one), hers;
	struct id raw;

	(void)state;
	rand_start();
	alice = account_key_new(1);
	bob = account_key_new(1);
	hers = object_id_of_content(alice, &one);
	assert_string_equal(hers.text, object_id_of_content(alice, &one).text);
	assert_string_not_equal(hers.text, object_id_of_content(alice, &two).text);
	assert_string_not_equal(hers.text, object_id_of_content(bob, &one).text);
	assert_string_not_equal(hers.text + 1, plain.text + 1);
	assert_true(object_id_parse('M', slice_str(hers.text), &raw));
	assert_memory_equal(raw.raw, object_id_raw(alice, &one).raw, sizeof(raw.raw));
	account_key_unref(alice);
	account_key_unref(bob);
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "M000102030405060708090a0b0c0d0e0f", true },
		{ "F000102030405060708090a0b0c0d0e0f", false },
		{ "M000102030405060708090A0B0C0D0E0F", false },
		{ "M000102030405060708090a0b0c0d0e0", false },
		{ "M000102030405060708090a0b0c0d0e0f0", false },
		{ "M", false },
		{ "", false },
		{ "M000102030405060708090a0b0c0d0e0g", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct id id;

		if (object_id_parse('M', slice_str(cases[i].text), &id) != cases[i].good)
			fail_msg("%s", cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mailbox),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_keyed),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
