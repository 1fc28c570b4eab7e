/* Folding: interrupted, overtaken, repeated; vanished runs and their floor; keys. */
#include "shim.h"
#include "store/fold_test.h"
#include "store/page.h"

static struct store *the_store;
static struct id the_account, the_mailbox;
static struct actor the_owner;

static void start(struct place *place)
{
	the_store = open_store(place);
	the_account = id_new();
	the_mailbox = make_mailbox(the_store, &the_account, "box");
	the_owner = owner_of(&the_account);
}

static void append_many(uint32_t n)
{
	struct mailbox_append *messages = xzalloc(n * sizeof(*messages));
	struct mailbox_appended done;

	for (uint32_t i = 0; i < n; i++)
		messages[i] = a_message(i, i % 3 ? 0 : FLAG_SEEN);
	must_good(mailbox_append(the_store, &the_owner, &the_mailbox, messages, n, &done, why));
	free(messages);
}

static void change(bool expunge, uint32_t first, uint32_t last)
{
	struct mailbox_state *view = read_state(the_store, &the_owner, &the_mailbox);

	must(edit_range(the_store, &the_owner, view, first, last, expunge, expunge ? 0 : FLAG_FLAGGED) ==
	     FAULT_NONE);
	mailbox_state_free(view);
}

static void fold_now(void)
{
	must_good(mailbox_fold(the_store, &the_owner, &the_mailbox, NULL, why));
}

/* The same mailbox: messages, and what vanished above the higher floor. */
static void assert_same(const struct mailbox_state *a, const struct mailbox_state *b)
{
	uint64_t floor = MAX_OF(a->head.vanished_floor, b->head.vanished_floor);
	uint32_t i = 0, k = 0;

	assert_int_equal(a->n, b->n);
	assert_int_equal(a->head.uid_next, b->head.uid_next);
	assert_int_equal(a->head.modseq, b->head.modseq);
	assert_int_equal(a->head.messages, a->n);
	assert_int_equal(a->head.unseen, b->head.unseen);
	for (uint32_t m = 0; m < a->n; m++) {
		assert_int_equal(a->uid[m], b->uid[m]);
		assert_int_equal(a->modseq[m], b->modseq[m]);
		assert_int_equal(a->flags[m], b->flags[m]);
		assert_int_equal(a->size[m], b->size[m]);
	}
	while (i < a->n_vanished && a->vanished[i].modseq <= floor)
		i++;
	while (k < b->n_vanished && b->vanished[k].modseq <= floor)
		k++;
	assert_int_equal(a->n_vanished - i, b->n_vanished - k);
	for (; i < a->n_vanished; i++, k++) {
		assert_int_equal(a->vanished[i].modseq, b->vanished[k].modseq);
		assert_int_equal(a->vanished[i].uids.first, b->vanished[k].uids.first);
		assert_int_equal(a->vanished[i].uids.last, b->vanished[k].uids.last);
	}
}

static void assert_reads_as(const struct mailbox_state *want)
{
	struct mailbox_state *fresh = read_state(the_store, &the_owner, &the_mailbox);

	assert_same(fresh, want);
	mailbox_state_free(fresh);
}

/* One message without the mailbox: from the log, from its page, and gone from either. */
static void assert_message(const struct id *mailbox, uint32_t uid, const struct id *content)
{
	struct arena *arena = arena_new();
	struct mailbox_append found;
	struct mailbox_head head;
	struct why why = { "" };
	enum fault fault =
	    mailbox_find_message(the_store, &the_owner, mailbox, uid, arena, &found, &head, &why);

	assert_int_equal(fault, content ? FAULT_NONE : FAULT_NOT_FOUND);
	if (content)
		assert_true(id_eq(&found.content, content) && head.uid_validity == 7);
	arena_free(arena);
}

