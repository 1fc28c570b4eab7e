/* INPROGRESS (RFC 9585) where a dialogue cannot hold it: while a worker is at work, and never within a literal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"

#define MANY  1200
#define LARGE (6 * 1024 * 1024)

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

static struct world *world_with(unsigned messages, struct client **ret)
{
	struct world *world = world_new();

	for (unsigned i = 0; i < messages; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	*ret = open_inbox(world, 0);
	return world;
}

static void test_batches(void **state)
{
	struct client *client;
	struct world *world = world_with(MANY, &client);
	const char *got, *line;
	unsigned last = 0, now, of, n = 0;

	(void)state;
	world->imapd->progress_every = 0;
	got = exchange(client, world->arena, "SEARCH BODY no"); /* too short for signatures */
	for (line = got; (line = strstr(line, "INPROGRESS (")) != NULL; line++, n++) {
		assert_int_equal(sscanf(line, "INPROGRESS (\"%*[^\"]\" %u %u)", &now, &of), 2);
		assert_true(now >= last && now < of);
		assert_int_equal(of, MANY);
		last = now;
	}
	assert_int_equal(n, 3); /* batches of 500 */
	world_free(world);
}

static void test_long_run(void **state)
{
	struct client *client;
	struct world *world = world_with(MANY, &client);
	const char *got;

	(void)state;
	world->imapd->progress_every = 1;
	got = exchange(client, world->arena, "COPY 1:* Archive");
	assert_true(count(got, "INPROGRESS (") >= 1);
	assert_non_null(strstr(got, " 0 1200)"));
	assert_non_null(strstr(got, "OK [COPYUID"));
	world->imapd->progress_every = 10000;
	assert_int_equal(count(exchange(client, world->arena, "COPY 1:* Archive"), "INPROGRESS"), 0);
	world_free(world);
}

/* A large message goes out in several steps, and nothing may come in between. */
static void test_within_literal(void **state)
{
	struct client *client;
	struct world *world = world_with(0, &client);
	struct buf text;
	const char *got, *start;

	(void)state;
	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, "Subject: large\r\n\r\n");
	while (text.len < LARGE)
		buf_adds(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
	world_deliver(world, "INBOX", buf_slice(&text), 0);
	expect(client, "NOOP", "1 EXISTS");
	world->imapd->progress_every = 0;
	got = exchange(client, world->arena, "FETCH 1 BODY.PEEK[]");
	start = strstr(got, "{");
	assert_non_null(start);
	assert_int_equal(strncmp(strchr(start, '\n') + 1, (const char *)text.data, text.len), 0);
	buf_done(&text);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_long_run),
		cmocka_unit_test(test_within_literal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
