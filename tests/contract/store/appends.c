/* Appending: entries, tags, lost answers, group commit, a full log. */
#include "shim.h"

static struct store *the_store, *beside; /* beside: as another process would have it */
static struct id the_account, the_mailbox;

static struct actor start(struct place *place)
{
	the_store = open_store(place);
	the_account = id_new();
	the_mailbox = make_mailbox(the_store, &the_account, "box");
	return owner_of(&the_account);
}

static void assert_messages(uint32_t n)
{
	struct actor owner = owner_of(&the_account);
	struct mailbox_state *view = read_state(the_store, &owner, &the_mailbox);

	assert_int_equal(view->n, n);
	assert_int_equal(view->head.messages, n);
	mailbox_state_free(view);
}

static void test_append(void **state)
{
	struct actor owner = start(*state);
	struct mailbox_append messages[3] = { a_message(10, FLAG_FLAGGED), a_message(20, FLAG_SEEN),
		                              a_message(30, 0) };
	struct mailbox_appended done;
	struct mailbox_state *view;

	messages[1].internal_date = -5;
	messages[2].key.kind = WRAPPED_SYMMETRIC;
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 1, &done, why));
	assert_int_equal(done.uid_validity, 7);
	assert_int_equal(done.first_uid, 1);
	assert_int_equal(done.head.modseq, 2);
	messages[0].tag = id_new();
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 3, &done, why));
	assert_int_equal(done.first_uid, 2);
	assert_int_equal(done.head.uid_next, 5);
	assert_int_equal(done.head.modseq, 3); /* one entry, one mod-sequence */
	assert_int_equal(done.head.messages, 4);
	assert_int_equal(done.head.unseen, 3);
	assert_int_equal(done.head.bytes, 70);
	view = read_state(the_store, &owner, &the_mailbox);
	assert_int_equal(view->n, 4);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(view->uid[1 + i], 2 + i);
		assert_int_equal(view->modseq[1 + i], 3);
		assert_int_equal(view->flags[1 + i], messages[i].flags);
		assert_int_equal(view->size[1 + i], messages[i].size);
		assert_true(view->internal_date[1 + i] == messages[i].internal_date);
		assert_true(view->save_date[1 + i] == messages[i].save_date);
		assert_true(view->loaded[1 + i] && id_eq(&view->content[1 + i], &messages[i].content));
		assert_int_equal(view->key[1 + i].kind, messages[i].key.kind);
		assert_memory_equal(view->key[1 + i].raw, messages[i].key.raw,
		                    wrapped_size(&messages[i].key));
	}
	mailbox_state_free(view);
}

static void test_same_tag(void **state)
{
	struct actor owner = start(*state);
	struct mailbox_append messages[2] = { a_message(10, 0), a_message(20, 0) };
	struct mailbox_appended done;

	assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 2, &done, why));
	append_some(the_store, &owner, &the_mailbox, 3);
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 2, &done, why));
	assert_int_equal(done.first_uid, 1);
	assert_int_equal(done.head.uid_next, 3); /* as it was just after */
	assert_int_equal(done.head.messages, 2);
	assert_messages(5);
	assert_fault(FAULT_EXISTS, mailbox_append(the_store, &owner, &the_mailbox, messages, 1, &done, why));
	messages[0].tag = (struct id){ { 0 } }; /* none: nothing to recognise */
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 2, &done, why));
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 2, &done, why));
	assert_messages(9);
}

