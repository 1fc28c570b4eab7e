/* How many commands to the store each IMAP command takes: what the design promises, held. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>

#include "imap_exchange.h"

static const struct store_ops *real;
static struct store_ops counted;
static _Atomic unsigned n_gets, n_puts, n_commits, n_reads, n_lists, n_page_gets, n_others, n_stale, n_moves;

static enum fault count_get(struct store *store, const struct actor *actor, enum collection collection,
                            const struct slice *keys, size_t n, bool with_body, struct arena *arena,
                            struct record *ret, struct why *why)
{
	n_gets++;
	return real->get(store, actor, collection, keys, n, with_body, arena, ret, why);
}

static enum fault count_put(struct store *store, const struct actor *actor, enum collection collection,
                            const struct record *record, struct why *why)
{
	n_puts++;
	return real->put(store, actor, collection, record, why);
}

static enum fault count_commit(struct store *store, const struct actor *actor, const struct commit *commit,
                               struct mailbox_head *ret, struct why *why)
{
	enum fault fault = real->commit(store, actor, commit, ret, why);

	n_commits++;
	n_stale += fault == FAULT_STALE;
	return fault;
}

static enum fault count_read(struct store *store, const struct actor *actor, const struct id *mailbox,
                             uint64_t since, struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	n_reads++;
	return real->read(store, actor, mailbox, since, arena, ret, why);
}

static enum fault count_list(struct store *store, const struct actor *actor, const struct id *account,
                             struct arena *arena, struct mailbox_row **ret, size_t *ret_n, struct why *why)
{
	n_lists++;
	return real->mailbox_list(store, actor, account, arena, ret, ret_n, why);
}

static enum fault count_page_get(struct store *store, const struct actor *actor, const struct id *mailbox,
                                 uint32_t number, struct arena *arena, struct page_row *ret, struct why *why)
{
	n_page_gets++;
	return real->page_get(store, actor, mailbox, number, arena, ret, why);
}

static enum fault count_pages_read(struct store *store, const struct actor *actor, const struct id *mailbox,
                                   uint64_t since, bool with_keys, struct arena *arena, struct page_row **ret,
                                   size_t *ret_n, struct why *why)
{
	n_others++;
	return real->pages_read(store, actor, mailbox, since, with_keys, arena, ret, ret_n, why);
}

/* A move's marker, gone by its mover. */
static enum fault count_move_done(struct store *store, const struct actor *actor, const struct id *mailbox,
                                  const struct id *tag, struct why *why)
{
	n_moves++;
	return real->move_done(store, actor, mailbox, tag, why);
}

static void count(struct world *world)
{
	struct store *store = world->daemon.stack->store;

	real = store->ops;
	counted = *real;
	counted.get = count_get;
	counted.put = count_put;
	counted.commit = count_commit;
	counted.read = count_read;
	counted.mailbox_list = count_list;
	counted.page_get = count_page_get;
	counted.pages_read = count_pages_read;
	counted.move_done = count_move_done;
	store->ops = &counted;
}

static const struct call_case {
	const char *command;
	unsigned gets, puts, commits, reads, lists, page_gets, markers;
} cases[] = {
	/* clang-format off */
	/* what the view knows costs nothing */
	{ "FETCH 1:* FLAGS", 0, 0, 0, 0, 0, 0 },
	{ "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)", 0, 0, 0, 0, 0, 0 },
	{ "SEARCH UNSEEN SINCE 1-Jan-2000 NOT LARGER 10000", 0, 0, 0, 0, 0, 0 },
	/* the first time keys are read from the page, then never again */
	{ "FETCH 1:* ENVELOPE", 1, 0, 0, 0, 0, 1 },
	{ "FETCH 1:* ENVELOPE", 1, 0, 0, 0, 0, 0 },
	{ "FETCH 1:* (BODY.PEEK[] BODYSTRUCTURE)", 1, 0, 0, 0, 0, 0 },
	{ "FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]", 1, 0, 0, 0, 0, 0 },
	{ "SEARCH SUBJECT test", 1, 0, 0, 0, 0, 0 },
	{ "SEARCH BODY nowhere", 1, 0, 0, 0, 0, 0 },
	/* a change is one, whatever the number of messages */
	{ "FETCH 1:* BODY[TEXT]", 1, 0, 1, 0, 0, 0 },
	{ "STORE 1:* +FLAGS.SILENT (\\Answered)", 0, 0, 1, 0, 0, 0 },
	{ "STORE 1:5 FLAGS (\\Flagged)", 0, 0, 1, 0, 0, 0 },
	{ "STORE 1:* -FLAGS (\\Flagged \\Answered)", 0, 0, 1, 0, 0, 0 },
	/* that there is nothing to change takes a look */
	{ "STORE 1:* -FLAGS (\\Flagged \\Answered)", 0, 0, 0, 1, 0, 0 },
	{ "COPY 1:* Archive", 0, 0, 1, 0, 0, 0 },
	{ "UID COPY 1:10 Archive", 0, 0, 1, 0, 0, 0 },
	{ "UID MOVE 1:5 Archive", 0, 0, 2, 0, 0, 0, 1 }, /* and its marker taken away */
	{ "UID MOVE 1:5 Archive", 0, 0, 0, 0, 0, 0 },
	/* in the mailbox that is open the new one and the old one are one change */
	{ "UID REPLACE 6 INBOX {5+}\r\na: b\n", 0, 0, 1, 0, 0, 0 },
	{ "UID REPLACE 7 Archive {5+}\r\na: b\n", 0, 0, 2, 0, 0, 0 },
	/* EXPUNGE looks first */
	{ "STORE 1:2 +FLAGS.SILENT (\\Deleted)", 0, 0, 1, 0, 0, 0 },
	{ "EXPUNGE", 0, 0, 1, 1, 0, 0 },
	/* names are known, until one is not */
	{ "APPEND Archive {5+}\r\na: b\n", 0, 0, 1, 0, 0, 0 },
	{ "SUBSCRIBE Junk", 0, 0, 0, 0, 1, 0 },
	{ "APPEND Archive {5+}\r\na: b\n", 0, 0, 1, 0, 1, 0 },
	{ "LIST \"\" *", 0, 0, 0, 0, 1, 0 },
	{ "STATUS Archive (MESSAGES)", 0, 0, 0, 0, 1, 0 },
	/* what is there, then nothing to be \Recent */
	{ "EXAMINE INBOX", 0, 0, 0, 1, 0, 0 },
	{ "SELECT INBOX", 0, 0, 0, 1, 0, 0 },
	/* clang-format on */
};

