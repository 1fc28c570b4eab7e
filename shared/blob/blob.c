/* The object store's front: which backend, and what every call has in common (blob.h). */
#include "blob/blob.h"

#include <assert.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "blob/backend.h"

static const struct {
	const char *name;
	enum fault (*open)(const struct blob_conf *, struct blobs **, struct why *);
} backends[] = {
	{ "fs", blob_fs_open },
	{ "mongo", blob_mongo_open },
	{ "s3", blob_s3_open },
};

#define SECONDS(op)                                                                                          \
	{                                                                                                    \
		.kind = METRIC_HISTOGRAM, .name = "posthouse_blob_seconds", .labels = "op=\"" op "\"",       \
		.help = "Time of one call to the object store."                                              \
	}
#define FAULTS(op)                                                                                           \
	{                                                                                                    \
		.kind = METRIC_COUNTER, .name = "posthouse_blob_faults_total", .labels = "op=\"" op "\"",    \
		.help = "Calls to the object store that failed, NOT_FOUND aside."                            \
	}

static struct op {
	struct metric seconds, faults;
} on_put = { SECONDS("put"), FAULTS("put") }, on_get = { SECONDS("get"), FAULTS("get") },
  on_del = { SECONDS("del"), FAULTS("del") }, on_list = { SECONDS("list"), FAULTS("list") };

static enum fault count(struct op *op, int64_t start_ns, enum fault fault)
{
	metric_observe(&op->seconds, (double)(clock_mono_ns() - start_ns) / 1e9);
	if (fault && fault != FAULT_NOT_FOUND)
		metric_inc(&op->faults);
	return fault;
}

enum fault blobs_open(const struct blob_conf *conf, struct blobs **ret, struct why *why)
{
	struct blob_conf full = *conf;
	const char *name = conf->backend ? conf->backend : "";

	if (full.timeout_ms <= 0)
		full.timeout_ms = BLOB_TIMEOUT_MS;
	if (full.connections == 0)
		full.connections = BLOB_CONNECTIONS;
	for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
		if (strcmp(backends[i].name, name) == 0)
			return backends[i].open(&full, ret, why);
	}
	return fault_set(why, FAULT_CONFIG, "blob backend \"%s\" is not one of fs, mongo, s3", name);
}

void blobs_close(struct blobs *blobs)
{
	if (blobs)
		blobs->ops->close(blobs);
}

enum fault blob_put(struct blobs *blobs, const struct id *id, struct slice data, struct why *why)
{
	int64_t start = clock_mono_ns();

	assert(!id_is_zero(id));
	return count(&on_put, start, blobs->ops->put(blobs, id, data, why));
}

enum fault blob_get(struct blobs *blobs, const struct id *id, uint64_t offset, uint64_t len, struct buf *out,
                    struct why *why)
{
	int64_t start = clock_mono_ns();
	size_t before = out->len;
	enum fault fault;

	if (offset > INT64_MAX || len > INT64_MAX - offset)
		return fault_set(why, FAULT_CORRUPT, "no blob reaches to %llu+%llu",
		                 (unsigned long long)offset, (unsigned long long)len);
	if (len > SIZE_MAX || out->overflow || out->limit < out->len || len > out->limit - out->len)
		return fault_set(why, FAULT_TOO_BIG, "%llu bytes do not fit the reader",
		                 (unsigned long long)len);
	fault = count(&on_get, start, blobs->ops->get(blobs, id, offset, len, out, why));
	if (fault)
		out->len = before;
	return fault;
}

enum fault blob_del(struct blobs *blobs, const struct id *id, struct why *why)
{
	int64_t start = clock_mono_ns();

	return count(&on_del, start, blobs->ops->del(blobs, id, why));
}

enum fault blob_list(struct blobs *blobs, const struct id *after, size_t max, struct arena *arena,
                     struct blob_info **ret, size_t *ret_n, struct why *why)
{
	int64_t start = clock_mono_ns();

	assert(max > 0);
	return count(&on_list, start, blobs->ops->list(blobs, after, max, arena, ret, ret_n, why));
}

enum fault blob_ping(struct blobs *blobs, struct why *why)
{
	return blobs->ops->ping(blobs, why);
}

bool blob_list_add(struct blob_list *list, const struct blob_info *info)
{
	struct blob_info *more;

	if (list->n == list->max)
		return false;
	if (list->n == list->cap) {
		list->cap = MIN_OF(MAX_OF(list->cap * 2, (size_t)64), list->max);
		more = arena_array(list->arena, struct blob_info, list->cap);
		if (list->n)
			memcpy(more, list->items, list->n * sizeof(*more));
		list->items = more;
	}
	list->items[list->n++] = *info;
	return true;
}
