/*
 * What blob.h promises, on every backend: files always, MongoDB when MONGO_URI
 * is set, S3 when S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY are. Services
 * are reached through a proxy that fails on purpose (fault_proxy.h).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "blob/blob.h"
#include "fault_proxy.h"

#define THREADS  8
#define SHORT_MS 4000 /* the time of a call in the cases with faults */
#define SLACK_MS 500

static struct backend {
	const char *name;
	struct blob_conf conf;
	struct fault_proxy *proxy; /* NULL: nothing to fail */
	struct blobs *blobs;
	char text[4][160]; /* what conf points to */
} backends[3];
static size_t n_backends;

static struct blobs *open_blobs(struct backend *backend, int64_t timeout_ms)
{
	struct blob_conf conf = backend->conf;
	struct blobs *blobs = NULL;
	struct why why = { "" };

	conf.timeout_ms = timeout_ms;
	if (blobs_open(&conf, &blobs, &why))
		fail_msg("%s does not open: %s", backend->name, why.text);
	return blobs;
}

#define assert_fault(want, got, why)                                                                         \
	do {                                                                                                 \
		enum fault fault_got = (got);                                                                \
		if (fault_got != (want))                                                                     \
			fail_msg("%s instead of %s: %s", fault_name(fault_got), fault_name(want),            \
			         (why)->text);                                                               \
	} while (0)

/* Bytes that differ from place to place, so that a wrong range is seen. */
static uint8_t *make_bytes(size_t len, uint32_t seed)
{
	uint8_t *bytes = xmalloc(len);
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		bytes[i] = (uint8_t)(x >> 56);
	}
	return bytes;
}

static void check_range(struct blobs *blobs, const struct id *id, const uint8_t *bytes, size_t offset,
                        size_t len)
{
	struct why why = { "" };
	struct buf out;

	buf_init(&out, len + 4);
	buf_adds(&out, "head");
	assert_fault(FAULT_NONE, blob_get(blobs, id, offset, len, &out, &why), &why);
	assert_int_equal(out.len, len + 4);
	assert_memory_equal(out.data, "head", 4);
	if (len)
		assert_memory_equal(out.data + 4, bytes + offset, len);
	buf_done(&out);
}

static void put_whole(struct blobs *blobs, const struct id *id, const uint8_t *bytes, size_t len)
{
	struct why why = { "" };

	assert_fault(FAULT_NONE, blob_put(blobs, id, slice_of(bytes, len), &why), &why);
}

static void expect_get(struct blobs *blobs, const struct id *id, uint64_t offset, uint64_t len,
                       enum fault want)
{
	struct why why = { "" };
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	buf_adds(&out, "x");
	assert_fault(want, blob_get(blobs, id, offset, len, &out, &why), &why);
	if (want) {
		assert_int_equal(out.len, 1);
		assert_true(why.text[0]);
	}
	buf_done(&out);
}

static void put_then_get(void **state)
{
	static const size_t sizes[] = { 1, 15, 4096, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3500000 };
	struct backend *backend = *state;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint8_t *bytes = make_bytes(sizes[i], (uint32_t)i);
		struct id id = id_new();

		put_whole(backend->blobs, &id, bytes, sizes[i]);
		check_range(backend->blobs, &id, bytes, 0, sizes[i]);
		free(bytes);
	}
}

static void empty_blob(void **state)
{
	struct backend *backend = *state;
	struct id id = id_new();

	put_whole(backend->blobs, &id, NULL, 0);
	check_range(backend->blobs, &id, NULL, 0, 0);
	expect_get(backend->blobs, &id, 0, 1, FAULT_CORRUPT);
}

static void ranges(void **state)
{
	static const size_t size = (2 << 20) + 777;
	static const struct {
		size_t offset, len;
	} rows[] = {
		{ 0, 1 },
		{ size - 1, 1 },
		{ 1, size - 2 },
		{ (1 << 20) - 1, 2 },
		{ 1 << 20, 1 << 20 },
		{ 1 << 20, 1 },
		{ (1 << 20) - 1, 1 },
		{ 2 << 20, 777 },
		{ 5000, 0 },
		{ size, 0 },
		{ 65536, 65536 },
		{ (1 << 20) - 5, (1 << 20) + 10 },
	};
	struct backend *backend = *state;
	uint8_t *bytes = make_bytes(size, 7);
	struct id id = id_new();

	put_whole(backend->blobs, &id, bytes, size);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_range(backend->blobs, &id, bytes, rows[i].offset, rows[i].len);
	free(bytes);
}