static void test_find_message(void **state)
{
	struct mailbox_append messages[4] = { a_message(10, 0), a_message(20, 0), a_message(30, 0),
		                              a_message(40, 0) };
	struct mailbox_appended done;
	struct mailbox_state *view;

	start(*state);
	assert_good(mailbox_append(the_store, &the_owner, &the_mailbox, messages, 2, &done, why));
	assert_message(&the_mailbox, 2, &messages[1].content);
	assert_good(mailbox_fold(the_store, &the_owner, &the_mailbox, NULL, why));
	assert_good(mailbox_append(the_store, &the_owner, &the_mailbox, messages + 2, 2, &done, why));
	assert_message(&the_mailbox, 1, &messages[0].content);
	assert_message(&the_mailbox, 2, &messages[1].content);
	assert_message(&the_mailbox, 3, &messages[2].content);
	assert_message(&the_mailbox, 5, NULL);
	assert_message(&the_mailbox, 5000, NULL);
	view = read_state(the_store, &the_owner, &the_mailbox);
	assert_good(edit_range(the_store, &the_owner, view, 2, 3, true, 0));
	assert_message(&the_mailbox, 2, NULL);
	assert_message(&the_mailbox, 3, NULL);
	assert_message(&the_mailbox, 4, &messages[3].content);
	assert_good(mailbox_fold(the_store, &the_owner, &the_mailbox, NULL, why));
	assert_message(&the_mailbox, 2, NULL);
	assert_message(&the_mailbox, 4, &messages[3].content);
	mailbox_state_free(view);
}

static void test_fold(void **state)
{
	struct place *place = *state;
	struct mailbox_state *before, *late;
	struct mailbox_news news;

	start(place);
	late = mailbox_state_new(&the_mailbox);
	fold_now(); /* an empty log */
	append_many(2500);
	change(false, 1000, 1100);
	change(true, 1020, 1030);
	before = read_state(the_store, &the_owner, &the_mailbox);
	fold_now();
	assert_reads_as(before);
	assert_good(mailbox_fetch_news(the_store, &the_owner, &the_mailbox, 0, place->arena, &news, why));
	assert_int_equal(news.log.n, 0);
	assert_int_equal(news.log.head.log_base, news.log.head.modseq);
	assert_int_equal(news.log.head.log_bytes, 0);
	assert_int_equal(news.n_pages, 3);
	/* who was up to date needs no pages after that, and few after a change */
	assert_good(mailbox_fetch_news(the_store, &the_owner, &the_mailbox, before->head.modseq, place->arena,
	                               &news, why));
	assert_false(news.with_pages);
	change(false, 2100, 2101);
	fold_now();
	assert_good(mailbox_fetch_news(the_store, &the_owner, &the_mailbox, before->head.modseq, place->arena,
	                               &news, why));
	assert_true(news.with_pages);
	assert_int_equal(news.n_pages, 1);
	catch_up(the_store, &the_owner, before);
	assert_reads_as(before);
	catch_up(the_store, &the_owner, late);
	assert_same(late, before);
	mailbox_state_free(before);
	mailbox_state_free(late);
}

/* So many pages that they are read at once: without keys, but for those that gain or lose a message. */
static void test_many_pages(void **state)
{
	struct place *place = *state;
	struct mailbox_state *view;
	struct page_row row;

	start(place);
	append_many(12 * PAGE_UIDS);
	fold_now();
	change(false, 1, 12 * PAGE_UIDS);
	change(true, 5 * PAGE_UIDS - 2, 5 * PAGE_UIDS + 2);
	append_many(5);
	view = read_state(the_store, &the_owner, &the_mailbox);
	fold_now();
	assert_reads_as(view);
	for (uint32_t number = 0; number < 13; number++) {
		assert_good(
		    mailbox_page_keys(the_store, &the_owner, &the_mailbox, number, place->arena, &row, why));
		assert_good(mailbox_state_load_keys(view, &row, why));
	}
	for (uint32_t i = 0; i < view->n; i++)
		assert_true(view->loaded[i] && !id_is_zero(&view->content[i]));
	mailbox_state_free(view);
}

/* ---- interrupted ---- */

struct stopper {
	struct fold_test test;
	int left; /* steps until it stops */
};

static bool stop(struct fold_test *test, enum fold_step step)
{
	struct stopper *stopper = container_of(test, struct stopper, test);

	(void)step;
	return stopper->left-- == 0;
}

static enum fault fold_stopped(int after)
{
	struct stopper stopper = { { stop, 1 }, after };
	enum fault fault;

	fold_set_test(&stopper.test);
	fault = mailbox_fold(the_store, &the_owner, &the_mailbox, NULL, NULL);
	fold_set_test(NULL);
	return fault;
}

