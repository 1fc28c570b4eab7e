/* Names and life of mailboxes, usage, \Recent, conditional commits, and the wall. */
#include <pthread.h>

#include "place.h"
#include "store/log.h"

static const struct mailbox_row *row_of(const struct mailbox_row *rows, size_t n, const struct id *mailbox)
{
	for (size_t i = 0; i < n; i++)
		if (id_eq(&rows[i].meta.id, mailbox))
			return &rows[i];
	fail_msg("mailbox is not listed");
	return NULL;
}

static void test_create(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new();
	struct actor owner = owner_of(&ann);
	struct mailbox_meta meta = meta_of(&ann, "INBOX"), other;
	struct mailbox_row *rows;
	size_t n;

	meta.special_use = USE_INBOX | USE_SENT;
	meta.no_select = true;
	assert_good(mailbox_create(store, &owner, &meta, 42, why));
	assert_good(mailbox_create(store, &owner, &meta, 42, why)); /* a retry */
	other = meta;
	other.id = id_new();
	assert_fault(FAULT_EXISTS, mailbox_create(store, &owner, &other, 42, why));
	other = meta;
	other.name_hash = id_new();
	assert_fault(FAULT_EXISTS, mailbox_create(store, &owner, &other, 42, why));
	other.id = id_new();
	other.name_hash = meta.name_hash;
	other.parent = meta.id; /* the same name elsewhere */
	assert_good(mailbox_create(store, &owner, &other, 42, why));

	assert_good(mailbox_list(store, &owner, &ann, place->arena, &rows, &n, why));
	assert_int_equal(n, 2);
	rows = (struct mailbox_row *)row_of(rows, n, &meta.id);
	assert_true(id_eq(&rows->meta.account, &ann) && id_is_zero(&rows->meta.parent));
	assert_true(slice_eq(rows->meta.name, meta.name) && id_eq(&rows->meta.name_hash, &meta.name_hash));
	assert_int_equal(rows->meta.special_use, USE_INBOX | USE_SENT);
	assert_true(rows->meta.subscribed && rows->meta.no_select);
	assert_int_equal(rows->meta.version, 1);
	assert_int_equal(rows->head.uid_validity, 42);
	assert_int_equal(rows->head.uid_next, 1);
	assert_int_equal(rows->head.modseq, 1);
	assert_int_equal(rows->head.log_base, 1);
	assert_int_equal(rows->head.log_base_uid, 1);
	assert_int_equal(rows->head.recent_uid, 1);
	assert_int_equal(rows->head.messages + rows->head.unseen + rows->head.bytes + rows->head.keywords, 0);
	assert_int_equal(rows->head.vanished_floor, 0);
}

static void test_update(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new();
	struct actor owner = owner_of(&ann);
	struct mailbox_meta meta = meta_of(&ann, "old"), taken = meta_of(&ann, "taken");
	struct mailbox_row *rows;
	size_t n;

	assert_good(mailbox_create(store, &owner, &meta, 1, why));
	assert_good(mailbox_create(store, &owner, &taken, 1, why));
	append_some(store, &owner, &meta.id, 3);
	meta.version = 1;
	meta.name = SLICE("new");
	meta.name_hash = id_derive(&ann, meta.name);
	meta.subscribed = false;
	meta.special_use = USE_JUNK;
	meta.parent = taken.id;
	assert_good(mailbox_update(store, &owner, &meta, why));
	assert_fault(FAULT_STALE, mailbox_update(store, &owner, &meta, why));
	meta.version = 2;
	meta.name_hash = taken.name_hash;
	meta.parent = (struct id){ { 0 } };
	assert_fault(FAULT_EXISTS, mailbox_update(store, &owner, &meta, why));
	meta.id = id_new();
	assert_fault(FAULT_NOT_FOUND, mailbox_update(store, &owner, &meta, why));

	assert_good(mailbox_list(store, &owner, &ann, place->arena, &rows, &n, why));
	for (size_t i = 0; i < n; i++) {
		if (id_eq(&rows[i].meta.id, &taken.id))
			continue;
		assert_true(slice_eq(rows[i].meta.name, SLICE("new")) &&
		            id_eq(&rows[i].meta.parent, &taken.id));
		assert_false(rows[i].meta.subscribed);
		assert_int_equal(rows[i].meta.special_use, USE_JUNK);
		assert_int_equal(rows[i].meta.version, 2);
		assert_int_equal(rows[i].head.messages, 3); /* renaming touches no mail */
	}
}

