/* The sweeper (check.h): what nothing names goes, after its time; everything else stays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "fixture.h"
#include "suite/check.h"
#include "suite/copy.h"
#include "suite/outgoing.h"

#define HOUR INT64_C(3600000)

static const struct actor system_actor = { .kind = ACTOR_SYSTEM }, queue_actor = { .kind = ACTOR_QUEUE };

static struct sweep_result sweep(struct fixture *f, int64_t grace, bool dry)
{
	struct sweep_result result;

	good(sweep_run(f->stack, grace, dry, NULL, NULL, &result, WHY));
	return result;
}

static bool is_there(struct fixture *f, const struct id *content)
{
	struct record record;
	enum fault fault = record_get(f->stack->store, &system_actor, COLL_CONTENTS, id_slice(content), true,
	                              f->arena, &record, WHY);

	assert_true(!fault || fault == FAULT_NOT_FOUND);
	return !fault;
}

static size_t blobs(struct fixture *f)
{
	struct blob_info *list;
	size_t n;

	good(blob_list(f->stack->blobs, NULL, 1000, f->arena, &list, &n, WHY));
	return n;
}

static int age(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const struct timespec old[2] = { { .tv_sec = 1600000000 }, { .tv_sec = 1600000000 } };

	(void)st, (void)ftw;
	return type == FTW_F ? utimensat(AT_FDCWD, path, old, 0) : 0;
}

/* The blobs' files become some years old. */
static void age_blobs(struct fixture *f)
{
	assert(nftw(fixture_path(f, "blobs"), age, 16, FTW_PHYS) == 0);
}

/* Stored, and named by nothing. */
static struct id store_unnamed(struct fixture *f, const struct person *who, size_t size)
{
	const struct actor delivery = { ACTOR_DELIVERY, who->account.id };
	struct sealed_message sealed;
	uint8_t *text = arena_alloc(f->arena, size);

	rand_bytes(text, size);
	good(message_seal(&f->conf, slice_of(text, size), f->arena, &sealed, WHY));
	good(message_store(f->stack, &delivery, &sealed, &who->account.id, 1, f->arena, WHY));
	sealed_message_done(&sealed);
	return sealed.content;
}

static void expunge(struct fixture *f, const struct person *who, const struct id *mailbox, uint32_t uid)
{
	struct uid_set uids;

	uid_set_init(&uids);
	uid_set_add(&uids, uid);
	good(copy_expunge(f->stack, &who->owner, mailbox, &uids, WHY));
	uid_set_done(&uids);
}

static void marks_then_removes(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct id small = store_unnamed(f, &alice, 100), large = store_unnamed(f, &alice, 200000);
	struct sweep_result result;

	age_blobs(f);
	result = sweep(f, 0, true);
	assert_int_equal(result.contents, 2);
	assert_int_equal(result.contents_removed, 0);
	result = sweep(f, 0, false); /* the dry run has marked nothing */
	assert_int_equal(result.contents_removed, 0);
	result = sweep(f, HOUR, false);
	assert_int_equal(result.contents_removed, 0);
	result = sweep(f, 0, true);
	assert_int_equal(result.contents_removed, 2);
	assert_int_equal(result.blobs_removed, 0);
	assert_true(is_there(f, &small) && is_there(f, &large));
	result = sweep(f, 0, false);
	assert_int_equal(result.contents_removed, 2);
	assert_int_equal(result.blobs_removed, 1);
	assert_true(result.bytes_removed > 200000);
	assert_false(is_there(f, &small) || is_there(f, &large));
	assert_int_equal(blobs(f), 0);
	result = sweep(f, 0, false);
	assert_int_equal(result.contents + result.blobs, 0);
}