static void test_find_append(void **state)
{
	struct actor owner = start(*state), delivery = delivery_to(&the_account);
	struct mailbox_append message = a_message(10, 0);
	struct mailbox_appended done;

	append_some(the_store, &owner, &the_mailbox, 3);
	assert_fault(FAULT_NOT_FOUND,
	             mailbox_find_append(the_store, &delivery, &the_mailbox, &message.tag, &done, why));
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, &message, 1, &done, why));
	for (int folds = 0; folds < 3; folds++) {
		append_some(the_store, &owner, &the_mailbox, 2);
		done = (struct mailbox_appended){ 0 };
		assert_good(
		    mailbox_find_append(the_store, &delivery, &the_mailbox, &message.tag, &done, why));
		assert_int_equal(done.first_uid, 4);
		assert_int_equal(done.uid_validity, 7);
		assert_good(mailbox_fold(the_store, &owner, &the_mailbox, NULL, why));
	}
	message.tag = id_new();
	assert_fault(FAULT_NOT_FOUND,
	             mailbox_find_append(the_store, &delivery, &the_mailbox, &message.tag, &done, why));
}

/* ---- contents that come with it ---- */

static struct mailbox_append with_record(struct place *place, const struct id *account, const char *value)
{
	struct mailbox_append message = a_message(10, 0);
	struct record *record = arena_make(place->arena, struct record);

	*record = (struct record){
		.key = arena_copy(place->arena, id_slice(&message.content)),
		.version = RECORD_NEW,
		.accounts = arena_copy(place->arena, id_slice(account)),
		.value = slice_str(value),
		.body = SLICE("body"),
	};
	message.record = record;
	return message;
}

static void assert_content(struct place *place, const struct mailbox_append *message, const char *value)
{
	struct actor owner = owner_of(&the_account);
	struct record got;
	enum fault fault = record_get(the_store, &owner, COLL_CONTENTS, message->record->key, true,
	                              place->arena, &got, NULL);

	assert_int_equal(fault, value ? FAULT_NONE : FAULT_NOT_FOUND);
	assert_true(!value || (slice_is(got.value, value) && slice_is(got.body, "body")));
}

static void test_append_content(void **state)
{
	struct place *place = *state;
	struct actor owner = start(place);
	struct mailbox_append messages[2] = { with_record(place, &the_account, "one"),
		                              with_record(place, &the_account, "two") };
	struct mailbox_appended done;

	assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 2, &done, why));
	assert_content(place, &messages[0], "one");
	assert_content(place, &messages[1], "two");
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 2, &done, why)); /* a retry */
	assert_int_equal(done.first_uid, 1);
	assert_messages(2);
}

static void test_append_content_refused(void **state)
{
	struct place *place = *state;
	struct actor owner = start(place);
	struct id stranger = id_new();
	struct mailbox_append mine = with_record(place, &the_account, "mine"),
	                      foreign = with_record(place, &stranger, "foreign"), taken = mine;
	struct record other;
	struct mailbox_appended done;

	assert_fault(FAULT_DENIED, mailbox_append(the_store, &owner, &the_mailbox, &foreign, 1, &done, why));
	assert_content(place, &foreign, NULL);
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, &mine, 1, &done, why));
	other = *mine.record;
	other.value = SLICE("other");
	taken.record = &other;
	taken.tag = id_new();
	assert_fault(FAULT_CORRUPT, mailbox_append(the_store, &owner, &the_mailbox, &taken, 1, &done, why));
	assert_content(place, &mine, "mine");
	assert_messages(1);
}

static void test_append_content_lost(void **state)
{
	struct place *place = *state;
	struct actor owner = start(place);
	struct mailbox_append message = with_record(place, &the_account, "late");
	struct mailbox_appended done;

	shim_in(the_store);
	shim.refuse = 1;
	shim.lose = 1;
	assert_good(mailbox_append(the_store, &owner, &the_mailbox, &message, 1, &done, why));
	shim_out(the_store);
	assert_content(place, &message, "late");
	assert_messages(1);
}

/* ---- lost answers ---- */

static void fold_now(void)
{
	struct actor owner = owner_of(&the_account);

	must_good(mailbox_fold(the_store, &owner, &the_mailbox, NULL, why));
}

static void append_now(void)
{
	struct actor owner = owner_of(&the_account);

	append_some(beside, &owner, &the_mailbox, 1);
}