static void test_delete(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), box = make_mailbox(store, &ann, "box"), again;
	struct actor owner = owner_of(&ann);
	struct mailbox_append message = a_message(1, 0);
	struct mailbox_appended done;
	struct mailbox_news news;
	struct page_row page;
	struct usage usage;
	size_t n;

	append_some(store, &owner, &box, 5);
	assert_good(mailbox_fold(store, &owner, &box, NULL, why));
	append_some(store, &owner, &box, 5);
	assert_good(mailbox_delete(store, &owner, &box, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_delete(store, &owner, &box, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_append(store, &owner, &box, &message, 1, &done, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_fetch_news(store, &owner, &box, 0, place->arena, &news, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_page_keys(store, &owner, &box, 0, place->arena, &page, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_fold(store, &owner, &box, NULL, why));
	assert_good(mailbox_usage(store, &owner, &ann, &usage, why));
	assert_int_equal(usage.messages + usage.bytes, 0);
	again = make_mailbox(store, &ann, "box"); /* the name is free */
	assert_fault(FAULT_NOT_FOUND, mailbox_page_keys(store, &owner, &again, 0, place->arena, &page, why));
	do
		assert_good(store_expire(store, clock_now(), 100, &n, why)); /* what is left of it */
	while (n);
}

static void test_usage(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), a = make_mailbox(store, &ann, "a"), b = make_mailbox(store, &ann, "b");
	struct id bob = id_new(), other = make_mailbox(store, &bob, "a");
	struct actor owner = owner_of(&ann), as_bob = owner_of(&bob);
	struct mailbox_append messages[3] = { a_message(UINT32_MAX, 0), a_message(5, FLAG_SEEN),
		                              a_message(0, 0) };
	struct mailbox_appended done;
	struct mailbox_state *box;
	struct usage usage;

	assert_good(mailbox_append(store, &owner, &a, messages, 3, &done, why));
	messages[0].tag = id_new();
	assert_good(mailbox_append(store, &owner, &b, messages, 2, &done, why));
	append_some(store, &as_bob, &other, 4);
	assert_good(mailbox_usage(store, &as_admin, &ann, &usage, why));
	assert_int_equal(usage.messages, 5);
	assert_true(usage.bytes == 2 * (uint64_t)UINT32_MAX + 10);
	box = read_state(store, &owner, &a);
	assert_int_equal(box->head.unseen, 2);
	assert_good(edit_range(store, &owner, box, 1, 1, true, 0));
	assert_good(edit_range(store, &owner, box, 3, 3, false, FLAG_SEEN));
	assert_int_equal(box->head.messages, 2);
	assert_int_equal(box->head.unseen, 0);
	assert_good(mailbox_usage(store, &owner, &ann, &usage, why));
	assert_int_equal(usage.messages, 4);
	assert_true(usage.bytes == (uint64_t)UINT32_MAX + 10);
	mailbox_state_free(box);
}

static struct mailbox_head look_at(struct place *place, struct store *store, const struct actor *owner,
                                   const struct id *box)
{
	struct mailbox_log log;

	assert_good(mailbox_look(store, owner, box, place->arena, &log, why));
	return log.head;
}

static void test_recent(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), box = make_mailbox(store, &ann, "box");
	struct actor owner = owner_of(&ann);
	struct mailbox_head three, four;

	append_some(store, &owner, &box, 3);
	three = look_at(place, store, &owner, &box);
	assert_int_equal(three.recent_uid, 1);
	append_some(store, &owner, &box, 1);
	assert_good(mailbox_take_recent(store, &owner, &box, &three, why));
	assert_fault(FAULT_STALE, mailbox_take_recent(store, &owner, &box, &three, why)); /* once for all */
	assert_good(mailbox_fold(store, &owner, &box, NULL, why));
	four = look_at(place, store, &owner, &box);
	assert_int_equal(four.recent_uid, 4); /* not what came behind the look */
	assert_good(mailbox_take_recent(store, &owner, &box, &four, why));
	assert_fault(FAULT_STALE, mailbox_take_recent(store, &owner, &box, &three, why));
	assert_int_equal(look_at(place, store, &owner, &box).recent_uid, 5);
}

static struct mailbox_log log_after(struct place *place, struct store *store, const struct actor *owner,
                                    const struct id *box, uint64_t since)
{
	struct mailbox_news news;

	assert_good(mailbox_fetch_news(store, owner, box, since, place->arena, &news, why));
	assert_int_equal(mailbox_log_from(&news.log) + news.log.n, news.log.head.modseq);
	return news.log;
}

/* Who knows a mailbox is told what came behind that, and the whole log if it does not go back so far. */
static void test_log_since(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), box = make_mailbox(store, &ann, "box");
	struct actor owner = owner_of(&ann);
	struct mailbox_log log;
	struct entry *entries;
	uint32_t *first;

	append_some(store, &owner, &box, 5); /* modseq 2 to 6 */
	assert_int_equal(log_after(place, store, &owner, &box, 0).n, 5);
	assert_int_equal(log_after(place, store, &owner, &box, 1).n, 5);
	log = log_after(place, store, &owner, &box, 4);
	assert_true(log.n == 2 && log.skipped == 3);
	assert_good(entry_decode_log(&log, place->arena, &entries, &first, why));
	assert_true(first[0] == 4 && first[1] == 5 && entries[1].n_appends == 1);
	assert_int_equal(log_after(place, store, &owner, &box, 6).n, 0);
	assert_int_equal(log_after(place, store, &owner, &box, 60).n, 0);
	assert_good(mailbox_fold(store, &owner, &box, NULL, why));
	append_some(store, &owner, &box, 3);
	assert_int_equal(log_after(place, store, &owner, &box, 4).n, 3);
	log = log_after(place, store, &owner, &box, 8);
	assert_true(log.n == 1 && log.skipped == 2);
	assert_good(entry_decode_log(&log, place->arena, &entries, &first, why));
	assert_int_equal(first[0], 8);
}

#define TAKERS 4

struct taker {
	struct store *store;
	struct actor actor;
	struct id box;
	pthread_t thread;
	uint32_t took;
	bool *over;
};

static void *take_each(void *arg)
{
	struct taker *taker = arg;
	struct mailbox_head head = { .recent_uid = 1 };
	struct arena *arena = arena_new();
	struct mailbox_log log;
	struct why later;
	bool last = false; /* what a look from now on sees is all that there will be */

	while (!last || head.recent_uid < head.uid_next) {
		last = __atomic_load_n(taker->over, __ATOMIC_SEQ_CST);
		arena_reset(arena);
		if (mailbox_look(taker->store, &taker->actor, &taker->box, arena, &log, &later))
			break;
		head = log.head;
		if (head.recent_uid < head.uid_next &&
		    !mailbox_take_recent(taker->store, &taker->actor, &taker->box, &head, &later))
			taker->took += head.uid_next - head.recent_uid;
	}
	arena_free(arena);
	return NULL;
}

/* While messages come in, several take what they see: each message is one's. */
static void test_recent_at_once(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), box = make_mailbox(store, &ann, "box");
	struct taker takers[TAKERS];
	struct actor owner = owner_of(&ann);
	bool over = false;
	uint32_t sum = 0;

	for (int i = 0; i < TAKERS; i++) {
		takers[i] = (struct taker){ .store = store, .actor = owner, .box = box, .over = &over };
		assert_int_equal(pthread_create(&takers[i].thread, NULL, take_each, &takers[i]), 0);
	}
	for (int i = 0; i < 100; i++)
		append_some(store, &owner, &box, 1);
	__atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
	for (int i = 0; i < TAKERS; i++) {
		pthread_join(takers[i].thread, NULL);
		sum += takers[i].took;
	}
	assert_int_equal(sum, 100);
}