static void range_past_the_end(void **state)
{
	static const struct {
		uint64_t offset, len;
	} rows[] = {
		{ 0, 1001 },
		{ 999, 2 },
		{ 1000, 1 },
		{ 5000, 10 },
		{ 1001, 0 },
		{ 1 << 20, 1 },
		{ 900, 4u << 20 },
		{ INT64_MAX, 1 },
		{ 0, INT64_MAX },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX, UINT64_MAX },
	};
	struct backend *backend = *state;
	uint8_t *bytes = make_bytes(1000, 8);
	struct id id = id_new();

	put_whole(backend->blobs, &id, bytes, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_get(backend->blobs, &id, rows[i].offset, rows[i].len, FAULT_CORRUPT);
	free(bytes);
}

static void reader_limit(void **state)
{
	struct backend *backend = *state;
	uint8_t *bytes = make_bytes(1000, 9);
	struct id id = id_new();
	struct why why = { "" };
	struct buf out;

	put_whole(backend->blobs, &id, bytes, 1000);
	buf_init(&out, 100);
	assert_fault(FAULT_TOO_BIG, blob_get(backend->blobs, &id, 0, 101, &out, &why), &why);
	assert_fault(FAULT_NONE, blob_get(backend->blobs, &id, 0, 100, &out, &why), &why);
	buf_done(&out);
	free(bytes);
}

static void put_again(void **state)
{
	struct backend *backend = *state;
	size_t size = (1 << 20) + 5;
	uint8_t *bytes = make_bytes(size, 10);
	struct id id = id_new();

	for (int i = 0; i < 3; i++)
		put_whole(backend->blobs, &id, bytes, size);
	check_range(backend->blobs, &id, bytes, 0, size);
	free(bytes);
}

static void not_found(void **state)
{
	struct backend *backend = *state;
	struct id id = id_new();

	expect_get(backend->blobs, &id, 0, 1, FAULT_NOT_FOUND);
	expect_get(backend->blobs, &id, 0, 0, FAULT_NOT_FOUND);
}

static void deleting(void **state)
{
	struct backend *backend = *state;
	size_t size = (1 << 20) + 5;
	uint8_t *bytes = make_bytes(size, 11);
	struct why why = { "" };
	struct id id = id_new();

	assert_fault(FAULT_NONE, blob_del(backend->blobs, &id, &why), &why); /* not there */
	put_whole(backend->blobs, &id, bytes, size);
	assert_fault(FAULT_NONE, blob_del(backend->blobs, &id, &why), &why);
	expect_get(backend->blobs, &id, 0, size, FAULT_NOT_FOUND);
	assert_fault(FAULT_NONE, blob_del(backend->blobs, &id, &why), &why);
	put_whole(backend->blobs, &id, bytes, size); /* its id is free again */
	check_range(backend->blobs, &id, bytes, 0, size);
	free(bytes);
}

static void sixteen_megabytes(void **state)
{
	struct backend *backend = *state;
	size_t size = 16 << 20;
	uint8_t *bytes = make_bytes(size, 12);
	struct id id = id_new();

	put_whole(backend->blobs, &id, bytes, size);
	check_range(backend->blobs, &id, bytes, 0, size);
	check_range(backend->blobs, &id, bytes, (15 << 20) - 3, 1000);
	free(bytes);
}

static void delete_all(struct blobs *blobs)
{
	struct arena *arena = arena_new();
	struct why why = { "" };
	struct blob_info *infos;
	size_t n = 1;

	while (n) {
		assert_fault(FAULT_NONE, blob_list(blobs, NULL, 1000, arena, &infos, &n, &why), &why);
		for (size_t i = 0; i < n; i++)
			assert_fault(FAULT_NONE, blob_del(blobs, &infos[i].id, &why), &why);
	}
	arena_free(arena);
}

static int cmp_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

