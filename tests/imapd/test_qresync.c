/* Quick resynchronisation: what SELECT tells a client that was away, against what really happened; what is long forgotten. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"
#include "vanished.h"

/* ---- what vanished ---- */

static const struct since_case {
	const char *name;
	uint64_t since, floor;
	uint32_t asked_first, asked_last; /* 0: all */
	uint32_t known_max;
	const char *wanted;
} since_cases[] = {
	/* clang-format off */
	{ "everything", 1, 1, 0, 0, 20, "2:4,8,10:12" },
	{ "the last", 7, 1, 0, 0, 20, "2,10" },
	{ "nothing since", 9, 1, 0, 0, 20, "" },
	{ "of some", 1, 1, 3, 8, 20, "3:4,8" },
	{ "to the end", 1, 1, 11, UINT32_MAX, 20, "11:12" },
	{ "from the floor on", 5, 5, 0, 0, 20, "2,8,10" },
	{ "below the floor: all that is not there", 4, 5, 0, 0, 20, "1:4,6,8:12,14:20" },
	{ "below the floor, of some", 4, 5, 3, 9, 20, "3:4,6,8:9" },
	{ "what the session does not know of", 1, 1, 0, 0, 11, "2:4,8,10:11" },
	/* clang-format on */
};

static void test_since(void **state)
{
	const struct id id = { { 1 } };
	struct vanished_run runs[] = {
		{ 3, { 11, 12 } }, { 5, { 3, 4 } }, { 7, { 8, 8 } }, { 8, { 10, 10 } }, { 9, { 2, 2 } },
	};
	uint32_t uids[] = { 5, 7, 13 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(since_cases); i++) {
		const struct since_case *c = &since_cases[i];
		struct mailbox_state box = {
			.mailbox = id,
			.head = { .uid_next = 21, .vanished_floor = c->floor },
			.n = ARRAY_LEN(uids),
			.uid = uids,
			.vanished = runs,
			.n_vanished = ARRAY_LEN(runs),
		};
		struct view view = { .state = &box };
		struct selected selected = { .view = &view, .known_max = c->known_max };
		struct uid_set asked, got;
		struct buf text;

		uid_set_init(&asked);
		uid_set_init(&got);
		uid_set_init(&selected.ghosts);
		buf_init(&text, 1000);
		if (c->asked_first)
			uid_set_add_range(&asked, c->asked_first, c->asked_last);
		vanished_since(&selected, c->since, c->asked_first ? &asked : NULL, &got);
		if (!uid_set_is_empty(&got))
			uid_set_print(&got, &text);
		if (!slice_eq(buf_slice(&text), slice_str(c->wanted)))
			fail_msg("%s: %.*s", c->name, SLICE_FMT(buf_slice(&text)));
		buf_done(&text);
		uid_set_done(&asked);
		uid_set_done(&got);
	}
}

static void test_not_told_yet(void **state)
{
	struct vanished_run runs[] = { { 3, { 1, 4 } } };
	struct mailbox_state box = { .head = { .uid_next = 6 }, .vanished = runs, .n_vanished = 1 };
	struct view view = { .state = &box };
	struct selected selected = { .view = &view, .known_max = 5 };
	struct uid_set got;

	(void)state;
	uid_set_init(&got);
	uid_set_init(&selected.ghosts);
	uid_set_add(&selected.ghosts, 2);
	vanished_since(&selected, 1, NULL, &got);
	assert_int_equal(uid_set_count(&got), 3);
	assert_false(uid_set_has(&got, 2));
	uid_set_done(&got);
	uid_set_done(&selected.ghosts);
}

/* ---- SELECT ---- */

#define MESSAGES 3000 /* more than one piece of FETCHes */

static void deliver(struct world *world, unsigned n)
{
	while (n--)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
}

static unsigned times(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

static const char *resync(struct world *world, struct client *client, const char *rest)
{
	return exchange(client, world->arena,
	                arena_printf(world->arena, "SELECT INBOX (QRESYNC (%u %s))",
	                             head_of(world, "INBOX").uid_validity, rest));
}

static void test_select(void **state)
{
	struct world *world = world_new();
	struct client *client;
	const char *got;

	(void)state;
	deliver(world, 6);
	client = open_inbox(world, 0);
	expect(client, "ENABLE QRESYNC", "ENABLED QRESYNC");
	expect(client, "STORE 2,5 FLAGS.SILENT (\\Deleted)", " OK ");
	expect(client, "EXPUNGE", "* VANISHED 2,5\r\n");
	expect(client, "STORE 1 FLAGS.SILENT (\\Flagged)", " OK ");
	expect(client, "UNSELECT", " OK ");
	got = resync(world, client, "7");
	assert_non_null(
	    strstr(got, "* VANISHED (EARLIER) 2,5\r\n* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (10))\r\n"));
	assert_int_equal(times(got, " FETCH "), 1);
	got = resync(world, client, "9");
	assert_int_equal(times(got, "VANISHED"), 0);
	assert_int_equal(times(got, " FETCH "), 1);
	got = resync(world, client, "10");
	assert_int_equal(times(got, "VANISHED") + times(got, " FETCH "), 0);
	/* of what the client has */
	got = resync(world, client, "1 3:5 (1,3 1,4)");
	assert_non_null(strstr(got, "* VANISHED (EARLIER) 5\r\n* 2 FETCH (UID 3 "));
	assert_int_equal(times(got, " FETCH "), 2);
	got = resync(world, client, "1 1:100");
	assert_non_null(strstr(got, "* VANISHED (EARLIER) 2,5\r\n"));
	assert_int_equal(times(got, " FETCH "), 4);
	assert_non_null(strstr(got, "OK [READ-WRITE]"));
	world_free(world);
}

/* More than a client takes at once, and more ranges than one line has. */
static void test_large(void **state)
{
	struct world *world = world_new();
	struct client *client;
	const char *got;

	(void)state;
	deliver(world, MESSAGES);
	client = open_inbox(world, 0);
	expect(client, "ENABLE QRESYNC", "ENABLED QRESYNC");
	for (unsigned uid = 2; uid <= MESSAGES; uid += 1000) {
		struct buf line;

		buf_init(&line, 100000);
		buf_printf(&line, "STORE %u", uid);
		for (unsigned n = 2; n < 1000; n += 2)
			buf_printf(&line, ",%u", uid + n);
		buf_adds(&line, " FLAGS.SILENT (\\Deleted)");
		buf_addc(&line, '\0');
		expect(client, (const char *)line.data, " OK ");
		buf_done(&line);
	}
	got = exchange(client, world->arena, "EXPUNGE");
	assert_int_equal(times(got, "* VANISHED "), MESSAGES / 2 / VANISHED_LINE);
	expect(client, "NOOP", " OK ");
	expect(client, "FETCH 1500 UID", "* 1500 FETCH (UID 2999)");
	got = resync(world, client, "1");
	assert_int_equal(times(got, "* VANISHED (EARLIER) "), MESSAGES / 2 / VANISHED_LINE);
	assert_int_equal(times(got, " FETCH (UID "), MESSAGES / 2);
	assert_non_null(strstr(got, "* 1500 FETCH (UID 2999 "));
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_not_told_yet),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
