/* COMPRESS DEFLATE (RFC 4978): what it answers, and that commands go on behind it, IDLE and literals too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"

static void test_refused(void **state)
{
	struct world *world = world_new();
	struct client *client = world_client(world, 0);

	(void)state;
	expect(client, "COMPRESS DEFLATE", " BAD Log in first");
	expect(client, "LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"", " COMPRESS=DEFLATE ");
	expect(client, "COMPRESS", " BAD ");
	expect(client, "COMPRESS LZ4", " BAD ");
	expect(client, "COMPRESS DEFLATE 9", " BAD ");
	expect(client, "NOOP", " OK ");
	world_free(world);
}

static void test_session_goes_on(void **state)
{
	struct world *world = world_new();
	struct client *client = open_inbox(world, 0);

	(void)state;
	expect(client, "compress deflate", " OK ");
	conn_start_deflate(client->conn);
	expect(client, "COMPRESS DEFLATE", " NO [COMPRESSIONACTIVE] ");
	expect(client, "APPEND INBOX {13+}\r\nSubject: x\r\n\r", "[APPENDUID ");
	expect(client, "APPEND INBOX {14}\r\nSubject: x\r\n\r\n", "[APPENDUID ");
	expect(client, "FETCH 2 BODY[]", "Subject: x");
	expect(client, "IDLE\r\nDONE", " OK ");
	expect(client, "UNSELECT", " OK ");
	expect(client, "UNAUTHENTICATE", " OK ");
	conn_stop_deflate(client->conn); /* RFC 8437 3 */
	expect(client, "LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"", " OK ");
	expect(client, "COMPRESS DEFLATE", " OK ");
	conn_start_deflate(client->conn);
	expect(client, "NOOP", " OK ");
	expect(client, "LOGOUT", "* BYE ");
	world_free(world);
}

/* A client that goes on as it did before has its connection closed, and the server is well. */
static void test_plain_text_behind_it(void **state)
{
	struct world *world = world_new();
	struct client *client = open_inbox(world, 0);

	(void)state;
	client_send(client, SLICE("a COMPRESS DEFLATE\r\nb NOOP\r\nc NOOP\r\n"));
	assert_true(client_is_closed(client));
	expect(open_inbox(world, 1), "NOOP", " OK ");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_session_goes_on),
		cmocka_unit_test(test_plain_text_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
