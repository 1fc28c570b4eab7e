/*
 * What a session sees of a view, against a model that does it the plain way; and
 * a view's life with a real store beneath.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_world.h"
#include "cache_file.h"
#include "view_internal.h"

/* ---- numbers ---- */

struct model { /* all that the session was told of, in order; `gone`: expunged, not yet told */
	uint32_t uid[4096];
	bool gone[4096];
	uint32_t n;
};

struct bench {
	struct view view;
	struct selected selected;
	struct model model;
};

static void no_news(void *session)
{
	(void)session;
}

static void put(struct mailbox_state *state, uint32_t uid)
{
	if (state->n == state->cap) {
		state->cap = state->cap * 2 + 16;
		state->uid = xrealloc(state->uid, state->cap * sizeof(uint32_t));
	}
	state->uid[state->n++] = uid;
	state->head.uid_next = uid + 1;
}

static void bench_start(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->view.state = mailbox_state_new(&(struct id){ { 1 } });
	b->view.refs = 2;
	list_init(&b->view.sessions);
	list_init(&b->view.node);
	b->selected.on_news = no_news;
	selected_open(&b->selected, &b->view, false);
}

static void bench_stop(struct bench *b)
{
	selected_close(&b->selected);
	mailbox_state_free(b->view.state);
}

static void arrive(struct bench *b)
{
	put(b->view.state, b->view.state->head.uid_next + rand_below(3));
}

static void expunge(struct bench *b)
{
	struct mailbox_state *state = b->view.state;
	struct mailbox_delta delta;
	uint32_t at, uid;

	if (!state->n)
		return;
	at = rand_below(state->n);
	uid = state->uid[at];
	memmove(state->uid + at, state->uid + at + 1, (--state->n - at) * sizeof(uint32_t));
	mailbox_delta_init(&delta);
	uid_set_add(&delta.expunged, uid);
	view_note(&b->view, &delta, NULL);
	mailbox_delta_done(&delta);
	for (uint32_t i = 0; i < b->model.n; i++)
		if (b->model.uid[i] == uid)
			b->model.gone[i] = true;
}

/* What session_tell_news() does to the numbers: EXPUNGE, then EXISTS. */
static void tell_expunged(struct bench *b)
{
	struct model *m = &b->model;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		if (m->gone[i])
			continue;
		m->gone[kept] = false;
		m->uid[kept++] = m->uid[i];
	}
	m->n = kept;
	uid_set_del_range(&b->selected.ghosts, 1, UINT32_MAX);
	b->selected.known_n = m->n;
}

static void tell_exists(struct bench *b)
{
	struct mailbox_state *state = b->view.state;
	struct model *m = &b->model;

	for (uint32_t i = 0; i < state->n; i++) {
		if (state->uid[i] <= b->selected.known_max)
			continue;
		m->gone[m->n] = false;
		m->uid[m->n++] = state->uid[i];
	}
	b->selected.known_max = state->head.uid_next - 1;
	b->selected.known_n = state->n + (uint32_t)uid_set_count(&b->selected.ghosts);
	assert_int_equal(b->selected.known_n, m->n);
}

static void check_numbers(const struct bench *b)
{
	const struct model *m = &b->model;
	const struct selected *s = &b->selected;

	for (uint32_t i = 0; i < m->n; i++) {
		assert_int_equal(selected_uid(s, i + 1), m->uid[i]);
		assert_int_equal(selected_seq(s, m->uid[i]), i + 1);
		assert_int_equal(uid_set_has(&s->ghosts, m->uid[i]), m->gone[i]);
	}
	assert_int_equal(selected_uid(s, 0), 0);
	assert_int_equal(selected_uid(s, m->n + 1), 0);
	assert_int_equal(selected_seq(s, 0), 0);
	assert_int_equal(selected_seq(s, b->view.state->head.uid_next + 5), 0);
}