static void test_interrupted(void **state)
{
	struct mailbox_state *late, *want;
	int after = 0;

	start(*state);
	append_many(3000);
	fold_now();
	late = read_state(the_store, &the_owner, &the_mailbox);
	for (enum fault fault = FAULT_CANCELLED; fault == FAULT_CANCELLED; after++) {
		change(false, 100 * (uint32_t)after + 1, 100 * (uint32_t)after + 1500);
		change(true, 100 * (uint32_t)after + 50, 100 * (uint32_t)after + 60);
		append_many(700);
		want = read_state(the_store, &the_owner, &the_mailbox);
		fault = fold_stopped(after);
		assert_reads_as(want);
		/* work goes on beside the half-done fold */
		append_many(3);
		change(true, 2000 + (uint32_t)after, 2000 + (uint32_t)after);
		catch_up(the_store, &the_owner, want);
		assert_reads_as(want);
		if (after % 3 == 0) {
			catch_up(the_store, &the_owner, late);
			assert_same(late, want);
		}
		mailbox_state_free(want);
	}
	assert_true(after > 6); /* read, pages one by one, all, trimmed */
	fold_now();
	want = read_state(the_store, &the_owner, &the_mailbox);
	catch_up(the_store, &the_owner, late);
	assert_same(late, want);
	mailbox_state_free(late);
	mailbox_state_free(want);
}

/* ---- history ---- */

static struct id history_at(uint64_t modseq)
{
	struct arena *arena = arena_new();
	struct mailbox_log log;
	struct id history;

	must_good(mailbox_look(the_store, &the_owner, &the_mailbox, arena, &log, why));
	assert_false(mailbox_history(&log, log.head.modseq + 1, &history));
	assert_false(mailbox_history(&log, log.head.log_base - 1, &history));
	assert_true(mailbox_history(&log, modseq, &history));
	arena_free(arena);
	return history;
}

/* One past has one history, whoever asks when, and however it was folded; another has another, be the changes the same. */
static void test_history(void **state)
{
	struct id before, same, other;

	start(*state);
	append_many(3);
	change(false, 1, 1);
	change(false, 2, 2);
	before = history_at(3);
	same = history_at(4);
	assert_false(id_eq(&before, &same));
	before = same;
	fold_now();
	same = history_at(4);
	assert_true(id_eq(&before, &same));
	change(false, 3, 3);
	before = history_at(5);
	fold_now();
	fold_now();
	same = history_at(5);
	assert_true(id_eq(&before, &same));
	start(*state);
	append_many(3);
	change(false, 1, 1);
	change(false, 2, 2);
	change(false, 3, 3);
	other = history_at(5);
	assert_false(id_eq(&before, &other));
}

/* ---- overtaken ---- */

static int overtakes;

static void change_and_fold(void)
{
	static bool inside; /* what it does reads pages itself */

	if (inside || overtakes == 0)
		return;
	inside = true;
	overtakes--;
	append_many(2);
	change(false, 1, 3);
	change(true, 4 + (uint32_t)overtakes, 4 + (uint32_t)overtakes);
	fold_now();
	inside = false;
}

/* Between the log and the pages that a reader fetches, and before it looks at the log again, others change and fold. */
static void test_overtaken(void **state)
{
	struct mailbox_state *late, *fresh;

	start(*state);
	append_many(1500);
	late = read_state(the_store, &the_owner, &the_mailbox);
	for (int times = 0; times < 7; times++) {
		change(false, 7, 7);
		fold_now();
		change(false, 8, 8);
		shim_in(the_store);
		shim.before_pages = change_and_fold;
		shim.after_pages = times > 2 ? change_and_fold : NULL;
		overtakes = times;
		catch_up(the_store, &the_owner, late);
		shim_out(the_store);
		fresh = read_state(the_store, &the_owner, &the_mailbox);
		catch_up(the_store, &the_owner, late);
		assert_same(late, fresh);
		mailbox_state_free(fresh);
	}
	mailbox_state_free(late);
}

static void *fold_often(void *object)
{
	(void)object;
	for (int i = 0; i < 25; i++) {
		struct stopper stopper = { { stop, 1 }, (int)rand_below(7) };
		enum fault fault;

		fold_set_test(&stopper.test);
		fault = mailbox_fold(the_store, &the_owner, &the_mailbox, NULL, NULL);
		fold_set_test(NULL);
		must(fault == FAULT_NONE || fault == FAULT_CANCELLED);
	}
	return NULL;
}

static void *change_often(void *object)
{
	const struct thread_arg *arg = object;
	struct mailbox_state *view = read_state(the_store, &the_owner, &the_mailbox);

	for (uint32_t i = 0; i < 25; i++) {
		uint32_t first = 1 + rand_below(1800), last = first + rand_below(300);
		enum fault fault;

		append_some(the_store, &the_owner, &the_mailbox, 1);
		catch_up(the_store, &the_owner, view);
		fault = edit_range(the_store, &the_owner, view, first, last, i % 4 == arg->number % 4,
		                   BIT(rand_below(5)));
		must(fault == FAULT_NONE || fault == FAULT_STALE);
	}
	mailbox_state_free(view);
	return NULL;
}