/* ---- conditional commits ---- */

static void test_stale(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), box = make_mailbox(store, &ann, "box");
	struct actor owner = owner_of(&ann);
	struct mailbox_state *mine, *theirs;

	append_some(store, &owner, &box, 4);
	mine = read_state(store, &owner, &box);
	theirs = read_state(store, &owner, &box);
	assert_good(edit_range(store, &owner, theirs, 1, 2, false, FLAG_SEEN));
	assert_fault(FAULT_STALE, edit_range(store, &owner, mine, 3, 3, true, 0));
	assert_int_equal(mine->n, 4);
	catch_up(store, &owner, mine);
	assert_int_equal(mine->head.messages, 4);
	assert_int_equal(mine->head.unseen, 2);
	assert_int_equal(mine->flags[0], FLAG_SEEN);
	assert_good(edit_range(store, &owner, mine, 3, 3, true, 0));
	assert_int_equal(mine->n, 3);
	/* an append makes a view stale like anything else, a fold does not */
	append_some(store, &owner, &box, 1);
	assert_fault(FAULT_STALE, edit_range(store, &owner, mine, 1, 1, true, 0));
	catch_up(store, &owner, mine);
	assert_good(mailbox_fold(store, &owner, &box, NULL, why));
	assert_good(edit_range(store, &owner, mine, 1, 1, true, 0));
	mailbox_state_free(mine);
	mailbox_state_free(theirs);
}