/* A mark is forgotten when something names the content again. */
static void named_again(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct id content = fixture_deliver(f, &alice, &alice.account.inbox, SLICE(MESSAGE), 0);
	struct mailbox_state *mailbox = fixture_state(f, &alice.owner, &alice.account.inbox);
	const struct mailbox_append again = { .content = content,
		                              .key = mailbox->key[0],
		                              .size = mailbox->size[0] };
	struct mailbox_appended appended;

	mailbox_state_free(mailbox);
	expunge(f, &alice, &alice.account.inbox, 1);
	(void)sweep(f, 0, false);
	/* a session that saw it before copies it now */
	good(mailbox_append(f->stack->store, &alice.owner, &alice.account.junk, &again, 1, &appended, WHY));
	assert_int_equal(sweep(f, 0, false).contents_removed, 0);
	expunge(f, &alice, &alice.account.junk, 1);
	assert_int_equal(sweep(f, 0, false).contents_removed, 0);
	assert_true(is_there(f, &content));
	assert_int_equal(sweep(f, 0, false).contents_removed, 1);
}

static void put_on_queue(struct fixture *f, struct sealed_message *sealed, int64_t accepted)
{
	struct outgoing_recipient to = {
		.address = "x@example.net", .orcpt = "", .reply = "", .status = "", .host = ""
	};
	struct envelope_out envelope = {
		.from = "", .trace = "", .envid = "", .recipients = &to, .n = 1, .accepted = accepted
	};
	struct account_public public;
	uint8_t generation;

	good(queue_public_key(f->stack, &public, &generation, WHY));
	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, sealed, WHY));
	envelope.key = sealed->key;
	good(outgoing_put(f->stack, sealed, &envelope, NULL, NULL, 0, f->arena, WHY));
	sealed_message_done(sealed);
}