/* A view that follows every change sees what one from scratch sees. */
static void *watch(void *object)
{
	struct mailbox_state *view = read_state(the_store, &the_owner, &the_mailbox);

	(void)object;
	for (int i = 0; i < 60; i++) {
		struct mailbox_state *fresh = read_state(the_store, &the_owner, &the_mailbox);

		while (view->head.modseq < fresh->head.modseq)
			catch_up(the_store, &the_owner, view);
		must(fresh->n == fresh->head.messages);
		must(view->n == view->head.messages);
		mailbox_state_free(fresh);
	}
	mailbox_state_free(view);
	return NULL;
}

static void *fold_race(void *object)
{
	const struct thread_arg *arg = object;

	return arg->number < 3 ? fold_often(object) : arg->number < 5 ? change_often(object) : watch(object);
}

static void test_race(void **state)
{
	struct mailbox_state *followed, *fresh;

	start(*state);
	append_many(2100);
	followed = read_state(the_store, &the_owner, &the_mailbox);
	run_threads(7, fold_race, NULL);
	fresh = read_state(the_store, &the_owner, &the_mailbox);
	catch_up(the_store, &the_owner, followed);
	assert_same(followed, fresh);
	fold_now();
	assert_reads_as(followed);
	mailbox_state_free(followed);
	mailbox_state_free(fresh);
}

/* A mod-sequence that no message takes: without any messages, with more behind it, and folded. */
static void test_touched(void **state)
{
	struct mailbox_state *followed;
	struct mailbox_head head;
	uint64_t before;

	start(*state);
	assert_good(mailbox_touch(the_store, &the_owner, &the_mailbox, &head, why));
	fold_now();
	append_many(3);
	followed = read_state(the_store, &the_owner, &the_mailbox);
	before = followed->modseq[2];
	assert_good(mailbox_touch(the_store, &the_owner, &the_mailbox, &head, why));
	assert_int_equal(head.modseq, followed->head.modseq + 1);
	assert_int_equal(head.messages, 3);
	catch_up(the_store, &the_owner, followed);
	assert_int_equal(followed->head.modseq, head.modseq);
	assert_int_equal(followed->modseq[2], before);
	append_many(2);
	catch_up(the_store, &the_owner, followed);
	fold_now();
	assert_reads_as(followed);
	assert_good(mailbox_touch(the_store, &the_owner, &the_mailbox, &head, why));
	fold_now();
	catch_up(the_store, &the_owner, followed);
	assert_int_equal(followed->head.modseq, head.modseq);
	assert_reads_as(followed);
	mailbox_state_free(followed);
}

/* ---- vanished ---- */

/* Expunges the next few of every other UID from `*uid` on, each as a change of its own. */
static void expunge_some(struct mailbox_state *view, uint32_t *uid, uint32_t last)
{
	enum { AT_ONCE = 64 };
	struct mailbox_edit edits[AT_ONCE];
	struct uid_set uids[AT_ONCE];
	struct mailbox_commit commit = {
		.mailbox = the_mailbox, .if_modseq = view->head.modseq, .edits = edits, .durable = true
	};
	struct mailbox_head head;

	for (; *uid <= last && commit.n_edits < AT_ONCE; *uid += 2) {
		int64_t at = mailbox_state_find(view, *uid);
		struct uid_set *set = &uids[commit.n_edits];

		must(at >= 0);
		uid_set_init(set);
		uid_set_add(set, *uid);
		edits[commit.n_edits++] = (struct mailbox_edit){
			.expunge = true,
			.uids = set,
			.messages = -1,
			.unseen = view->flags[at] & FLAG_SEEN ? 0 : -1,
			.bytes = -(int64_t)view->size[at],
		};
	}
	must_good(mailbox_commit(the_store, &the_owner, &commit, &head, why));
	for (uint32_t i = 0; i < commit.n_edits; i++)
		uid_set_done(&uids[i]);
	catch_up(the_store, &the_owner, view);
}

/* Every other UID, each alone: more runs than a page keeps. */
static void expunge_every_other(uint32_t first, uint32_t last)
{
	struct mailbox_state *view = read_state(the_store, &the_owner, &the_mailbox);

	for (uint32_t uid = first; uid <= last;)
		expunge_some(view, &uid, last);
	mailbox_state_free(view);
}

