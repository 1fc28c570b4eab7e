/* What every backend does while nothing fails. */
#include <pthread.h>
#include <stdatomic.h>

#include "place.h"

#define THREADS 8

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

const struct blob_case plain_cases[] = {
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
	{ NULL, NULL },
};