/* Pages of every size show each blob once, ascending; `after` need not be there. */
static void listing(void **state)
{
	static const size_t pages[] = { 1, 7, 29, 30, 31, 1000 };
	struct backend *backend = *state;
	int64_t start = clock_now();
	struct arena *arena = arena_new();
	struct why why = { "" };
	struct id ids[30];

	delete_all(backend->blobs);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		ids[i] = id_new();
		if (i < 10)
			ids[i].raw[0] = ids[i].raw[1] = 0xab; /* neighbours */
		put_whole(backend->blobs, &ids[i], (const uint8_t *)"0123456789012345678901234567890", i + 1);
	}
	for (size_t p = 0; p < ARRAY_LEN(pages); p++) {
		const struct id *after = NULL;
		struct blob_info *infos;
		struct id seen[31];
		size_t n, total = 0;

		do {
			assert_fault(FAULT_NONE,
			             blob_list(backend->blobs, after, pages[p], arena, &infos, &n, &why),
			             &why);
			assert_true(n <= pages[p] && total + n <= ARRAY_LEN(ids));
			for (size_t i = 0; i < n; i++) {
				seen[total++] = infos[i].id;
				assert_in_range(infos[i].created, start - 2000, clock_now() + 2000);
				for (size_t k = 0; k < ARRAY_LEN(ids); k++)
					if (id_eq(&ids[k], &infos[i].id))
						assert_int_equal(infos[i].size, k + 1);
			}
			after = n ? &infos[n - 1].id : NULL;
		} while (n);
		assert_int_equal(total, ARRAY_LEN(ids));
		for (size_t i = 1; i < total; i++)
			assert_true(cmp_ids(&seen[i - 1], &seen[i]) < 0);
	}
	delete_all(backend->blobs);
	arena_free(arena);
}

static void list_after(void **state)
{
	struct backend *backend = *state;
	struct arena *arena = arena_new();
	struct why why = { "" };
	struct blob_info *infos;
	struct id low = id_new(), high = id_new(), between;
	size_t n;

	delete_all(backend->blobs);
	low.raw[0] = 0x10;
	high.raw[0] = 0xf0;
	between = high;
	between.raw[0] = 0x80;
	put_whole(backend->blobs, &low, (const uint8_t *)"low", 3);
	put_whole(backend->blobs, &high, (const uint8_t *)"high", 4);
	assert_fault(FAULT_NONE, blob_list(backend->blobs, &between, 10, arena, &infos, &n, &why), &why);
	assert_int_equal(n, 1);
	assert_true(id_eq(&infos[0].id, &high));
	assert_fault(FAULT_NONE, blob_list(backend->blobs, &high, 10, arena, &infos, &n, &why), &why);
	assert_int_equal(n, 0);
	arena_free(arena);
}

struct worker {
	pthread_t thread;
	struct blobs *blobs;
	uint32_t seed;
	struct id shared;
	_Atomic int *failures;
};

static bool same(struct blobs *blobs, const struct id *id, const uint8_t *bytes, size_t len, struct buf *out)
{
	struct why why;

	buf_clear(out);
	return !blob_get(blobs, id, 0, len, out, &why) && out->len == len &&
	       memcmp(out->data, bytes, len) == 0;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	size_t size = 100000 + worker->seed;
	uint8_t *bytes = make_bytes(size, worker->seed), *shared = make_bytes(70000, 99);
	struct why why;
	struct buf out;
	int failed = 0;

	buf_init(&out, BUF_NO_LIMIT);
	for (int round = 0; round < 10; round++) {
		struct id id = id_new();

		failed += blob_put(worker->blobs, &id, slice_of(bytes, size), &why) != FAULT_NONE;
		failed += !same(worker->blobs, &id, bytes, size, &out);
		/* the same id from all of them at once */
		failed +=
		    blob_put(worker->blobs, &worker->shared, slice_of(shared, 70000), &why) != FAULT_NONE;
		failed += !same(worker->blobs, &worker->shared, shared, 70000, &out);
		failed += blob_del(worker->blobs, &id, &why) != FAULT_NONE;
	}
	atomic_fetch_add(worker->failures, failed);
	buf_done(&out);
	free(shared);
	free(bytes);
	return NULL;
}

static void eight_threads(void **state)
{
	struct backend *backend = *state;
	struct worker workers[THREADS];
	_Atomic int failures = 0;
	struct id shared = id_new();

	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){
			.blobs = backend->blobs, .seed = i, .shared = shared, .failures = &failures
		};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	assert_int_equal(failures, 0);
}

/* A second handle sees what the first one stored: nothing is kept in the process. */
static void reopened(void **state)
{
	struct backend *backend = *state;
	struct blobs *other;
	struct id id = id_new();

	put_whole(backend->blobs, &id, (const uint8_t *)"kept", 4);
	other = open_blobs(backend, 0);
	check_range(other, &id, (const uint8_t *)"kept", 0, 4);
	blobs_close(other);
}

static void pinging(void **state)
{
	struct backend *backend = *state;
	struct why why = { "" };

	assert_fault(FAULT_NONE, blob_ping(backend->blobs, &why), &why);
}

/* Cases with faults on the wire. */

