/* Capabilities taken away: from everybody, from clients by their ID, from one account; also under way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"

static void take(const char **rows, size_t n)
{
	imapd_conf.capabilities_off = (struct conf_list){ rows, n };
}

/* The account's record, as an operator writes it; sessions hear of it by the nudge. */
static void take_from_account(struct world *world, const char *names)
{
	const struct change_by by = { "test", "local" };
	struct account account;
	struct why why = { "" };

	world_must(account_get(world->daemon.stack, &world->account.id, world->arena, &account, &why), &why,
	           "account");
	account.capabilities_off = names;
	world_must(account_put(world->daemon.stack, &by, &account, &why), &why, "account");
}

static struct client *log_in(struct world *world, unsigned number)
{
	struct client *client = world_client(world, number);

	expect(client, "LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"", " OK ");
	return client;
}

static void test_from_everybody(void **state)
{
	const char *rows[] = { "MOVE thread COMPRESS=DEFLATE QRESYNC", "AUTH=PLAIN" };
	struct world *world = world_new();
	struct client *client;

	(void)state;
	take(rows, 2);
	client = world_client(world, 0);
	expect(client, "CAPABILITY", " UNSELECT CHILDREN SPECIAL-USE ID ");
	expect_not(client, "CAPABILITY", "THREAD");
	expect_not(client, "CAPABILITY", "COMPRESS");
	expect_not(client, "CAPABILITY", "AUTH=PLAIN");
	expect(client, "AUTHENTICATE PLAIN AGEAYg==", " NO ");
	log_in(world, 0);
	expect(client, "COMPRESS DEFLATE", " BAD Unknown command");
	expect(client, "ENABLE QRESYNC CONDSTORE", "* ENABLED CONDSTORE\r\n");
	expect(client, "SELECT INBOX", " OK ");
	expect(client, "THREAD REFS UTF-8 ALL", " BAD Unknown command");
	expect(client, "UID MOVE 1 Trash", " BAD Unknown command");
	expect(client, "UID COPY 1 Trash", " OK ");
	expect(client, "SORT (DATE) UTF-8 ALL", " OK ");
	take(NULL, 0);
	world_free(world);
}

#define MAIL "Subject: x\r\n\r\nx\r\n"

/* What a client did not ask for is left out with the capability that it belongs to; what it asks for it gets. */
static void test_what_is_told_unasked(void **state)
{
	const char *many = "CHILDREN SPECIAL-USE CONDSTORE QRESYNC UIDPLUS NOTIFY";
	struct {
		const char *capability, *command, *word;
	} cases[] = {
		{ "CHILDREN", "LIST \"\" *", "\\HasNoChildren" },
		{ "SPECIAL-USE", "LIST \"\" *", "\\Sent" },
		{ "OBJECTID", "CREATE made", "[MAILBOXID" },
		{ "OBJECTID", "SELECT INBOX", "[MAILBOXID" },
		{ "CONDSTORE QRESYNC", "SELECT INBOX", "[HIGHESTMODSEQ" },
		{ "QRESYNC", "SELECT INBOX", "[CLOSED]" },
		{ "UIDPLUS", "APPEND INBOX {17+}\r\n" MAIL, "[APPENDUID" },
		{ "UIDPLUS", "COPY 1 Trash", "[COPYUID" },
		{ "UIDPLUS", "MOVE 1 Trash", "[COPYUID" },
		{ "UIDPLUS", "REPLACE 1 INBOX {17+}\r\n" MAIL, "[APPENDUID" },
		{ "INPROGRESS", "SEARCH BODY no", "[INPROGRESS" },
		{ "QRESYNC", "DELETE made", "[CLOSED]" },
	};
	struct world *world = world_new();
	struct client *client;

	(void)state;
	world_deliver(world, "INBOX", SLICE(MAIL), 0);
	world_deliver(world, "INBOX", SLICE(MAIL), 0);
	world_deliver(world, "INBOX", SLICE(MAIL), 0);
	world_deliver(world, "INBOX", SLICE(MAIL), 0);
	world->imapd->progress_every = 0;
	client = log_in(world, 0);
	expect(client, "SELECT INBOX", " OK ");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool makes = strncmp(cases[i].command, "CREATE", 6) == 0;

		if (strncmp(cases[i].command, "DELETE", 6) == 0)
			expect(client, "SELECT made", " OK ");
		take(&cases[i].capability, 1);
		expect_not(client, cases[i].command, cases[i].word);
		take(NULL, 0);
		if (makes)
			expect(client, "DELETE made", " OK ");
		if (strncmp(cases[i].command, "DELETE", 6) == 0) {
			expect(client, "CREATE made", " OK ");
			expect(client, "SELECT made", " OK ");
		}
		expect(client, cases[i].command, cases[i].word);
	}
	take(&many, 1);
	expect(client, "LIST \"\" * RETURN (SPECIAL-USE)", "\\Sent");
	expect(client, "NOTIFY NONE", " BAD Unknown command");
	expect(client, "SELECT INBOX (CONDSTORE)", "[HIGHESTMODSEQ");
	expect(client, "ENABLE IMAP4rev2", " OK ");
	expect(client, "COPY 1 Trash", "[COPYUID"); /* IMAP4rev2 has that of its own */
	expect(client, "SELECT INBOX", "[CLOSED]");
	take(NULL, 0);
	world_free(world);
}

static void test_from_clients_by_name(void **state)
{
	const char *rows[] = { "IDLE MOVE for Outlook*", "SORT IMAP4rev1 for * 1.?" };
	struct world *world = world_new();
	struct client *client = world_client(world, 0);

	(void)state;
	take(rows, 2);
	expect(client, "CAPABILITY", " IDLE ");
	expect(client, "ID (\"name\" \"outlook for phones\" \"version\" \"2.0\")", " OK ");
	expect_not(client, "CAPABILITY", " IDLE ");
	log_in(world, 0);
	expect(client, "IDLE", " BAD Unknown command");
	expect(client, "CAPABILITY", " SORT ");
	client = world_client(world, 1);
	expect(client, "ID (\"name\" \"Other\" \"version\" \"1.2\")", " OK ");
	log_in(world, 1);
	expect(client, "CAPABILITY", " IDLE ");
	expect_not(client, "CAPABILITY", " SORT");
	expect(client, "CAPABILITY", "CAPABILITY IMAP4rev1 ");
	take(NULL, 0);
	world_free(world);
}

static void test_from_an_account(void **state)
{
	struct world *world = world_new();
	struct client *client = log_in(world, 0);

	(void)state;
	expect(client, "CAPABILITY", " NAMESPACE ");
	take_from_account(world, "NAMESPACE QUOTA QUOTASET");
	for (int i = 0; i < 50; i++)
		loop_step(world->daemon.loop, 10);
	expect(client, "NAMESPACE", " BAD Unknown command");
	expect(client, "GETQUOTAROOT INBOX", " BAD Unknown command");
	expect_not(client, "CAPABILITY", "QUOTA");
	log_in(world, 1);
	expect_not(&world->clients[1], "CAPABILITY", "NAMESPACE");
	take_from_account(world, "");
	for (int i = 0; i < 50; i++)
		loop_step(world->daemon.loop, 10);
	expect(client, "NAMESPACE", " OK ");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_everybody),
		cmocka_unit_test(test_what_is_told_unasked),
		cmocka_unit_test(test_from_clients_by_name),
		cmocka_unit_test(test_from_an_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