static void test_keywords(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), box = make_mailbox(store, &ann, "box");
	struct actor owner = owner_of(&ann);
	struct slice names[2] = { SLICE("sealed one"), slice_of("\0sealed two", 11) };
	struct mailbox_commit commit = { .mailbox = box, .keywords = names, .n_keywords = 2 };
	struct mailbox_head head;
	struct mailbox_news news;
	struct uid_set uids;
	struct mailbox_edit edit = { .op = FLAGS_ADD, .keywords = 2, .uids = &uids };
	struct mailbox_state *view;

	append_some(store, &owner, &box, 1);
	assert_good(
	    mailbox_commit(store, &owner, &commit, &head, why)); /* names alone: no change, no modseq */
	assert_int_equal(head.keywords, 2);
	assert_int_equal(head.modseq, 2);
	assert_fault(FAULT_STALE, mailbox_commit(store, &owner, &commit, &head, why));
	uid_set_init(&uids);
	uid_set_add(&uids, 1);
	commit = (struct mailbox_commit){
		.mailbox = box,
		.if_modseq = 2,
		.edits = &edit,
		.n_edits = 1,
		.keywords = names,
		.n_keywords = 1,
		.if_keywords = 2,
	};
	assert_good(mailbox_commit(store, &owner, &commit, &head, why));
	assert_int_equal(head.keywords, 3);
	assert_int_equal(head.modseq, 3);
	commit.if_modseq = 3; /* right about the changes, wrong about the names: nothing happens */
	assert_fault(FAULT_STALE, mailbox_commit(store, &owner, &commit, &head, why));
	assert_good(mailbox_fold(store, &owner, &box, NULL, why));
	assert_good(mailbox_fetch_news(store, &owner, &box, 0, place->arena, &news, why));
	assert_int_equal(news.log.head.modseq, 3);
	assert_int_equal(news.log.head.keywords, 3);
	assert_true(slice_eq(news.log.keywords[0], names[0]) && slice_eq(news.log.keywords[1], names[1]) &&
	            slice_eq(news.log.keywords[2], names[0]));
	view = read_state(store, &owner, &box);
	assert_int_equal(view->keywords[0], 2);
	commit.if_keywords = 3;
	commit.n_keywords = MAILBOX_KEYWORDS_MAX;
	assert_fault(FAULT_LIMIT, mailbox_commit(store, &owner, &commit, &head, why));
	mailbox_state_free(view);
	uid_set_done(&uids);
}

/* ---- the wall ---- */

