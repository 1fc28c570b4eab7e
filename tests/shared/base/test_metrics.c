/* Metrics: the text format, its order, histograms, counting from many threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/metrics.h"

static const double two_bounds[] = { 0.5, 2, 0 };

static struct metric spf = { METRIC_COUNTER, "posthouse_b_total", "reason=\"spf\"", "Refused mail." };
static struct metric dkim = { METRIC_COUNTER, "posthouse_b_total", "reason=\"dkim\"", "Refused mail." };
static struct metric open_now = { METRIC_GAUGE, "posthouse_c_open", NULL, "Sessions." };
static struct metric took = { METRIC_HISTOGRAM, "posthouse_a_seconds", "verb=\"x\"", "Time.", two_bounds };
static struct metric busy = { METRIC_COUNTER, "posthouse_busy_total", NULL, "Counted by many." };
static struct metric deflt = { METRIC_HISTOGRAM, "posthouse_z_seconds", NULL, "Time." };

static const char expected[] = "# HELP posthouse_a_seconds Time.\n"
                               "# TYPE posthouse_a_seconds histogram\n"
                               "posthouse_a_seconds_bucket{verb=\"x\",le=\"0.5\"} 2\n"
                               "posthouse_a_seconds_bucket{verb=\"x\",le=\"2\"} 3\n"
                               "posthouse_a_seconds_bucket{verb=\"x\",le=\"+Inf\"} 4\n"
                               "posthouse_a_seconds_sum{verb=\"x\"} 11.750000\n"
                               "posthouse_a_seconds_count{verb=\"x\"} 4\n"
                               "# HELP posthouse_b_total Refused mail.\n"
                               "# TYPE posthouse_b_total counter\n"
                               "posthouse_b_total{reason=\"dkim\"} 5\n"
                               "posthouse_b_total{reason=\"spf\"} 2\n"
                               "# HELP posthouse_c_open Sessions.\n"
                               "# TYPE posthouse_c_open gauge\n"
                               "posthouse_c_open -3\n";

static void the_text_is_sorted_and_whole(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100000);
	metrics_print(&buf);
	assert_int_equal(buf.len, 0);
	metric_set(&open_now, 10);
	metric_set(&open_now, -3);
	metric_inc(&spf);
	metric_inc(&spf);
	metric_add(&dkim, 5);
	metric_observe(&took, 0.25);
	metric_observe(&took, 0.5); /* a bound belongs to its bucket */
	metric_observe(&took, 1);
	metric_observe(&took, 10);
	metric_register(&spf); /* again: no second line */
	for (int i = 0; i < 2; i++) {
		buf_clear(&buf);
		metrics_print(&buf);
		buf_addc(&buf, '\0');
		assert_string_equal((char *)buf.data, expected);
	}
	buf_done(&buf);
}

static void seconds_are_the_default(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100000);
	metric_observe(&deflt, 0.0001);
	metric_observe(&deflt, 60);
	metric_observe(&deflt, 61);
	metrics_print(&buf);
	assert_true(slice_find(buf_slice(&buf), SLICE("z_seconds_bucket{le=\"0.001\"} 1\n")) > 0);
	assert_true(slice_find(buf_slice(&buf), SLICE("z_seconds_bucket{le=\"10\"} 1\n")) > 0);
	assert_true(slice_find(buf_slice(&buf), SLICE("z_seconds_bucket{le=\"60\"} 2\n")) > 0);
	assert_true(slice_find(buf_slice(&buf), SLICE("z_seconds_bucket{le=\"+Inf\"} 3\n")) > 0);
	assert_true(slice_find(buf_slice(&buf), SLICE("z_seconds_count 3\n")) > 0);
	buf_done(&buf);
}

static void *count(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20000; i++)
		metric_inc(&busy);
	return NULL;
}

static void threads_may_count(void **state)
{
	pthread_t threads[4];
	struct buf buf;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	buf_init(&buf, 100000);
	metrics_print(&buf);
	assert_true(slice_find(buf_slice(&buf), SLICE("\nposthouse_busy_total 80000\n")) > 0);
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_is_sorted_and_whole),
		cmocka_unit_test(seconds_are_the_default),
		cmocka_unit_test(threads_may_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
