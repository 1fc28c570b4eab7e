/*
 * NOTIFY of annotations (RFC 5465 5.6, 5.7) where a dialogue cannot hold it: a nudge that gets lost, more than is watched,
 * what does not open, and what is told in more than one line.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "annotations.h"
#include "imap_exchange.h"

#define WATCH "NOTIFY SET (personal (MailboxMetadataChange ServerMetadataChange MessageNew MessageExpunge))"
#define MANY  2900 /* of the longest names, in one record */

static struct world *world;
static struct client *client;

static void start(void)
{
	world = world_new();
	imapd_conf.poll = 300;
	client = open_inbox(world, 0);
	expect(client, WATCH, " OK ");
}

static const char *hear(const char *part)
{
	const char *line;

	do {
		line = client_line(client, world->arena, WORLD_PATIENCE);
		assert_non_null(line);
	} while (!strstr(line, part));
	return line;
}

static void step_for(int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end)
		loop_step(world->daemon.loop, 10);
}

static void change(const struct account_key *key, const struct id *mailbox,
                   const struct metadata_entry *changes, size_t n)
{
	const struct metadata_place place = { &world->owner, key, world->account.id, *mailbox,
		                              METADATA_PRIVATE };
	const struct metadata_edit edit = { changes, n, 10000 };
	struct why why = { "" };

	world_must(metadata_change(world->daemon.stack, &place, &edit, &why), &why, "annotation");
}

/* As another process would, with its nudge lost. */
static void set(const struct id *mailbox, const char *name, const char *value)
{
	const struct metadata_entry entry = { slice_str(name), slice_str(value) };

	change(world->key, mailbox, &entry, 1);
}

/* The poll finds it, that something is gone too. */
static void test_lost_nudge(void **state)
{
	static const struct id server = { { 0 } };

	(void)state;
	start();
	set(&world->account.inbox, "/private/comment", "x");
	assert_string_equal(hear("METADATA"), "* METADATA INBOX /private/comment");
	set(&world->account.inbox, "/private/comment", NULL);
	assert_string_equal(hear("METADATA"), "* METADATA INBOX /private/comment");
	set(&server, "/private/comment", "x");
	assert_string_equal(hear("METADATA"), "* METADATA \"\" /private/comment");
	world_free(world);
}

static const struct metadata_entry *long_names(size_t n, size_t len)
{
	struct metadata_entry *entries = arena_array(world->arena, struct metadata_entry, n);

	for (size_t i = 0; i < n; i++) {
		char *name = arena_printf(world->arena, "/private/%0*zu", (int)(len - 9), i);

		entries[i] = (struct metadata_entry){ slice_str(name), SLICE("x") };
	}
	return entries;
}

/* Each once, in lines that are not long. */
static void test_lines(void **state)
{
	size_t names = 0, lines = 0;

	(void)state;
	start();
	change(world->key, &world->account.inbox, long_names(200, 100), 200);
	for (; names < 200; lines++) {
		const char *line = hear("* METADATA INBOX ");

		assert_true(strlen(line) < 4200);
		while ((line = strstr(line, " /private/"))) {
			line++;
			names++;
		}
	}
	assert_int_equal(names, 200);
	assert_int_equal(lines, 5);
	world_free(world);
}

static void fill(void)
{
	const struct metadata_entry *entries = long_names(MANY, METADATA_NAME_MAX);

	for (size_t i = 0; i * MANY * METADATA_NAME_MAX < ANNOTATIONS_MAX; i++) {
		const struct id mailbox = id_new();

		change(world->key, &mailbox, entries, MANY);
	}
}

/* Who has more than is watched is told so, and of nothing any more; NOTIFY for them is refused, other events are not. */
static void test_too_many(void **state)
{
	(void)state;
	start();
	fill();
	hear("* OK [NOTIFICATIONOVERFLOW] ");
	set(&world->account.inbox, "/private/comment", "x");
	world_deliver(world, "Archive", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	step_for(700);
	client_send(client, SLICE("a NOOP\r\n"));
	assert_true(strncmp(client_line(client, world->arena, WORLD_PATIENCE), "a OK ", 5) == 0);
	expect(client, WATCH, "NO [NOTIFICATIONOVERFLOW]");
	expect(client, "NOTIFY SET (personal (MailboxName))", " OK ");
	world_free(world);
}

/* The record is another account's now, by its key. */
static void damage(const struct id *mailbox, const struct metadata_entry *entry)
{
	const struct change_by by = { "test", "local" };
	const struct account_new new = { .address = SLICE("bob@example.org"),
		                         .password = SLICE(WORLD_PASSWORD) };
	const struct metadata_entry none = { .name = entry->name };
	struct stack *stack = world->daemon.stack;
	struct account other;
	struct account_key *key;
	struct why why = { "" };

	world_must(account_create(stack, &by, &new, world->arena, &other, &why), &why, "account");
	world_must(account_unlock(stack, &other, &key, &why), &why, "key");
	change(world->key, mailbox, &none, 1);
	change(key, mailbox, entry, 1);
	account_key_unref(key);
}

/* What does not open is not taken for gone; the others are told of. */
static void test_damaged(void **state)
{
	const struct metadata_entry comment = { SLICE("/private/comment"), SLICE("x") };
	struct id archive;

	(void)state;
	start();
	archive = world_mailbox(world, "Archive");
	set(&world->account.inbox, "/private/comment", "x");
	assert_string_equal(hear("METADATA"), "* METADATA INBOX /private/comment");
	damage(&world->account.inbox, &comment);
	set(&archive, "/private/comment", "x");
	assert_string_equal(hear("METADATA"), "* METADATA Archive /private/comment");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_nudge),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
