/*
 * P1 on MongoDB: the server is killed with -9 again and again under writers who
 * try until they are answered. What was acknowledged is there afterwards, exactly
 * once, and no fence was given out twice.
 */
#include "mongo_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/map.h"

#define WRITERS     3
#define KILLS       4
#define ACTS_MAX    4000
#define LEASE_MS    300
#define PATIENCE_MS 60000

struct writer {
	pthread_t thread;
	struct id mailbox;
	unsigned done;
	struct id tags[ACTS_MAX], contents[ACTS_MAX], entries[ACTS_MAX];
};

static struct mongo_server server;
static struct writer writers[WRITERS];
static _Atomic bool stop;
static struct {
	pthread_mutex_t lock;
	struct map *fences; /* "id fence" of every claim that was answered */
	unsigned claims, twice;
} claims = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Again while the answer is "later". Others than those two are for cmocka's main thread only: abort. */
#define until_answered(fault, call)                                                                          \
	do {                                                                                                 \
		int64_t start_ = clock_mono_ms();                                                            \
		struct why why_ = { "" };                                                                    \
		struct why *why = &why_;                                                                     \
		while ((fault = (call)) == FAULT_TEMP && clock_mono_ms() - start_ < PATIENCE_MS)             \
			nap(20);                                                                             \
		if (fault && fault != FAULT_EXISTS && fault != FAULT_STALE) {                                \
			fprintf(stderr, "%s: %s\n", fault_name(fault), why->text);                           \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

static void append_one(struct writer *writer)
{
	struct mailbox_change change = {
		.entry = SLICE("entry"), .tag = id_new(), .messages = 1, .bytes = 10, .uids = 1
	};
	struct commit commit = {
		.mailbox = writers[0].mailbox, .changes = &change, .n_changes = 1, .durable = true
	};
	struct mailbox_head head;
	enum fault fault;

	until_answered(fault, store->ops->commit(store, &system_actor, &commit, &head, why));
	writer->tags[writer->done] = change.tag; /* EXISTS: the answer to an earlier try was lost */
}

static void put_content(struct writer *writer)
{
	struct id id = id_new();
	struct record record = { .key = id_slice(&id), .value = id_slice(&id), .accounts = id_slice(&id) };
	enum fault fault;

	until_answered(fault, store->ops->put(store, &system_actor, COLL_CONTENTS, &record, why));
	if (fault)
		abort();
	writer->contents[writer->done] = id;
}

static void put_entry(struct writer *writer)
{
	struct queue_entry entry = { .id = id_new(), .content = id_new(), .due = 1, .state = SLICE("s") };
	enum fault fault;

	until_answered(fault, store->ops->queue_put(store, &system_actor, &entry, 1, why));
	writer->entries[writer->done] = entry.id;
}

static void *write_on(void *arg)
{
	struct writer *writer = arg;

	while (!stop && writer->done < ACTS_MAX) {
		append_one(writer);
		put_content(writer);
		put_entry(writer);
		writer->done++;
	}
	return NULL;
}

static void note_claim(const struct queue_entry *entry)
{
	struct {
		struct id id;
		uint64_t fence;
	} key = { entry->id, entry->fence };

	pthread_mutex_lock(&claims.lock);
	claims.claims++;
	if (map_put(claims.fences, slice_of(&key, sizeof(key)), &claims))
		claims.twice++;
	pthread_mutex_unlock(&claims.lock);
}

static void *claim_on(void *arg)
{
	size_t max = (uintptr_t)arg;
	struct queue_entry *got;
	enum fault fault;
	size_t n;

	while (!stop) {
		struct arena *own = arena_new();

		until_answered(fault, store->ops->queue_claim(store, &system_actor, clock_now(), LEASE_MS,
		                                              max, own, &got, &n, why));
		for (size_t i = 0; !fault && i < n; i++)
			note_claim(&got[i]);
		arena_free(own);
		nap(50);
	}
	return NULL;
}

/* ---- afterwards ---------------------------------------------------------------------------------------------- */

static void check_log(void)
{
	struct map *seen = map_new();
	struct mailbox_log log;
	unsigned total = 0;

	assert_good(store->ops->read(store, &system_actor, &writers[0].mailbox, 0, arena, &log, why));
	for (uint32_t i = 0; i < log.n; i++)
		assert_null(map_put(seen, id_slice(&log.changes[i].tag), seen));
	for (int w = 0; w < WRITERS; w++) {
		for (unsigned i = 0; i < writers[w].done; i++)
			assert_non_null(map_get(seen, id_slice(&writers[w].tags[i])));
		total += writers[w].done;
	}
	assert_int_equal(log.n, total);
	assert_int_equal(log.head.messages, total);
	assert_int_equal(log.head.uid_next, total + 1);
	assert_int_equal(log.head.bytes, 10 * total);
	map_free(seen);
}

static void check_writer(const struct writer *writer)
{
	for (unsigned i = 0; i < writer->done; i++) {
		struct slice key = id_slice(&writer->contents[i]);
		struct queue_entry entry;
		struct record record;

		assert_good(
		    store->ops->get(store, &system_actor, COLL_CONTENTS, &key, 1, true, arena, &record, why));
		assert_true(slice_eq(record.key, key) && slice_eq(record.value, key));
		assert_int_equal(record.version, 1);
		assert_good(
		    store->ops->queue_get(store, &system_actor, &writer->entries[i], arena, &entry, why));
	}
}

static void nothing_acknowledged_is_lost(void **state)
{
	struct mailbox_meta meta = {
		.id = id_new(), .account = id_new(), .name = SLICE("x"), .name_hash = id_new()
	};
	pthread_t claimers[2];

	(void)state;
	assert_good(store->ops->mailbox_create(store, &system_actor, &meta, 1, why));
	writers[0].mailbox = meta.id;
	claims.fences = map_new();
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&claimers[i], NULL, claim_on, (void *)(1 + 9 * i)), 0);
	for (int i = 0; i < KILLS; i++) {
		nap(1000 + rand_below(300));
		server_do(&server, "kill");
		server_do(&server, "start");
	}
	nap(500);
	stop = true;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(claimers[i], NULL);
	check_log();
	for (int i = 0; i < WRITERS; i++) {
		assert_in_range(writers[i].done, 10, ACTS_MAX);
		check_writer(&writers[i]);
	}
	assert_in_range(claims.claims, 10, UINT32_MAX);
	assert_int_equal(claims.twice, 0);
	map_free(claims.fences);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_acknowledged_is_lost) };
	int failed;

	if (!server_start(&server, false))
		return nothing_to_test_on("test_mongo_crash");
	mongo_uri = server.uri;
	failed = cmocka_run_group_tests(tests, open_fixture, close_fixture);
	server_stop(&server);
	return failed;
}