/* Cut at many places: the call ends well or as TEMP, in time, and one made again ends well. */
static void connection_cut(void **state)
{
	static const size_t places[] = { 0, 1, 100, 700, 5000, 200000, 1000000, 1500000, 2500000, 3000000 };
	struct backend *backend = *state;
	struct blobs *blobs = open_blobs(backend, SHORT_MS);
	size_t size = 1500000;
	uint8_t *bytes = make_bytes(size, 13);
	unsigned before = fault_proxy_taken(backend->proxy);
	struct why why = { "" };
	struct buf out;

	buf_init(&out, size);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct id id = id_new();
		enum fault fault;

		fault_proxy_set(backend->proxy, PROXY_CUT, places[i]);
		fault = blob_put(blobs, &id, slice_of(bytes, size), &why);
		if (fault && fault != FAULT_TEMP)
			fail_msg("cut at %zu: %s: %s", places[i], fault_name(fault), why.text);
		fault_proxy_set(backend->proxy, PROXY_PASS, 0);
		put_whole(blobs, &id, bytes, size);
		fault_proxy_set(backend->proxy, PROXY_CUT, places[i]);
		buf_clear(&out);
		fault = blob_get(blobs, &id, 0, size, &out, &why);
		if (fault && fault != FAULT_TEMP)
			fail_msg("cut at %zu: %s: %s", places[i], fault_name(fault), why.text);
		fault_proxy_set(backend->proxy, PROXY_PASS, 0);
		check_range(blobs, &id, bytes, 0, size);
	}
	/* the cuts were real: most of the 20 cost a connection */
	assert_true(fault_proxy_taken(backend->proxy) - before >= 12);
	buf_done(&out);
	free(bytes);
	blobs_close(blobs);
}

static void check_all_temp(struct backend *backend, struct blobs *blobs, const struct id *id)
{
	struct arena *arena = arena_new();
	struct blob_info *infos;
	struct why why = { "" };
	struct buf out;
	size_t n;

	buf_init(&out, 100);
	for (int call = 0; call < 5; call++) {
		int64_t start = clock_mono_ms(), took;
		enum fault fault = FAULT_NONE;

		switch (call) {
		case 0:
			fault = blob_put(blobs, id, SLICE("later"), &why);
			break;
		case 1:
			fault = blob_get(blobs, id, 0, 4, &out, &why);
			break;
		case 2:
			fault = blob_del(blobs, id, &why);
			break;
		case 3:
			fault = blob_list(blobs, NULL, 10, arena, &infos, &n, &why);
			break;
		case 4:
			fault = blob_ping(blobs, &why);
			break;
		}
		took = clock_mono_ms() - start;
		if (fault != FAULT_TEMP || took > SHORT_MS + SLACK_MS)
			fail_msg("%s, call %d: %s after %lld ms: %s", backend->name, call, fault_name(fault),
			         (long long)took, why.text);
	}
	assert_int_equal(out.len, 0);
	buf_done(&out);
	arena_free(arena);
}

static void away_and_back(struct backend *backend, enum proxy_mode mode)
{
	struct blobs *blobs = open_blobs(backend, SHORT_MS), *late = NULL;
	struct blob_conf conf = backend->conf;
	struct why why = { "" };
	struct id id = id_new();

	put_whole(blobs, &id, (const uint8_t *)"data", 4);
	fault_proxy_set(backend->proxy, mode, 0);
	check_all_temp(backend, blobs, &id);
	conf.timeout_ms = SHORT_MS;
	assert_fault(FAULT_TEMP, blobs_open(&conf, &late, &why), &why);
	fault_proxy_set(backend->proxy, PROXY_PASS, 0);
	/* what was being deleted may be gone by now, and what was being put may be there: both are repeated */
	assert_fault(FAULT_NONE, blob_del(blobs, &id, &why), &why);
	put_whole(blobs, &id, (const uint8_t *)"data", 4);
	check_range(blobs, &id, (const uint8_t *)"data", 0, 4);
	blobs_close(blobs);
}

static void service_away(void **state)
{
	away_and_back(*state, PROXY_AWAY);
}

static void service_hangs(void **state)
{
	away_and_back(*state, PROXY_HANG);
}

/* More callers than connections: all are served. */
static void few_connections(void **state)
{
	struct backend *backend = *state;
	struct backend few = *backend;
	struct worker workers[THREADS];
	_Atomic int failures = 0;

	few.conf.connections = 2;
	few.blobs = open_blobs(&few, 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){
			.blobs = few.blobs, .seed = i, .shared = id_new(), .failures = &failures
		};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	assert_int_equal(failures, 0);
	blobs_close(few.blobs);
}