/* Every message that the model has between the numbers is in the set, and of the others none that is told of. */
static void check_resolve(const struct bench *b)
{
	const struct model *m = &b->model;
	struct uid_set seqs, uids;
	uint32_t first, last;

	if (!m->n)
		return;
	first = 1 + rand_below(m->n);
	last = first + rand_below(m->n - first + 1);
	uid_set_init(&seqs);
	uid_set_init(&uids);
	uid_set_add_range(&seqs, first, last);
	assert_true(selected_resolve(&b->selected, &seqs, &uids));
	for (uint32_t i = 0; i < m->n; i++)
		assert_int_equal(uid_set_has(&uids, m->uid[i]), i + 1 >= first && i + 1 <= last);
	uid_set_add(&seqs, m->n + 1);
	assert_false(selected_resolve(&b->selected, &seqs, &uids));
	uid_set_done(&seqs);
	uid_set_done(&uids);
}

static void test_numbers(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct bench *b = xmalloc(sizeof(*b));

		bench_start(b);
		for (int step = 0; step < 150; step++) {
			switch (rand_below(8)) {
			case 0:
			case 1:
			case 2:
				arrive(b);
				break;
			case 3:
			case 4:
				expunge(b);
				break;
			case 5:
				tell_exists(b);
				break;
			case 6:
				tell_expunged(b);
				break;
			default:
				check_resolve(b);
			}
			check_numbers(b);
		}
		bench_stop(b);
		free(b);
	}
}