static void test_lost_append(void **state)
{
	static const struct {
		const char *name;
		int lose, refuse, away;
		void (*after)(void);
		uint32_t others; /* messages that `after` adds */
	} cases[] = {
		{ "refused", 0, 1, 0, NULL, 0 },
		{ "refused again and again", 0, 4, 0, NULL, 0 },
		{ "lost", 1, 0, 0, NULL, 0 },
		{ "lost, and the store away", 1, 0, 3, NULL, 0 },
		{ "lost, and folded", 1, 0, 0, fold_now, 0 },
		{ "lost, and others came", 1, 0, 0, append_now, 1 },
	};
	struct actor owner = start(*state);
	uint32_t have = append_some(the_store, &owner, &the_mailbox, 5);

	beside = open_beside(*state);
	shim_in(the_store);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct mailbox_append messages[2] = { a_message(1, 0), a_message(2, 0) };
		struct mailbox_appended done;

		shim.lose = cases[i].lose;
		shim.refuse = cases[i].refuse;
		shim.away = cases[i].away;
		shim.after_lost = cases[i].after;
		assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, 2, &done, why));
		if (done.first_uid != have + 1)
			fail_msg("%s: UID %u, not %u", cases[i].name, done.first_uid, have + 1);
		have += 2 + cases[i].others;
		assert_messages(have);
	}
	shim_out(the_store);
	store_close(beside);
}

/* An edit whose answer was lost: done, with the head that was just after, whatever came later. */
static void test_lost_commit(void **state)
{
	struct actor owner = start(*state);
	struct uid_set uids;
	struct mailbox_edit edit = { .op = FLAGS_ADD, .flags = FLAG_SEEN, .uids = &uids, .unseen = -2 };
	struct mailbox_commit commit = { .mailbox = the_mailbox, .edits = &edit, .n_edits = 1 };
	struct mailbox_state *view;
	struct mailbox_head head;

	append_some(the_store, &owner, &the_mailbox, 4);
	view = read_state(the_store, &owner, &the_mailbox);
	uid_set_init(&uids);
	uid_set_add_range(&uids, 2, 3);
	beside = open_beside(*state);
	shim_in(the_store);
	commit.if_modseq = view->head.modseq;
	shim.lose = 1;
	shim.after_lost = append_now;
	assert_good(mailbox_commit(the_store, &owner, &commit, &head, why));
	assert_int_equal(head.modseq, commit.if_modseq + 1);
	assert_int_equal(head.uid_next, 5);
	assert_int_equal(head.messages, 4);
	assert_int_equal(head.unseen, 2);
	catch_up(the_store, &owner, view);
	assert_int_equal(view->head.unseen, 3);
	/* refused: once more */
	commit.if_modseq = view->head.modseq;
	edit.op = FLAGS_REMOVE;
	edit.unseen = 2;
	shim.refuse = 2;
	assert_good(mailbox_commit(the_store, &owner, &commit, &head, why));
	assert_int_equal(head.modseq, commit.if_modseq + 1);
	/* lost and folded away: nobody can tell, so it is stale, and who decides again sees it done */
	catch_up(the_store, &owner, view);
	commit.if_modseq = view->head.modseq;
	edit.op = FLAGS_ADD;
	edit.unseen = -2;
	shim.lose = 1;
	shim.after_lost = fold_now;
	assert_fault(FAULT_STALE, mailbox_commit(the_store, &owner, &commit, &head, why));
	shim_out(the_store);
	store_close(beside);
	catch_up(the_store, &owner, view);
	assert_int_equal(view->flags[1], FLAG_SEEN);
	uid_set_done(&uids);
	mailbox_state_free(view);
}

/* One message in place of another: nobody sees both or none, a lost answer is no second message, and what is stale
 * leaves both as they were. */