static bool is_as_said(const struct call_case *c)
{
	return n_gets == c->gets && n_puts == c->puts && n_commits == c->commits && n_reads == c->reads &&
	       n_lists == c->lists && n_page_gets == c->page_gets && n_moves == c->markers && !n_others;
}

static void test_calls(void **state)
{
	struct world *world = world_new();
	struct id inbox = world_mailbox(world, "INBOX");
	struct client *client;
	struct why why = { "" };

	(void)state;
	for (int i = 0; i < 10; i++)
		world_deliver(world, "INBOX", SLICE("Subject: test\r\n\r\ntext\r\n"), 0);
	world_must(mailbox_fold(world->daemon.stack->store, &world->owner, &inbox, NULL, &why), &why, "fold");
	client = open_inbox(world, 1);
	count(world);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		n_gets = n_puts = n_commits = n_reads = n_lists = n_page_gets = n_others = n_moves = 0;
		expect(client, cases[i].command, " OK ");
		if (!is_as_said(&cases[i]))
			fail_msg(
			    "%s: %u gets, %u puts, %u commits, %u reads, %u lists, %u page gets, %u moves, "
			    "%u others",
			    cases[i].command, n_gets, n_puts, n_commits, n_reads, n_lists, n_page_gets,
			    n_moves, n_others);
	}
	world->daemon.stack->store->ops = real;
	world_free(world);
}

/* ---- turns ---- */

#define ROUNDS 30

static void send_rounds(struct client *client, unsigned number)
{
	struct buf all;

	buf_init(&all, BUF_NO_LIMIT);
	for (unsigned i = 0; i < ROUNDS; i++) {
		buf_printf(&all, "a%u STORE 1:%u +FLAGS.SILENT (\\Seen)\r\n", i, number);
		buf_printf(&all, "b%u STORE 1:%u -FLAGS.SILENT (\\Seen)\r\n", i, number);
	}
	buf_adds(&all, "end NOOP\r\n");
	client_send(client, buf_slice(&all));
	buf_done(&all);
}

static void receive_rounds(struct client *client)
{
	struct arena *arena = arena_new();
	const char *line;
	unsigned done = 0;

	while ((line = client_line(client, arena, WORLD_PATIENCE)) && strncmp(line, "end ", 4) != 0) {
		done += line[0] != '*';
		if (line[0] != '*' && !strstr(line, " OK "))
			fail_msg("%s", line);
	}
	assert_non_null(line);
	assert_int_equal(done, 2 * ROUNDS);
	arena_free(arena);
}

/* Sessions that change one mailbox at the same time take turns: no commit is ever in vain. */
static void test_turns(void **state)
{
	struct world *world = world_new();
	struct client *clients[3];
	struct mailbox_head head;

	(void)state;
	for (int i = 0; i < 3; i++)
		world_deliver(world, "INBOX", SLICE("Subject: test\r\n\r\ntext\r\n"), 0);
	for (unsigned i = 0; i < 3; i++)
		clients[i] = open_inbox(world, i);
	expect(clients[0], "NOOP", " OK ");
	count(world);
	n_commits = n_stale = 0;
	for (unsigned i = 0; i < 3; i++)
		send_rounds(clients[i], i + 1);
	for (unsigned i = 0; i < 3; i++)
		receive_rounds(clients[i]);
	assert_true(n_commits >= 2 * ROUNDS);
	assert_int_equal(n_stale, 0);
	head = head_of(world, "INBOX");
	assert_int_equal(head.messages, 3);
	assert_true(head.unseen <= 3);
	world->daemon.stack->store->ops = real;
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_calls), cmocka_unit_test(test_turns) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
