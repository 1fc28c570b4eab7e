/* A large mailbox of which there is no cache file: SELECT needs the store's head alone, and what comes behind it the rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/map.h"
#include "imap_world.h"
#include "view_internal.h"

#define MANY 3000

static struct why why;

static void say(struct client *client, const char *line, const char *wanted)
{
	struct arena *arena = arena_new();
	const char *got;

	client_send(client, slice_str(line));
	while ((got = client_line(client, arena, WORLD_PATIENCE)) &&
	       strncmp(got, wanted, strlen(wanted)) != 0)
		;
	assert_non_null(got);
	arena_free(arena);
}

static const struct view *the_view(struct world *world)
{
	const struct id inbox = world_mailbox(world, "INBOX");

	return map_get(world->imapd->views->by_mailbox, id_slice(&inbox));
}

/* MANY messages came together. */
static struct world *filled_world(void)
{
	struct world *world = world_new();
	const struct id inbox = world_mailbox(world, "INBOX");
	struct mailbox_append *appends = arena_array(world->arena, struct mailbox_append, MANY);
	struct mailbox_appended appended;

	for (uint32_t i = 0; i < MANY; i++) {
		appends[i] = (struct mailbox_append){ .content = id_new(), .tag = id_new(), .size = 10 };
		appends[i].key.kind = WRAPPED_SYMMETRIC;
		appends[i].key.generation = 1;
	}
	world_must(
	    mailbox_append(world->daemon.stack->store, &world->owner, &inbox, appends, MANY, &appended, &why),
	    &why, "append");
	return world;
}

/* Another process changes messages, tells nobody, and folds the log. */
static void change(struct world *world, uint32_t first, uint32_t last, bool expunge)
{
	const struct id inbox = world_mailbox(world, "INBOX");
	const int32_t n = (int32_t)(last - first + 1);
	struct uid_set uids;
	const struct mailbox_edit edit = {
		.expunge = expunge,
		.flags = FLAG_SEEN,
		.uids = &uids,
		.messages = expunge ? -n : 0,
		.unseen = -n,
		.bytes = expunge ? -10 * n : 0,
	};
	struct mailbox_commit commit = { .mailbox = inbox, .edits = &edit, .n_edits = 1 };
	struct store *store = world->daemon.stack->store;
	struct mailbox_head head;
	struct mailbox_log log;

	world_must(mailbox_look(store, &world->owner, &inbox, world->arena, &log, &why), &why, "look");
	commit.if_modseq = log.head.modseq;
	uid_set_init(&uids);
	uid_set_add_range(&uids, first, last);
	world_must(mailbox_commit(store, &world->owner, &commit, &head, &why), &why, "commit");
	world_must(mailbox_fold(store, &world->owner, &inbox, NULL, &why), &why, "fold");
	uid_set_done(&uids);
}

static struct client *enter(struct world *world, unsigned number, const char *select)
{
	struct client *client = world_client(world, number);

	say(client, "a LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"\r\n", "a OK");
	say(client, select, "* 3000 EXISTS");
	return client;
}

static void test_head_alone(void **state)
{
	struct world *world = filled_world();
	struct client *client = enter(world, 0, "b EXAMINE INBOX\r\n");

	(void)state;
	say(client, "", "* 3000 RECENT");
	say(client, "", "* OK [UNSEEN 1] ");
	say(client, "", "* OK [UIDNEXT 3001] ");
	say(client, "", "b OK");
	say(client, "c NOOP\r\n", "c OK");
	assert_true(view_is_bare(the_view(world)));
	assert_int_equal(the_view(world)->cache_at, 0);
	say(client, "d FETCH 2999:* (UID FLAGS)\r\n", "* 2999 FETCH (UID 2999 FLAGS (\\Recent))");
	say(client, "", "* 3000 FETCH (UID 3000 FLAGS (\\Recent))");
	say(client, "", "d OK");
	assert_false(view_is_bare(the_view(world)));
	assert_true(the_view(world)->cache_at > 0);
	world_free(world);
}

/* It is one session's, though no rows were read to say of which messages. */
static void test_recent(void **state)
{
	struct world *world = filled_world();
	struct client *first = enter(world, 0, "b SELECT INBOX\r\n"), *second;

	(void)state;
	say(first, "", "* 3000 RECENT");
	say(first, "", "b OK");
	assert_true(view_is_bare(the_view(world)));
	second = enter(world, 1, "b SELECT INBOX\r\n");
	say(second, "", "* 0 RECENT");
	say(second, "", "b OK");
	assert_true(view_is_bare(the_view(world)));
	world_deliver(world, "INBOX", SLICE("Subject: new\r\n\r\nnew\r\n"), 0);
	say(second, "c NOOP\r\n", "* 3001 EXISTS");
	say(second, "", "c OK");
	say(first, "d FETCH 7 FLAGS\r\n", "* 7 FETCH (FLAGS (\\Recent))");
	say(second, "e FETCH 7 FLAGS\r\n", "* 7 FETCH (FLAGS ())");
	world_free(world);
}

/* What was changed meanwhile is told when the rows are read, though no log has it any more. */
static void test_changed_behind_it(void **state)
{
	struct world *world = filled_world();
	struct client *client = enter(world, 0, "b EXAMINE INBOX\r\n");

	(void)state;
	say(client, "", "b OK");
	change(world, 5, 5, true);
	change(world, 8, 9, false);
	say(client, "c NOOP\r\n", "* 5 EXPUNGE");
	say(client, "", "* 7 FETCH (UID 8 FLAGS (\\Seen");
	say(client, "", "* 8 FETCH (UID 9 FLAGS (\\Seen");
	say(client, "", "c OK");
	say(client, "d FETCH 5 UID\r\n", "* 5 FETCH (UID 6)");
	world_free(world);
}

/* Where only some are seen, the rows say which the first unseen one is. */
static void test_some_seen(void **state)
{
	struct world *world = filled_world();
	struct client *client;

	(void)state;
	change(world, 1, 4, false);
	client = enter(world, 0, "b EXAMINE INBOX\r\n");
	say(client, "", "* OK [UNSEEN 5] ");
	say(client, "", "b OK");
	assert_false(view_is_bare(the_view(world)));
	world_free(world);
}

static void test_all_seen(void **state)
{
	struct world *world = filled_world();
	struct client *client;
	struct arena *arena = arena_new();
	const char *got;

	(void)state;
	change(world, 1, MANY, false);
	client = enter(world, 0, "b EXAMINE INBOX\r\n");
	while ((got = client_line(client, arena, WORLD_PATIENCE)) && strncmp(got, "b OK", 4) != 0)
		assert_null(strstr(got, "UNSEEN"));
	assert_non_null(got);
	assert_true(view_is_bare(the_view(world)));
	arena_free(arena);
	world_free(world);
}

/* Holes in the UIDs: only the rows say which messages are \Recent. */
static void test_recent_with_holes(void **state)
{
	struct world *world = filled_world();
	struct client *client = world_client(world, 0);

	(void)state;
	change(world, 10, 19, true);
	say(client, "a LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"\r\n", "a OK");
	say(client, "b SELECT INBOX\r\n", "* 2990 EXISTS");
	say(client, "", "* 2990 RECENT");
	say(client, "", "b OK");
	assert_false(view_is_bare(the_view(world)));
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head_alone),        cmocka_unit_test(test_recent),
		cmocka_unit_test(test_changed_behind_it), cmocka_unit_test(test_some_seen),
		cmocka_unit_test(test_all_seen),          cmocka_unit_test(test_recent_with_holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