static void test_append_with_expunge(void **state)
{
	struct actor owner = start(*state);
	struct mailbox_append message = a_message(40, FLAG_SEEN);
	struct uid_set uids;
	struct mailbox_edit edit = {
		.expunge = true, .uids = &uids, .messages = -1, .unseen = -1, .bytes = -100
	};
	struct mailbox_commit commit = {
		.mailbox = the_mailbox, .appends = &message, .n_appends = 1, .edits = &edit, .n_edits = 1
	};
	struct mailbox_appended found;
	struct mailbox_state *view;
	struct mailbox_head head;

	append_some(the_store, &owner, &the_mailbox, 3);
	view = read_state(the_store, &owner, &the_mailbox);
	uid_set_init(&uids);
	uid_set_add(&uids, 2);
	commit.if_modseq = view->head.modseq - 1;
	assert_fault(FAULT_STALE, mailbox_commit(the_store, &owner, &commit, &head, why));
	assert_messages(3);
	shim_in(the_store);
	shim.lose = 1;
	commit.if_modseq = view->head.modseq;
	assert_good(mailbox_commit(the_store, &owner, &commit, &head, why));
	shim_out(the_store);
	assert_int_equal(head.modseq, commit.if_modseq + 2);
	assert_int_equal(head.uid_next, 5);
	assert_int_equal(head.messages, 3);
	assert_int_equal(head.unseen, 2);
	assert_int_equal(head.bytes, 240);
	catch_up(the_store, &owner, view);
	assert_int_equal(view->n, 3);
	assert_int_equal(mailbox_state_find(view, 2), -1);
	assert_int_equal(view->uid[2], 4);
	assert_true(id_eq(&view->content[2], &message.content));
	assert_good(mailbox_find_append(the_store, &owner, &the_mailbox, &message.tag, &found, why));
	assert_int_equal(found.first_uid, 4);
	uid_set_done(&uids);
	mailbox_state_free(view);
}

/* ---- group commit ---- */

#define WRITERS 16
#define EACH    8

struct grouped {
	struct id contents[WRITERS * EACH];
	uint32_t uids[WRITERS * EACH];
};

static void *append_each(void *object)
{
	const struct thread_arg *arg = object;
	struct grouped *grouped = arg->shared;
	struct actor delivery = delivery_to(&the_account);

	for (unsigned i = 0; i < EACH; i++) {
		unsigned at = arg->number * EACH + i;
		struct mailbox_append message = a_message(10, 0);
		struct mailbox_appended done;

		must_good(mailbox_append(the_store, &delivery, &the_mailbox, &message, 1, &done, why));
		must(done.head.uid_next > done.first_uid);
		grouped->contents[at] = message.content;
		grouped->uids[at] = done.first_uid;
	}
	return NULL;
}

/* Each was told the UID that its own message has, and all are there once. */
static void check_grouped(const struct grouped *grouped)
{
	struct actor owner = owner_of(&the_account);
	struct mailbox_state *view = read_state(the_store, &owner, &the_mailbox);

	assert_int_equal(view->n, WRITERS * EACH);
	for (size_t i = 0; i < WRITERS * EACH; i++) {
		int64_t at = mailbox_state_find(view, grouped->uids[i]);

		assert_true(at >= 0 && id_eq(&view->content[at], &grouped->contents[i]));
	}
	mailbox_state_free(view);
}

static void test_group_commit(void **state)
{
	struct grouped grouped;

	start(*state);
	shim_in(the_store);
	shim.delay_ms = 10;
	run_threads(WRITERS, append_each, &grouped);
	assert_true(shim.commits < WRITERS * EACH / 4);
	shim_out(the_store);
	check_grouped(&grouped);
}

static void test_group_lost(void **state)
{
	struct grouped grouped;

	start(*state);
	shim_in(the_store);
	shim.delay_ms = 5;
	shim.lose = 3;
	shim.refuse = 2;
	run_threads(WRITERS, append_each, &grouped);
	shim_out(the_store);
	check_grouped(&grouped);
}

struct mixed {
	struct id stranger;
	atomic_int refused, done;
};