static void test_vanished(void **state)
{
	struct mailbox_state *all, *fresh;
	uint64_t floor;

	start(*state);
	append_many(1200);
	all = read_state(the_store, &the_owner, &the_mailbox);
	expunge_every_other(1, 300);
	catch_up(the_store, &the_owner, all);
	assert_int_equal(all->n_vanished, 150);
	assert_int_equal(all->vanished[149].uids.first, 299);
	fold_now();
	assert_reads_as(all);
	assert_int_equal(all->head.vanished_floor, 0);
	/* one change, one modseq: runs in UID order, joined over a page's end */
	change(true, 1000, 1050);
	fold_now();
	catch_up(the_store, &the_owner, all);
	fresh = read_state(the_store, &the_owner, &the_mailbox);
	assert_same(all, fresh);
	assert_int_equal(fresh->n_vanished, 151);
	assert_int_equal(fresh->vanished[150].uids.first, 1000);
	assert_int_equal(fresh->vanished[150].uids.last, 1050);
	mailbox_state_free(fresh);
	/* too many: the floor rises with this fold, the runs go with the next; neither loses what is above it */
	expunge_every_other(301, 999);
	expunge_every_other(2, 700);
	catch_up(the_store, &the_owner, all);
	fold_now();
	fresh = read_state(the_store, &the_owner, &the_mailbox);
	floor = fresh->head.vanished_floor;
	assert_true(floor > 0 && floor < fresh->head.modseq);
	assert_true(fresh->n_vanished >= VANISHED_PAGE_RUNS - 2 && fresh->vanished[0].modseq > floor);
	assert_same(all, fresh);
	change(false, 900, 900);
	fold_now();
	catch_up(the_store, &the_owner, all);
	assert_int_equal(all->head.vanished_floor, floor);
	assert_int_equal(all->n_vanished, fresh->n_vanished);
	assert_reads_as(all);
	mailbox_state_free(fresh);
	mailbox_state_free(all);
}

/* ---- keys ---- */

static void test_keys(void **state)
{
	struct place *place = *state;
	struct account_key *account;
	struct account_public public;
	struct content_key keys[3], opened;
	struct mailbox_append messages[3];
	struct mailbox_appended done;
	struct mailbox_state *view;
	struct page_row page;

	start(place);
	account = account_key_new(1);
	account_key_public(account, &public);
	for (int i = 0; i < 3; i++) {
		messages[i] = a_message(1, 0);
		content_key_new(&keys[i]);
		assert_true(content_key_box(&public, 1, &keys[i], &messages[i].key));
	}
	messages[1].key.raw[3] ^= 1; /* does not open: stays as it is */
	assert_good(mailbox_append(the_store, &the_owner, &the_mailbox, messages, 3, &done, why));
	assert_good(mailbox_fold(the_store, &the_owner, &the_mailbox, account, why));
	view = read_state(the_store, &the_owner, &the_mailbox);
	assert_int_equal(view->loaded[0], 0);
	assert_good(mailbox_page_keys(the_store, &the_owner, &the_mailbox, 0, place->arena, &page, why));
	assert_good(mailbox_state_load_keys(view, &page, why));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(view->loaded[i], 1);
		assert_true(id_eq(&view->content[i], &messages[i].content));
		assert_int_equal(view->key[i].kind, i == 1 ? WRAPPED_BOX : WRAPPED_SYMMETRIC);
		if (i == 1)
			continue;
		assert_good(content_key_open(account, &view->content[i], &view->key[i], &opened, why));
		assert_memory_equal(opened.raw, keys[i].raw, sizeof(opened.raw));
	}
	/* a change of flags leaves them; an expunge takes its own along */
	change(false, 1, 3);
	fold_now();
	change(true, 2, 2);
	fold_now();
	assert_good(mailbox_page_keys(the_store, &the_owner, &the_mailbox, 0, place->arena, &page, why));
	assert_true(slice_find(page.keys, id_slice(&messages[0].content)) >= 0);
	assert_true(slice_find(page.keys, id_slice(&messages[1].content)) < 0);
	assert_fault(FAULT_NOT_FOUND,
	             mailbox_page_keys(the_store, &the_owner, &the_mailbox, 5, place->arena, &page, why));
	mailbox_state_free(view);
	account_key_unref(account);
}

const struct CMUnitTest fold_cases[] = {
	CASE(test_fold),      CASE(test_history),      CASE(test_many_pages), CASE(test_interrupted),
	CASE(test_overtaken), CASE(test_race),         CASE(test_touched),    CASE(test_vanished),
	CASE(test_keys),      CASE(test_find_message),
};
const size_t n_fold_cases = ARRAY_LEN(fold_cases);