static void test_wall(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), bob = id_new(), box = make_mailbox(store, &ann, "box");
	struct actor as_bob = owner_of(&bob), to_bob = delivery_to(&bob), as_ann = owner_of(&ann);
	struct actor admin_of_bob = { ACTOR_ADMIN, bob };
	struct mailbox_meta meta = meta_of(&ann, "another");
	struct mailbox_append message = a_message(1, 0);
	struct mailbox_appended done;
	struct mailbox_news news;
	struct mailbox_row *rows;
	struct page_row page;
	struct mailbox_state *view;
	const struct mailbox_head head = { .recent_uid = 1, .uid_next = 3 };
	size_t n;

	append_some(store, &as_ann, &box, 2);
	assert_good(mailbox_fold(store, &as_ann, &box, NULL, why));
	view = read_state(store, &as_ann, &box);
	assert_fault(FAULT_NOT_FOUND, mailbox_append(store, &as_bob, &box, &message, 1, &done, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_append(store, &to_bob, &box, &message, 1, &done, why));
	assert_fault(FAULT_NOT_FOUND, edit_range(store, &as_bob, view, 1, 1, true, 0));
	assert_fault(FAULT_NOT_FOUND, mailbox_fetch_news(store, &as_bob, &box, 0, place->arena, &news, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_page_keys(store, &as_bob, &box, 0, place->arena, &page, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_take_recent(store, &as_bob, &box, &head, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_fold(store, &as_bob, &box, NULL, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_delete(store, &as_bob, &box, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_delete(store, &admin_of_bob, &box, why));
	assert_fault(FAULT_DENIED, mailbox_create(store, &as_bob, &meta, 1, why));
	meta.id = box;
	meta.version = 1;
	assert_fault(FAULT_NOT_FOUND, mailbox_update(store, &as_bob, &meta, why));
	assert_good(mailbox_list(store, &as_bob, &ann, place->arena, &rows, &n, why));
	assert_int_equal(n, 0);
	assert_good(mailbox_list(store, &admin_of_bob, &ann, place->arena, &rows, &n, why));
	assert_int_equal(n, 0);
	catch_up(store, &as_ann, view);
	assert_int_equal(view->n, 2);
	mailbox_state_free(view);
}

static void test_wall_kinds(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), box = make_mailbox(store, &ann, "box");
	struct actor to_ann = delivery_to(&ann), nobody = { .kind = ACTOR_OWNER };
	struct mailbox_meta meta = meta_of(&ann, "m");
	struct mailbox_append message = a_message(1, 0);
	struct mailbox_appended done;
	struct mailbox_state *view;
	struct mailbox_news news;
	struct usage usage;

	assert_good(mailbox_append(store, &to_ann, &box, &message, 1, &done, why));
	assert_good(mailbox_usage(store, &to_ann, &ann, &usage, why));
	view = read_state(store, &as_system, &box);
	assert_fault(FAULT_DENIED, edit_range(store, &to_ann, view, 1, 1, true, 0));
	assert_fault(FAULT_DENIED, edit_range(store, &as_admin, view, 1, 1, true, 0));
	assert_fault(FAULT_DENIED, mailbox_create(store, &to_ann, &meta, 1, why));
	assert_fault(FAULT_DENIED, mailbox_append(store, &as_admin, &box, &message, 1, &done, why));
	assert_fault(FAULT_DENIED, mailbox_append(store, &as_queue, &box, &message, 1, &done, why));
	assert_fault(FAULT_DENIED, mailbox_append(store, &nobody, &box, &message, 1, &done, why));
	assert_fault(FAULT_DENIED, mailbox_fetch_news(store, &as_admin, &box, 0, place->arena, &news, why));
	assert_good(mailbox_create(store, &as_admin, &meta, 1, why));
	assert_good(mailbox_delete(store, &as_admin, &meta.id, why));
	mailbox_state_free(view);
}

const struct CMUnitTest mailbox_cases[] = {
	CASE(test_create),   CASE(test_update),         CASE(test_delete),     CASE(test_usage),
	CASE(test_recent),   CASE(test_recent_at_once), CASE(test_log_since),  CASE(test_stale),
	CASE(test_keywords), CASE(test_wall),           CASE(test_wall_kinds),
};
const size_t n_mailbox_cases = ARRAY_LEN(mailbox_cases);