/* Half of them are somebody else, and may not ride along. */
static void *append_mixed(void *object)
{
	const struct thread_arg *arg = object;
	struct mixed *mixed = arg->shared;
	struct actor actor = delivery_to(arg->number % 2 ? &mixed->stranger : &the_account);

	for (int i = 0; i < 6; i++) {
		struct mailbox_append message = a_message(10, 0);
		struct mailbox_appended done;
		enum fault fault = mailbox_append(the_store, &actor, &the_mailbox, &message, 1, &done, NULL);

		must(fault == (arg->number % 2 ? FAULT_NOT_FOUND : FAULT_NONE));
		if (fault)
			mixed->refused++;
		else
			mixed->done++;
	}
	return NULL;
}

static void test_group_wall(void **state)
{
	struct mixed mixed = { .stranger = id_new() };

	start(*state);
	shim_in(the_store);
	shim.delay_ms = 5;
	run_threads(8, append_mixed, &mixed);
	shim_out(the_store);
	assert_int_equal(mixed.done, 24);
	assert_int_equal(mixed.refused, 24);
	assert_messages(24);
}

/* ---- a full log ---- */

static void test_full_of_entries(void **state)
{
	enum { AT_ONCE = 512 };
	struct actor owner = start(*state);
	struct uid_set uids;
	struct mailbox_edit edits[AT_ONCE];
	struct mailbox_commit commit = { .mailbox = the_mailbox, .edits = edits, .n_edits = AT_ONCE };
	struct mailbox_head head;
	struct mailbox_state *view;

	append_some(the_store, &owner, &the_mailbox, 1);
	uid_set_init(&uids);
	uid_set_add(&uids, 1);
	for (int i = 0; i < AT_ONCE; i++)
		edits[i] = (struct mailbox_edit){
			.op = i % 2 ? FLAGS_REMOVE : FLAGS_ADD,
			.flags = FLAG_FLAGGED,
			.uids = &uids,
		};
	commit.if_modseq = 2;
	for (int i = 0; i < 20; i++) { /* past any limit of entries */
		assert_good(mailbox_commit(the_store, &owner, &commit, &head, why));
		assert_int_equal(head.modseq, commit.if_modseq + AT_ONCE);
		commit.if_modseq = head.modseq;
	}
	assert_true(head.log_base > 1);
	view = read_state(the_store, &owner, &the_mailbox);
	assert_int_equal(view->modseq[0], 2 + 20 * AT_ONCE);
	assert_int_equal(view->flags[0], 0);
	mailbox_state_free(view);
	uid_set_done(&uids);
}

static void test_full_of_bytes(void **state)
{
	enum { AT_ONCE = 8000 };
	struct place *place = *state;
	struct actor owner = start(place);
	struct mailbox_append *messages =
	    arena_array(place->arena, struct mailbox_append, ENTRY_APPENDS_MAX + 1);
	struct mailbox_appended done;

	for (int i = 0; i < AT_ONCE; i++)
		messages[i] = a_message(1, 0);
	for (int i = 0; i < 6; i++) {
		messages[0].tag = id_new();
		assert_good(mailbox_append(the_store, &owner, &the_mailbox, messages, AT_ONCE, &done, why));
		assert_int_equal(done.first_uid, i * AT_ONCE + 1);
	}
	assert_true(done.head.log_base > 1);
	assert_messages(6 * AT_ONCE);
	assert_fault(FAULT_LIMIT, mailbox_append(the_store, &owner, &the_mailbox, messages,
	                                         ENTRY_APPENDS_MAX + 1, &done, why));
}

const struct CMUnitTest append_cases[] = {
	CASE(test_append),
	CASE(test_same_tag),
	CASE(test_find_append),
	CASE(test_lost_append),
	CASE(test_lost_commit),
	CASE(test_append_with_expunge),
	CASE(test_group_commit),
	CASE(test_group_lost),
	CASE(test_group_wall),
	CASE(test_full_of_entries),
	CASE(test_full_of_bytes),
	CASE(test_append_content),
	CASE(test_append_content_refused),
	CASE(test_append_content_lost),
};
const size_t n_append_cases = ARRAY_LEN(append_cases);