static void test_star(void **state)
{
	static const struct {
		const char *name;
		uint32_t messages, first, last;
		bool good;
		uint32_t first_uid, last_uid; /* 0: nothing */
	} cases[] = {
		{ "the last one", 3, UINT32_MAX, UINT32_MAX, true, 30, 30 },
		{ "from the second", 3, 2, UINT32_MAX, true, 20, 30 },
		{ "from behind the end", 3, 9, UINT32_MAX, true, 30, 30 },
		{ "beyond", 3, 4, 4, false, 0, 0 },
		{ "across the end", 3, 2, 4, false, 0, 0 },
		{ "in an empty mailbox", 0, 1, UINT32_MAX, true, 0, 0 },
		{ "a number in an empty mailbox", 0, 1, 1, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench *b = xmalloc(sizeof(*b));
		struct uid_set seqs, uids;

		bench_start(b);
		for (uint32_t k = 1; k <= cases[i].messages; k++)
			put(b->view.state, 10 * k);
		tell_exists(b);
		uid_set_init(&seqs);
		uid_set_init(&uids);
		uid_set_add_range(&seqs, cases[i].first, cases[i].last);
		if (selected_resolve(&b->selected, &seqs, &uids) != cases[i].good ||
		    (cases[i].good &&
		     (uid_set_min(&uids) != cases[i].first_uid || uid_set_max(&uids) != cases[i].last_uid)))
			fail_msg("%s", cases[i].name);
		uid_set_done(&seqs);
		uid_set_done(&uids);
		bench_stop(b);
		free(b);
	}
}

static void test_uid_star(void **state)
{
	struct bench *b = xmalloc(sizeof(*b));
	struct uid_set set, uids;

	(void)state;
	bench_start(b);
	uid_set_init(&set);
	uid_set_init(&uids);
	uid_set_add_range(&set, 5, UINT32_MAX);
	selected_resolve_uids(&b->selected, &set, &uids);
	assert_true(uid_set_is_empty(&uids));
	put(b->view.state, 3); /* not told yet: UIDs may name it all the same */
	selected_resolve_uids(&b->selected, &set, &uids);
	assert_true(uid_set_min(&uids) == 3 && uid_set_max(&uids) == 3);
	uid_set_done(&set);
	uid_set_done(&uids);
	bench_stop(b);
	free(b);
}

/* ---- a view's life ---- */

static void until(struct world *world, bool (*is_so)(struct world *))
{
	int64_t end = clock_mono_ms() + WORLD_PATIENCE;

	while (!is_so(world) && clock_mono_ms() < end)
		loop_step(world->daemon.loop, 20);
	assert_true(is_so(world));
}

static void say(struct client *client, const char *line, const char *tag)
{
	struct arena *arena = arena_new();
	const char *got;

	client_send(client, slice_str(line));
	while ((got = client_line(client, arena, WORLD_PATIENCE)) && strncmp(got, tag, strlen(tag)) != 0)
		;
	assert_non_null(got);
	arena_free(arena);
}

static struct view *the_view(struct world *world)
{
	struct slice key;
	size_t at = 0;
	void *view;

	return map_next(world->imapd->views->by_mailbox, &at, &key, &view) ? view : NULL;
}

static bool has_no_view(struct world *world)
{
	return views_memory(world->imapd->views) == 0;
}

static struct client *enter(struct world *world, unsigned number)
{
	struct client *client = world_client(world, number);

	say(client, "a LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"\r\n", "a OK");
	say(client, "b SELECT INBOX\r\n", "b OK");
	return client;
}

static void test_unused_views_go(void **state)
{
	struct world *world = world_new();
	struct client *client = enter(world, 0);

	(void)state;
	say(client, "c UNSELECT\r\n", "c OK");
	assert_false(has_no_view(world));
	imapd_conf.view_keep = 1;
	until(world, has_no_view);
	imapd_conf.view_keep = 600000;
	say(client, "d SELECT INBOX\r\n", "d OK");
	say(client, "e UNSELECT\r\n", "e OK");
	imapd_conf.view_memory = 1;
	until(world, has_no_view);
	world_free(world);
}

static void test_views_are_shared(void **state)
{
	struct world *world = world_new();
	struct view *view;

	(void)state;
	enter(world, 0);
	view = the_view(world);
	enter(world, 1);
	assert_ptr_equal(the_view(world), view);
	assert_int_equal(map_count(world->imapd->views->by_mailbox), 1);
	assert_int_equal(view->refs, 2);
	world_free(world);
}

/* A hundred nudges are one look; and those that come while it is under way one more. */
static void test_nudges_coalesce(void **state)
{
	struct world *world = world_new();
	struct view *view;
	uint64_t looks;

	(void)state;
	enter(world, 0);
	view = the_view(world);
	looks = view->looks;
	for (uint64_t i = 0; i < 100; i++)
		views_nudge(world->imapd->views, &view->mailbox, view->state->head.modseq + 1 + i);
	while (view->looks == looks)
		loop_step(world->daemon.loop, 10);
	for (uint64_t i = 0; i < 100; i++)
		views_nudge(world->imapd->views, &view->mailbox, view->state->head.modseq + 1 + i);
	for (int i = 0; i < 20; i++)
		loop_step(world->daemon.loop, 10);
	assert_int_equal(view->looks, looks + 2);
	views_nudge(world->imapd->views, &view->mailbox, view->state->head.modseq); /* known already */
	assert_null(view->refresh);
	world_free(world);
}

static bool is_folded(struct world *world)
{
	return the_view(world)->state->head.log_base > 200;
}

static void test_folding(void **state)
{
	struct world *world = world_new();
	struct client *client;

	(void)state;
	for (int i = 0; i < FOLD_ENTRIES + 20; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\nx\r\n"), 0);
	client = enter(world, 0);
	assert_true(the_view(world)->fold_at > 0);
	the_view(world)->fold_at = 1;
	until(world, is_folded);
	assert_int_equal(the_view(world)->state->n, FOLD_ENTRIES + 20);
	world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\nx\r\n"), 0);
	say(client, "c NOOP\r\n", "c OK");
	assert_int_equal(the_view(world)->state->n, FOLD_ENTRIES + 21);
	world_free(world);
}

/* ---- cache files ---- */

#define MANY 300

static bool is_cached(struct world *world)
{
	return the_view(world)->cached > 0;
}

static bool is_cached_again(struct world *world)
{
	return the_view(world)->cache_at == 0 && !the_view(world)->cache;
}

/* Many messages, and the file of their mailbox; nobody has it open, and it is not in memory any more. */
static struct world *cached_world(void)
{
	struct world *world = world_new();
	struct client *client;

	for (int i = 0; i < MANY; i++)
		world_deliver(world, "INBOX", SLICE("Subject: old\r\n\r\nold\r\n"), 0);
	client = enter(world, 0);
	assert_true(the_view(world)->cache_at > 0);
	the_view(world)->cache_at = 1;
	until(world, is_cached);
	say(client, "c UNSELECT\r\n", "c OK");
	imapd_conf.view_keep = 1;
	until(world, has_no_view);
	imapd_conf.view_keep = 600000;
	return world;
}

static const char *cache_path(struct world *world)
{
	const struct id inbox = world_mailbox(world, "INBOX");

	return arena_printf(world->arena, "%s/view-cache/%s.view", world->dir, id_print(&inbox).text);
}

/* All is there, and the second message can be read; `cached`: from the file, and what came since from the store. */
static void reenter(struct world *world, bool cached)
{
	struct client *client = world_client(world, 0);

	world_deliver(world, "INBOX", SLICE("Subject: new\r\n\r\nnew\r\n"), 0);
	say(client, "d SELECT INBOX\r\n", "* 301 EXISTS");
	say(client, "e FETCH 2 BODY[TEXT]\r\n", "old");
	say(client, "f FETCH 301 BODY[TEXT]\r\n", "new");
	if (cached)
		assert_int_equal(the_view(world)->cached, the_view(world)->state->head.modseq - 3);
	else
		assert_int_equal(the_view(world)->cached, 0);
}

static void test_cached(void **state)
{
	struct world *world = cached_world();

	(void)state;
	reenter(world, true);
	world_free(world);
}

/* SELECT reads the head of the file alone, and what has come since; a command about messages reads the rest. */
static void test_bare(void **state)
{
	struct world *world = cached_world();
	struct client *client = world_client(world, 0);

	(void)state;
	say(client, "d EXAMINE INBOX\r\n", "* 300 EXISTS");
	say(client, "", "* OK [UNSEEN 1] ");
	say(client, "", "d OK");
	assert_true(view_is_bare(the_view(world)));
	say(client, "e NOOP\r\n", "e OK");
	assert_true(view_is_bare(the_view(world)));
	say(client, "f UID FETCH 7 UID\r\n", "* 7 FETCH (UID 7)");
	say(client, "", "f OK");
	assert_false(view_is_bare(the_view(world)));
	say(client, "g UNSELECT\r\n", "g OK");
	imapd_conf.view_keep = 1;
	until(world, has_no_view);
	imapd_conf.view_keep = 600000;
	world_deliver(world, "INBOX", SLICE("Subject: new\r\n\r\nnew\r\n"), 0);
	say(client, "h ENABLE IMAP4rev2\r\n", "h OK"); /* or what is \Recent would take rows */
	say(client, "h EXAMINE INBOX\r\n", "* 301 EXISTS");
	assert_true(view_is_bare(the_view(world)));
	say(client, "i NOOP\r\n", "i OK");
	say(client, "j STATUS INBOX (MESSAGES)\r\n", "* STATUS INBOX (MESSAGES 301)");
	assert_true(view_is_bare(the_view(world)));
	say(client, "k FETCH 299:* UID\r\n", "* 299 FETCH (UID 299)");
	say(client, "", "* 300 FETCH (UID 300)");
	say(client, "", "* 301 FETCH (UID 301)");
	say(client, "", "k OK");
	assert_false(view_is_bare(the_view(world)));
	world_free(world);
}

/* What others do meanwhile is told as to everybody: the rows come with it. */
static void test_bare_news(void **state)
{
	struct world *world = cached_world();
	struct client *client = world_client(world, 0), *other;

	(void)state;
	say(client, "d EXAMINE INBOX\r\n", "* 300 EXISTS");
	say(client, "e IDLE\r\n", "+ idling");
	assert_true(view_is_bare(the_view(world)));
	world_deliver(world, "INBOX", SLICE("Subject: new\r\n\r\nnew\r\n"), 0);
	say(client, "", "* 301 EXISTS");
	assert_false(view_is_bare(the_view(world)));
	say(client, "DONE\r\n", "e OK");
	other = enter(world, 1);
	say(other, "g STORE 1 +FLAGS.SILENT (\\Deleted)\r\n", "g OK");
	say(other, "h EXPUNGE\r\n", "* 1 EXPUNGE");
	say(client, "i NOOP\r\n", "* 1 EXPUNGE");
	world_free(world);
}

static void damage(struct world *world, long at)
{
	FILE *file = fopen(cache_path(world), "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	assert_int_equal(fputc('x', file), 'x');
	assert_int_equal(fclose(file), 0);
}

static void test_cache_damaged(void **state)
{
	static const long places[] = { 0, 20, 60, 1000, -1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct world *world = cached_world();

		damage(world, places[i]);
		reenter(world, false);
		world_free(world);
	}
}

/* A client that was told the head already goes on with the numbers it knows, and hears what was different. */
static void rows_lost(bool removed)
{
	struct world *world = cached_world();
	struct client *client = world_client(world, 0);

	if (!removed)
		damage(world, 1000);
	say(client, "d EXAMINE INBOX\r\n", "* 300 EXISTS");
	assert_true(view_is_bare(the_view(world)));
	if (removed)
		assert_int_equal(unlink(cache_path(world)), 0);
	world_deliver(world, "INBOX", SLICE("Subject: new\r\n\r\nnew\r\n"), 0);
	say(client, "e NOOP\r\n", "* 301 EXISTS");
	assert_int_equal(access(cache_path(world), F_OK), -1);
	assert_int_equal(the_view(world)->cached, 0);
	say(client, "f FETCH 300:* UID\r\n", "* 300 FETCH (UID 300)");
	say(client, "", "* 301 FETCH (UID 301)");
	say(client, "", "f OK");
	world_free(world);
}

static void test_rows_damaged(void **state)
{
	(void)state;
	rows_lost(false);
}

static void test_rows_removed(void **state)
{
	(void)state;
	rows_lost(true);
}

/* A file that knows what the mailbox never had: `more` changes, or others than those with its mod-sequences. */
static void of_another_past(uint64_t more)
{
	struct world *world = cached_world();
	const struct id inbox = world_mailbox(world, "INBOX");
	const struct account_ctx account = { .key = world->key };
	const char *dir = world->imapd->views->conf.cache_dir;
	const struct cache_file file = { dir, &account, inbox, ".view", "view-cache" };
	struct view_bare *bare = view_bare_open(dir, &account, &inbox);
	struct mailbox_state *ahead = NULL;
	struct slice parts[8];
	struct buf plain[8];
	struct id history;
	struct why why;
	uint32_t n;

	assert_non_null(bare);
	history = more ? bare->history : id_new();
	bare->news.log.head = bare->summary.head;
	assert_int_equal(view_bare_load(bare, &inbox, &ahead, &why), FAULT_NONE);
	view_bare_free(bare);
	ahead->head.modseq += more;
	n = mailbox_state_parts(ahead);
	assert_true(n <= ARRAY_LEN(parts));
	for (uint32_t i = 0; i < n; i++) {
		buf_init(&plain[i], BUF_NO_LIMIT);
		if (i == 0)
			buf_add(&plain[0], history.raw, sizeof(history.raw));
		assert_true(mailbox_state_pack(ahead, i, &plain[i]));
		parts[i] = buf_slice(&plain[i]);
	}
	assert_int_equal(cache_parts_write(&file, parts, n, &why), FAULT_NONE);
	reenter(world, false);
	mailbox_state_free(ahead);
	for (uint32_t i = 0; i < n; i++)
		buf_done(&plain[i]);
	world_free(world);
}

/* The store went back to a copy of itself. */
static void test_cache_ahead(void **state)
{
	(void)state;
	of_another_past(100);
}

/* And has grown since. */
static void test_cache_of_another_past(void **state)
{
	(void)state;
	of_another_past(0);
}

static void fold(struct world *world)
{
	const struct id inbox = world_mailbox(world, "INBOX");
	struct why why;

	assert_int_equal(mailbox_fold(world->daemon.stack->store, &world->owner, &inbox, world->key, &why),
	                 FAULT_NONE);
}

/* Once the log is folded past a file the store cannot say whether it is of this past: it is written again. */
static void test_cached_behind_a_fold(void **state)
{
	struct world *world = cached_world();
	struct client *client = world_client(world, 0);

	(void)state;
	say(client, "d SELECT INBOX\r\n", "* 300 EXISTS");
	say(client, "e STORE 1 +FLAGS.SILENT (\\Flagged)\r\n", "e OK");
	assert_int_equal(the_view(world)->cache_at, 0);
	fold(world);
	say(client, "f NOOP\r\n", "f OK");
	assert_true(the_view(world)->cached < the_view(world)->state->head.log_base);
	assert_true(the_view(world)->cache_at > 0);
	the_view(world)->cache_at = 1;
	until(world, is_cached_again);
	assert_true(the_view(world)->cached >= the_view(world)->state->head.log_base);
	world_free(world);
}

/* Nobody here has folded: such a file is not taken, and no fault either. */
static void test_cache_older_than_the_log(void **state)
{
	struct world *world = cached_world();

	(void)state;
	world_deliver(world, "INBOX", SLICE("Subject: new\r\n\r\nnew\r\n"), 0);
	fold(world);
	say(world_client(world, 0), "d SELECT INBOX\r\n", "* 301 EXISTS");
	assert_int_equal(the_view(world)->cached, 0);
	world_free(world);
}

/* Nothing of a mailbox that is gone is left on the disk, sealed or not. */
static void test_files_go(void **state)
{
	struct world *world = cached_world();
	const struct id inbox = world_mailbox(world, "INBOX");
	const char *signatures =
	    arena_printf(world->arena, "%s/view-cache/%s.signatures", world->dir, id_print(&inbox).text);
	FILE *file = fopen(signatures, "w");
	struct view *view;

	(void)state;
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(access(cache_path(world), F_OK), 0);
	say(world_client(world, 0), "d SELECT INBOX\r\n", "d OK");
	view = the_view(world);
	view_hold(view); /* the session leaves it */
	view_gone(view);
	view_put(view);
	assert_int_equal(access(cache_path(world), F_OK), -1);
	assert_int_equal(access(signatures, F_OK), -1);
	world_free(world);
}

/* Without any nudge the poll finds what came. */
static void test_poll(void **state)
{
	struct world *world = world_new();
	struct arena *arena = arena_new();
	struct bus *bus = world->daemon.stack->bus;
	struct client *client = enter(world, 0);

	(void)state;
	imapd_conf.poll = 100;
	the_view(world)->poll_at = 1;
	say(client, "c IDLE\r\n", "+ idling");
	world->daemon.stack->bus = NULL; /* nobody hears of the delivery */
	world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\nx\r\n"), 0);
	world->daemon.stack->bus = bus;
	assert_string_equal(client_line(client, arena, WORLD_PATIENCE), "* 1 EXISTS");
	arena_free(arena);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_star),
		cmocka_unit_test(test_uid_star),
		cmocka_unit_test(test_unused_views_go),
		cmocka_unit_test(test_views_are_shared),
		cmocka_unit_test(test_nudges_coalesce),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_cached),
		cmocka_unit_test(test_cache_damaged),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_bare_news),
		cmocka_unit_test(test_rows_damaged),
		cmocka_unit_test(test_rows_removed),
		cmocka_unit_test(test_cache_ahead),
		cmocka_unit_test(test_cache_of_another_past),
		cmocka_unit_test(test_cached_behind_a_fold),
		cmocka_unit_test(test_cache_older_than_the_log),
		cmocka_unit_test(test_files_go),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
