/*
 * The registry (metrics.h): one list, kept sorted by name and then labels as
 * metrics come in, so that two scrapes differ in their numbers only.
 */
#include "base/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

static const double seconds_bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
	                                 0.5,   1,      2.5,   5,    10,    60,   0 };

static const char *const kind_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric *registry;

static const char *labels_of(const struct metric *m)
{
	return m->labels ? m->labels : "";
}

static bool goes_before(const struct metric *a, const struct metric *b)
{
	int order = strcmp(a->name, b->name);

	return order < 0 || (order == 0 && strcmp(labels_of(a), labels_of(b)) < 0);
}

void metric_register(struct metric *m)
{
	struct metric **at = &registry;

	if (atomic_load_explicit(&m->registered, memory_order_acquire))
		return;
	pthread_mutex_lock(&lock);
	if (!atomic_load_explicit(&m->registered, memory_order_relaxed)) {
		while (*at && goes_before(*at, m))
			at = &(*at)->next;
		m->next = *at;
		*at = m;
		atomic_store_explicit(&m->registered, true, memory_order_release);
	}
	pthread_mutex_unlock(&lock);
}

void metric_add(struct metric *m, int64_t n)
{
	metric_register(m);
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t value)
{
	assert(m->kind == METRIC_GAUGE);
	metric_register(m);
	atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

static const double *bounds_of(const struct metric *m)
{
	return m->bounds ? m->bounds : seconds_bounds;
}

void metric_observe(struct metric *m, double seconds)
{
	const double *bounds = bounds_of(m);
	size_t i = 0;

	assert(m->kind == METRIC_HISTOGRAM);
	metric_register(m);
	while (i < METRIC_BUCKETS && bounds[i] > 0 && seconds > bounds[i])
		i++;
	atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->sum_us, (int64_t)(seconds * 1e6), memory_order_relaxed);
}

/* name_suffix{labels,extra} */
static void print_name(struct buf *out, const struct metric *m, const char *suffix, const char *extra)
{
	const char *labels = labels_of(m);

	buf_printf(out, "%s%s", m->name, suffix);
	if (*labels || *extra)
		buf_printf(out, "{%s%s%s}", labels, *labels && *extra ? "," : "", extra);
	buf_addc(out, ' ');
}

static void print_histogram(struct buf *out, const struct metric *m)
{
	const double *bounds = bounds_of(m);
	uint64_t count = 0;
	char le[40];

	for (size_t i = 0; i <= METRIC_BUCKETS; i++) {
		bool last = i == METRIC_BUCKETS || bounds[i] <= 0;

		count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
		if (last)
			snprintf(le, sizeof(le), "le=\"+Inf\"");
		else
			snprintf(le, sizeof(le), "le=\"%g\"", bounds[i]);
		print_name(out, m, "_bucket", le);
		buf_printf(out, "%" PRIu64 "\n", count);
		if (last)
			break;
	}
	print_name(out, m, "_sum", "");
	buf_printf(out, "%.6f\n", (double)atomic_load_explicit(&m->sum_us, memory_order_relaxed) / 1e6);
	/* of the buckets just read, not of a counter that may have moved on: count and +Inf must agree */
	print_name(out, m, "_count", "");
	buf_printf(out, "%" PRIu64 "\n", count);
}

void metrics_print(struct buf *out)
{
	const struct metric *before = NULL;

	pthread_mutex_lock(&lock);
	for (const struct metric *m = registry; m; before = m, m = m->next) {
		if (!before || strcmp(before->name, m->name) != 0)
			buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
			           kind_names[m->kind]);
		if (m->kind == METRIC_HISTOGRAM) {
			print_histogram(out, m);
			continue;
		}
		print_name(out, m, "", "");
		buf_printf(out, "%" PRId64 "\n", atomic_load_explicit(&m->value, memory_order_relaxed));
	}
	pthread_mutex_unlock(&lock);
}
