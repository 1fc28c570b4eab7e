/*
 * What only the embedded store promises: when the log is synced, how large it
 * grows, and what a transaction that has to be given up does to those who shared it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/mailbox.h"
#include "store/queue.h"
#include "store/record.h"
#include "store/sqlite/sqlite_store.h"

static char dir[64], path[96];
static struct store *store;
static struct writer *writer;
static const struct actor as_system = { .kind = ACTOR_SYSTEM };

/* ---- counting syncs of the write-ahead log ---- */

static sqlite3_vfs vfs;
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods methods;
static int (*real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static atomic_int syncs;

static int count_sync(sqlite3_file *file, int flags)
{
	syncs++;
	return real_methods->xSync(file, flags);
}

static int open_counting(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int rc = real_open(self, name, file, flags, out);

	if (rc != SQLITE_OK || !(flags & SQLITE_OPEN_WAL))
		return rc;
	pthread_mutex_lock(&lock);
	if (!real_methods) { /* the same for every file */
		real_methods = file->pMethods;
		methods = *real_methods;
		methods.xSync = count_sync;
	}
	pthread_mutex_unlock(&lock);
	file->pMethods = &methods;
	return rc;
}

static void count_syncs(void)
{
	vfs = *sqlite3_vfs_find(NULL);
	real_open = vfs.xOpen;
	vfs.zName = "counting";
	vfs.xOpen = open_counting;
	sqlite3_vfs_register(&vfs, 1);
}

/* ---- fixture ---- */

static int setup(void **state)
{
	struct store_conf conf = { .backend = "sqlite", .path = path };
	struct why why = { "" };

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_sqlite.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/db", dir);
	if (store_open(&conf, &store, &why))
		fail_msg("%s", why.text);
	writer = &sqlite_of(store)->writer;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_close(store);
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* nothing else is left behind */
	return 0;
}

static void pause_ms(long ms)
{
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

static enum fault put(const char *key, struct slice value)
{
	struct record record = { .key = slice_str(key), .version = RECORD_ANY, .value = value };

	return record_put(store, &as_system, COLL_SETTINGS, &record, NULL);
}

static bool is_there(const char *key)
{
	struct arena *arena = arena_new();
	struct record record;
	enum fault fault =
	    record_get(store, &as_system, COLL_SETTINGS, slice_str(key), false, arena, &record, NULL);

	arena_free(arena);
	assert_true(fault == FAULT_NONE || fault == FAULT_NOT_FOUND);
	return fault == FAULT_NONE;
}

/* ---- when it is synced ---- */

static void test_durable(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		int before = syncs;

		assert_int_equal(put("k", SLICE("v")), FAULT_NONE);
		assert_true(syncs > before); /* before the answer */
	}
}

static void test_not_durable(void **state)
{
	struct arena *arena = arena_new();
	struct queue_entry entry = { .id = { { 1 } }, .domain = SLICE("a.org") }, *got;
	size_t n;
	int before;

	(void)state;
	assert_int_equal(queue_put(store, &as_system, &entry, 1, NULL), FAULT_NONE);
	for (int i = 0; i < 3; i++) {
		before = syncs;
		assert_int_equal(queue_claim(store, &as_system, 10 + i, 1, 1, arena, &got, &n, NULL),
		                 FAULT_NONE);
		assert_int_equal(n, 1);
		assert_int_equal(syncs, before);
		pause_ms(SYNC_WITHIN_MS + 20);
		assert_int_equal(syncs, before + 1);
	}
	pause_ms(SYNC_WITHIN_MS + 20);
	assert_int_equal(syncs, before + 1); /* once is enough */
	arena_free(arena);
}

/* ---- a transaction that has to be given up ---- */

struct writing {
	const char *key;
	atomic_int *held; /* waits until this is 0 */
	bool fail;
};

static enum fault run_writing(struct db *db, void *args, struct why *why)
{
	const struct writing *writing = args;
	struct query q;
	enum fault fault;

	while (writing->held && *writing->held)
		pause_ms(1);
	q = query(db, "INSERT INTO settings (key, version, expires, value) VALUES (?, 1, 0, x'00')");
	bind_bytes(&q, slice_str(writing->key));
	fault = query_run(&q, why);
	if (!fault && writing->fail)
		fault = fault_set(why, FAULT_TEMP, "failed after writing");
	return fault;
}

struct caller {
	struct writing writing;
	enum fault fault;
	struct why why;
};

static void *call(void *object)
{
	struct caller *caller = object;

	caller->fault = writer_do(writer, true, run_writing, &caller->writing, &caller->why);
	return NULL;
}

static void test_spoilt(void **state)
{
	atomic_int held = 1;
	struct caller callers[6] = {
		{ .writing = { "first", &held, false } }, /* keeps the thread busy until all others wait */
		{ .writing = { "a", NULL, false } },      { .writing = { "bad", NULL, true } },
		{ .writing = { "b", NULL, false } },      { .writing = { "worse", NULL, true } },
		{ .writing = { "c", NULL, false } },
	};
	pthread_t threads[ARRAY_LEN(callers)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
		pause_ms(20);
	}
	held = 0;
	for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(callers[i].fault, callers[i].writing.fail ? FAULT_TEMP : FAULT_NONE);
		assert_int_equal(is_there(callers[i].writing.key), !callers[i].writing.fail);
		if (callers[i].writing.fail)
			assert_string_equal(callers[i].why.text, "failed after writing");
	}
}

