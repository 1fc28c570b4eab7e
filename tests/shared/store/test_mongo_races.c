/* Races of MongoDB's single-document updates: one order of appends, the newest page, each entry claimed once. */
#include "mongo_fixture.h"

#include <pthread.h>

#include "base/clock.h"
#include "store/mailbox.h"

#define THREADS 8

static struct {
	struct id mailbox;
	pthread_barrier_t barrier;
	_Atomic unsigned claimed[64];
	struct queue_entry entries[64];
} race;

static void run_threads(void *(*run)(void *))
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&race.barrier, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&race.barrier);
}

#define APPENDS 25

static void *append_some(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;

	pthread_barrier_wait(&race.barrier);
	for (uint32_t i = 0; i < APPENDS; i++) {
		struct id tag = { { 1, (uint8_t)me, (uint8_t)i } };

		append(&race.mailbox, 1 + (me + i) % 3, &tag);
	}
	return NULL;
}

static void appends_keep_one_order(void **state)
{
	struct id account = id_new();
	struct mailbox_log log;
	uint32_t uids = 0;

	(void)state;
	race.mailbox = new_mailbox(&account);
	run_threads(append_some);
	assert_good(store->ops->read(store, &system_actor, &race.mailbox, 0, arena, &log, why));
	assert_int_equal(log.n, THREADS * APPENDS);
	for (uint32_t i = 0; i < log.n; i++) {
		uids += log.changes[i].uids;
		for (uint32_t j = 0; j < i; j++)
			assert_false(id_eq(&log.changes[i].tag, &log.changes[j].tag));
	}
	assert_int_equal(log.head.uid_next, 1 + uids);
	assert_int_equal(log.head.messages, uids);
	assert_int_equal(log.head.modseq, 1 + log.n);
}

/* All write the same page for the first time at once: the newest must stay, whoever came first. */
static void *write_pages(void *arg)
{
	uint64_t me = (uintptr_t)arg;
	struct page_row rows[4];

	for (uint32_t i = 0; i < 4; i++)
		rows[i] = (struct page_row){ .number = i, .modseq = 10 + (me + i) % THREADS };
	pthread_barrier_wait(&race.barrier);
	assert_good(store->ops->pages_write(store, &system_actor, &race.mailbox, rows, 4, why));
	return NULL;
}

static void the_newest_page_stays(void **state)
{
	struct id account = id_new();
	struct page_row *rows;
	size_t n;

	(void)state;
	for (int round = 0; round < 5; round++) {
		race.mailbox = new_mailbox(&account);
		run_threads(write_pages);
		assert_good(store->ops->pages_read(store, &system_actor, &race.mailbox, 0, true, arena, &rows,
		                                   &n, why));
		assert_int_equal(n, 4);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(rows[i].number, i);
			assert_int_equal(rows[i].modseq, 10 + THREADS - 1);
		}
	}
}

static void claim_all_by(size_t max)
{
	struct arena *own = arena_new();
	struct queue_entry *got;
	size_t n;

	do {
		assert_good(
		    store->ops->queue_claim(store, &system_actor, 1000, 1000, max, own, &got, &n, why));
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(got[i].fence, 1);
			for (size_t j = 0; j < ARRAY_LEN(race.entries); j++)
				if (id_eq(&race.entries[j].id, &got[i].id))
					race.claimed[j]++;
		}
	} while (n);
	arena_free(own);
}

static void *claim_some(void *arg)
{
	pthread_barrier_wait(&race.barrier);
	claim_all_by((uintptr_t)arg % 2 ? 1 : 5);
	return NULL;
}

static void an_entry_is_claimed_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(race.entries); i++)
		race.entries[i] = new_entry((uint8_t)(i % 3), (int64_t)i + 1);
	assert_good(store->ops->queue_put(store, &system_actor, race.entries, ARRAY_LEN(race.entries), why));
	run_threads(claim_some);
	/* a batch that met others gives up what they took: some may be left for another look */
	claim_all_by(1);
	for (size_t i = 0; i < ARRAY_LEN(race.entries); i++)
		assert_int_equal(race.claimed[i], 1);
	run_command("{\"delete\": \"queue\", \"deletes\": [{\"q\": {}, \"limit\": 0}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_keep_one_order),
		cmocka_unit_test(the_newest_page_stays),
		cmocka_unit_test(an_entry_is_claimed_once),
	};

	return run_on_mongo("test_mongo_races", tests, ARRAY_LEN(tests), open_fixture);
}