/* In the log, in the pages, in a blob, on the queue, of a suspended account. */
static void what_is_named_stays(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	char *large = arena_alloc(f->arena, 200001);
	struct sealed_message sealed;
	struct account account;
	struct id contents[5];

	for (size_t i = 0; i < 200000; i++)
		large[i] = (char)(' ' + rand_below(90));
	large[200000] = '\0';
	contents[0] = fixture_deliver(f, &alice, &alice.account.inbox, SLICE(MESSAGE), 0);
	good(mailbox_fold(f->stack->store, &system_actor, &alice.account.inbox, NULL, WHY));
	contents[1] = fixture_deliver(f, &alice, &alice.account.inbox, SLICE(MESSAGE), 0);
	contents[2] = fixture_deliver(f, &alice, &alice.account.junk, slice_str(large), 0);
	contents[3] = fixture_deliver(f, &bob, &bob.account.inbox, SLICE(MESSAGE), 0);
	put_on_queue(f, &sealed, clock_now());
	contents[4] = sealed.content;
	account = fixture_get(f, &bob.account.id);
	account.state = ACCOUNT_SUSPENDED;
	good(account_put(f->stack, NULL, &account, WHY));
	age_blobs(f);
	for (int i = 0; i < 3; i++) {
		struct sweep_result result = sweep(f, 0, false);

		assert_int_equal(result.contents, 5);
		assert_int_equal(result.contents_removed + result.blobs_removed + result.queue_removed, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(contents); i++)
		assert_true(is_there(f, &contents[i]));
	assert_int_equal(blobs(f), 1);
}

/* An entry whose content never came was never accepted: it goes when it is old. */
static void queue_orphans(void **state)
{
	struct fixture *f = *state;
	const struct queue_query query = { .limit = 10 };
	struct sealed_message young, old, whole;
	struct queue_entry *entries;
	size_t n;

	put_on_queue(f, &young, clock_now());
	put_on_queue(f, &old, clock_now() - 2 * HOUR);
	put_on_queue(f, &whole, clock_now() - 2 * HOUR);
	good(record_del(f->stack->store, &system_actor, COLL_CONTENTS, id_slice(&young.content), RECORD_ANY,
	                WHY));
	good(record_del(f->stack->store, &system_actor, COLL_CONTENTS, id_slice(&old.content), RECORD_ANY,
	                WHY));
	assert_int_equal(sweep(f, 0, true).queue_removed, 1);
	assert_int_equal(sweep(f, 0, false).queue_removed, 1);
	assert_int_equal(sweep(f, 0, false).queue_removed, 0);
	good(queue_list(f->stack->store, &queue_actor, &query, f->arena, &entries, &n, WHY));
	assert_int_equal(n, 2);
}

/* A blob comes before its record: one without a record goes, but not while it is young. */
static void blobs_alone(void **state)
{
	struct fixture *f = *state;
	const struct id id = id_new();

	good(blob_put(f->stack->blobs, &id, SLICE("bytes"), WHY));
	assert_int_equal(sweep(f, 0, false).blobs_removed, 0);
	age_blobs(f);
	assert_int_equal(sweep(f, 0, true).blobs_removed, 1);
	assert_int_equal(sweep(f, 0, false).blobs_removed, 1);
	assert_int_equal(blobs(f), 0);
}

static void deleted_accounts(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct id gone = fixture_deliver(f, &bob, &bob.account.inbox, SLICE(MESSAGE), 0),
	          stays = fixture_deliver(f, &alice, &alice.account.inbox, SLICE(MESSAGE), 0);
	struct mailbox_row *rows;
	struct sweep_result result;
	size_t n;

	/* interrupted behind the keys */
	wire_on(f);
	wire_fail("", 3, 1000, FAULT_TEMP);
	bad(FAULT_TEMP, account_delete(f->stack, &fixture_by, &bob.account.id, WHY));
	wire_off(f);
	assert_int_equal(sweep(f, 0, true).accounts_removed, 1);
	result = sweep(f, 0, false);
	assert_int_equal(result.accounts_removed, 1);
	good(mailbox_list(f->stack->store, &system_actor, &bob.account.id, f->arena, &rows, &n, WHY));
	assert_int_equal(n, 0);
	result = sweep(f, 0, false);
	assert_int_equal(result.accounts_removed, 0);
	assert_int_equal(result.contents_removed, 1);
	assert_false(is_there(f, &gone));
	assert_true(is_there(f, &stays));
}

/* An account that is being made has no address yet: it is left alone. */
static void half_made_accounts(void **state)
{
	const struct account_new new = { SLICE("bob@example.org"), SLICE(PASSWORD), SLICE(""), 0 };
	struct fixture *f = *state;
	struct account account;

	fixture_domain(f, "example.org");
	wire_on(f);
	wire_fail("", 3, 1000, FAULT_TEMP);
	bad(FAULT_TEMP, account_create(f->stack, &fixture_by, &new, f->arena, &account, WHY));
	wire_off(f);
	assert_int_equal(sweep(f, 0, false).accounts_removed, 0);
}

/* An address whose account is gone must not hide the accounts behind it. */
static void an_address_alone(void **state)
{
	struct fixture *f = *state;
	struct person first, second;
	struct id content;

	fixture_domain(f, "example.org");
	first = fixture_person(f, "a@example.org");
	second = fixture_person(f, "b@example.org");
	content = fixture_deliver(f, &second, &second.account.inbox, SLICE(MESSAGE), 0);
	good(record_del(f->stack->store, &system_actor, COLL_ACCOUNTS, id_slice(&first.account.id),
	                RECORD_ANY, WHY));
	(void)sweep(f, 0, false);
	(void)sweep(f, 0, false);
	assert_true(is_there(f, &content));
}

/* What does not read might name anything: nothing is removed. */
static void damaged(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct record row = { .key = SLICE("broken@example.org"),
		                    .version = RECORD_ANY,
		                    .value = SLICE("{}") };
	struct id unnamed = store_unnamed(f, &alice, 100);
	struct sweep_result result = { .contents = 4711 };

	(void)sweep(f, 0, false);
	good(record_put(f->stack->store, &system_actor, COLL_ADDRESSES, &row, WHY));
	bad(FAULT_CORRUPT, sweep_run(f->stack, 0, false, NULL, NULL, &result, WHY));
	assert_int_equal(result.contents, 4711);
	assert_true(is_there(f, &unnamed));
}

/* ---- beside a running suite ---- */

struct mover {
	struct fixture *f;
	const struct person *who;
	struct id boxes[3];
	_Atomic bool stop;
	unsigned moves;
};

static void move_all(struct mover *m, const struct id *from, const struct id *to)
{
	struct arena *arena = arena_new();
	struct mailbox_state *mailbox = mailbox_state_new(from);
	const struct keywords none = { .n = 0 };
	struct copy_request request = { .from = *from, .to = *to, .keywords = &none };
	struct mailbox_delta delta;
	struct mailbox_appended made;
	struct mailbox_news news;
	struct uid_set all;
	struct why reason;

	mailbox_delta_init(&delta);
	uid_set_init(&all);
	uid_set_add_range(&all, 1, UINT32_MAX);
	assert_false(mailbox_fetch_news(m->f->stack->store, &m->who->owner, from, 0, arena, &news, &reason));
	assert_false(mailbox_state_apply(mailbox, &news, &delta, &reason));
	copy_items(mailbox, &all, arena, &request.items, &request.n);
	if (request.n) {
		assert_false(
		    copy_run(m->f->stack, &m->who->owner, m->who->key, &request, arena, &made, &reason));
		assert_false(copy_expunge(m->f->stack, &m->who->owner, from, &all, &reason));
	}
	uid_set_done(&all);
	mailbox_delta_done(&delta);
	mailbox_state_free(mailbox);
	arena_free(arena);
}

/* Round and round, against the order in which the sweeper may look at the mailboxes. */
static void *keep_moving(void *arg)
{
	struct mover *m = arg;

	for (unsigned i = 0; !m->stop; i++, m->moves++) {
		move_all(m, &m->boxes[i % 3], &m->boxes[(i + 1) % 3]);
		if (i % 7 == 0) { /* and now and then a change of direction */
			move_all(m, &m->boxes[(i + 1) % 3], &m->boxes[(i + 2) % 3]);
			i++;
		}
		if (i % 50 == 0)
			clock_sleep(30); /* lets the sweeper find rest */
	}
	return NULL;
}

/* A mark says that a sweep did not see the message: the next one might remove it. */
static void assert_unmarked(struct fixture *f, const struct id *contents, size_t n)
{
	struct record record;
	enum fault fault = record_get(f->stack->store, &system_actor, COLL_SETTINGS, SLICE("sweep-marks"),
	                              false, f->arena, &record, WHY);

	for (size_t i = 0; i < n && !fault; i++)
		assert_true(slice_find(record.value, id_slice(&contents[i])) < 0);
}

static void moved_messages(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct mover mover = { .f = f, .who = &alice };
	struct id contents[6], unnamed = store_unnamed(f, &alice, 50);
	struct sweep_result result = { 0 };
	pthread_t thread;
	int64_t until = clock_mono_ms() + 8000;
	unsigned sweeps = 0;

	mover.boxes[0] = alice.account.inbox;
	mover.boxes[1] = alice.account.junk;
	mover.boxes[2] = fixture_folder(f, &alice, "Archive")->row.meta.id;
	for (size_t i = 0; i < ARRAY_LEN(contents); i++)
		contents[i] = fixture_deliver(f, &alice, &alice.account.inbox, SLICE(MESSAGE), 0);
	assert_int_equal(pthread_create(&thread, NULL, keep_moving, &mover), 0);
	while (clock_mono_ms() < until) {
		struct sweep_result one = sweep(f, 0, false);

		result.contents_removed += one.contents_removed;
		assert_unmarked(f, contents, ARRAY_LEN(contents));
		sweeps++;
	}
	mover.stop = true;
	pthread_join(thread, NULL);
	result.contents_removed += sweep(f, 0, false).contents_removed; /* in case it never came to rest */
	result.contents_removed += sweep(f, 0, false).contents_removed;
	print_message("%u moves, %u sweeps\n", mover.moves, sweeps);
	assert_true(mover.moves > 20 && sweeps > 10);
	for (size_t i = 0; i < ARRAY_LEN(contents); i++)
		assert_true(is_there(f, &contents[i]));
	assert_false(is_there(f, &unnamed)); /* it did sweep */
	assert_int_equal(result.contents_removed, 1);
	assert_int_equal(fixture_count(f, &alice, "INBOX") + fixture_count(f, &alice, "Junk") +
	                     fixture_count(f, &alice, "Archive"),
	                 ARRAY_LEN(contents));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(marks_then_removes), case_of(named_again),      case_of(what_is_named_stays),
		case_of(queue_orphans),      case_of(blobs_alone),      case_of(deleted_accounts),
		case_of(half_made_accounts), case_of(an_address_alone), case_of(damaged),
		case_of(moved_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