/* A call leaves its connection for the next one. */
static void connections_are_kept(void **state)
{
	struct backend *backend = *state;
	struct id id = id_new();
	unsigned before;

	put_whole(backend->blobs, &id, (const uint8_t *)"data", 4);
	before = fault_proxy_taken(backend->proxy);
	for (int i = 0; i < 50; i++)
		check_range(backend->blobs, &id, (const uint8_t *)"data", 0, 4);
	/* a driver's own monitoring may open one meanwhile */
	assert_true(fault_proxy_taken(backend->proxy) - before <= 2);
}

static const struct {
	const char *name;
	void (*run)(void **state);
	bool wire; /* only where there is a service */
} cases[] = {
	{ "put, then get", put_then_get },
	{ "an empty blob", empty_blob },
	{ "ranges", ranges },
	{ "a range past the end is CORRUPT", range_past_the_end },
	{ "a reader's limit", reader_limit },
	{ "put again succeeds", put_again },
	{ "not found", not_found },
	{ "delete", deleting },
	{ "16 MB", sixteen_megabytes },
	{ "list: order and pages", listing },
	{ "list: after an id that is not there", list_after },
	{ "8 threads", eight_threads },
	{ "opened again", reopened },
	{ "ping", pinging },
	{ "more callers than connections", few_connections },
	{ "connections are kept", connections_are_kept, true },
	{ "connection cut in mid-call", connection_cut, true },
	{ "service away, then back", service_away, true },
	{ "service hangs, then goes on", service_hangs, true },
};

/* Which backends there are. */

static char test_dir[] = "/tmp/blob_contract.XXXXXX";

static struct backend *add_backend(const char *name)
{
	struct backend *backend = &backends[n_backends++];

	backend->name = backend->conf.backend = name;
	return backend;
}

static void add_backends(void)
{
	const char *mongo = getenv("MONGO_URI"), *s3 = getenv("S3_ENDPOINT");
	struct id run = id_new();
	struct id_text run_text = id_print(&run);
	struct backend *backend = add_backend("fs");

	snprintf(backend->text[0], sizeof(backend->text[0]), "%s/a/b", test_dir);
	backend->conf.path = backend->text[0];
	if (mongo) {
		backend = add_backend("mongo");
		backend->proxy = fault_proxy_for(mongo);
		/* direct: a replica set would name its member's own address, past the proxy */
		snprintf(backend->text[0], sizeof(backend->text[0]),
		         "mongodb://127.0.0.1:%u/?directConnection=true", fault_proxy_port(backend->proxy));
		snprintf(backend->text[1], sizeof(backend->text[1]), "blobs_%.8s", run_text.text);
		backend->conf.mongo_uri = backend->text[0];
		backend->conf.mongo_db = backend->text[1];
	}
	if (s3) {
		backend = add_backend("s3");
		backend->proxy = fault_proxy_for(s3);
		snprintf(backend->text[0], sizeof(backend->text[0]), "http://127.0.0.1:%u",
		         fault_proxy_port(backend->proxy));
		snprintf(backend->text[1], sizeof(backend->text[1]), "blobs-%.8s", run_text.text);
		backend->conf.s3_endpoint = backend->text[0];
		backend->conf.s3_bucket = backend->text[1];
		backend->conf.s3_access_key = getenv("S3_ACCESS_KEY");
		backend->conf.s3_secret_key = getenv("S3_SECRET_KEY");
	}
	printf("backends: fs%s%s\n", mongo ? ", mongo" : " (mongo: not run, MONGO_URI is not set)",
	       s3 ? ", s3" : " (s3: not run, S3_ENDPOINT is not set)");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int main(void)
{
	static char names[3 * ARRAY_LEN(cases)][80];
	struct CMUnitTest tests[3 * ARRAY_LEN(cases)];
	size_t n = 0;
	int failed;

	rand_start();
	if (!mkdtemp(test_dir))
		return 1;
	add_backends();
	for (size_t b = 0; b < n_backends; b++) {
		backends[b].blobs = open_blobs(&backends[b], 0);
		for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
			if (cases[c].wire && !backends[b].proxy)
				continue;
			snprintf(names[n], sizeof(names[n]), "%s: %s", backends[b].name, cases[c].name);
			tests[n] = (struct CMUnitTest){ names[n], cases[c].run, NULL, NULL, &backends[b] };
			n++;
		}
	}
	failed = _cmocka_run_group_tests("blob contract", tests, n, NULL, NULL);
	for (size_t b = 0; b < n_backends; b++) {
		blobs_close(backends[b].blobs);
		fault_proxy_free(backends[b].proxy);
	}
	nftw(test_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed;
}