/* ---- limits of the file ---- */

static enum fault run_limit(struct db *db, void *args, struct why *why)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", *(const int *)args);
	return db_exec(db, sql, why);
}

static void limit_pages(int pages)
{
	assert_int_equal(writer_do(writer, true, run_limit, &pages, NULL), FAULT_NONE);
}

static void test_full(void **state)
{
	uint8_t *value = xzalloc(200000);

	(void)state;
	limit_pages(60);
	assert_int_equal(put("small", SLICE("v")), FAULT_NONE);
	assert_int_equal(put("large", slice_of(value, 200000)), FAULT_FULL);
	assert_int_equal(put("large", slice_of(value, 200000)), FAULT_FULL);
	assert_false(is_there("large"));
	assert_int_equal(put("small too", SLICE("v")), FAULT_NONE);
	limit_pages(100000);
	assert_int_equal(put("large", slice_of(value, 200000)), FAULT_NONE);
	assert_true(is_there("large") && is_there("small") && is_there("small too"));
	free(value);
}

static void test_busy(void **state)
{
	struct db other;
	struct why why = { "" };
	struct record record = { .key = SLICE("k"), .version = RECORD_ANY, .value = SLICE("v") };
	int64_t began = clock_mono_ms();

	(void)state;
	assert_int_equal(db_open(&other, path, true, &why), FAULT_NONE);
	assert_int_equal(db_exec(&other, "BEGIN IMMEDIATE", &why), FAULT_NONE);
	assert_false(is_there("k")); /* reading goes on */
	assert_int_equal(record_put(store, &as_system, COLL_SETTINGS, &record, &why), FAULT_TEMP);
	assert_non_null(strstr(why.text, "busy"));
	assert_in_range(clock_mono_ms() - began, 4000, 20000);
	db_roll_back(&other);
	assert_int_equal(put("k", SLICE("v")), FAULT_NONE);
	db_close(&other);
}

static atomic_bool reading;

static void *read_always(void *object)
{
	(void)object;
	while (reading)
		is_there("0");
	return NULL;
}

static void test_wal_is_bounded(void **state)
{
	enum { READERS = 3, VALUE = 256 * 1024, PUTS = 600 };
	uint8_t *value = xzalloc(VALUE);
	pthread_t threads[READERS];
	char wal[128], key[16];
	struct stat st;
	off_t largest = 0;

	(void)state;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	reading = true;
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_always, NULL), 0);
	for (int i = 0; i < PUTS; i++) { /* 150 MB */
		snprintf(key, sizeof(key), "%d", i % 20);
		rand_bytes(value, 64);
		assert_int_equal(put(key, slice_of(value, VALUE)), FAULT_NONE);
		if (stat(wal, &st) == 0)
			largest = MAX_OF(largest, st.st_size);
	}
	reading = false;
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(largest, 1, 80 * 1024 * 1024);
	free(value);
}

/* ---- a file of an older Posthouse ---- */

static enum fault run_age(struct db *db, void *args, struct why *why)
{
	(void)args;
	return db_exec(db, "DROP TABLE moves; ALTER TABLE mailboxes DROP COLUMN history", why);
}

static void test_older(void **state)
{
	const struct store_conf conf = { .backend = "sqlite", .path = path };
	const struct id nobody = id_new();
	struct mailbox_moving *moving;
	struct mailbox_row *rows;
	struct arena *arena = arena_new();
	struct why why = { "" };
	size_t n;

	(void)state;
	assert_int_equal(put("kept", SLICE("x")), FAULT_NONE);
	assert_int_equal(writer_do(writer, true, run_age, NULL, &why), FAULT_NONE);
	store_close(store);
	if (store_open(&conf, &store, &why))
		fail_msg("%s", why.text);
	writer = &sqlite_of(store)->writer;
	assert_true(is_there("kept"));
	assert_int_equal(mailbox_moves(store, &as_system, arena, &moving, &n, &why), FAULT_NONE);
	assert_int_equal(n, 0);
	assert_int_equal(mailbox_list(store, &as_system, &nobody, arena, &rows, &n, &why), FAULT_NONE);
	arena_free(arena);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_durable),        TEST(test_not_durable), TEST(test_spoilt), TEST(test_full),
		TEST(test_wal_is_bounded), TEST(test_busy),        TEST(test_older),
	};

	rand_start();
	count_syncs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
