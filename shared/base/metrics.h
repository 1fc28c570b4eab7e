#ifndef SHARED_BASE_METRICS_H
#define SHARED_BASE_METRICS_H
/*
 * Metrics in the Prometheus text format, 0.0.4. A metric is a static object,
 * registered at its first use or by metric_register(); counting is one atomic
 * add, from any thread. Names start with posthouse_.
 */
#include <stdatomic.h>
#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_BUCKETS 14

struct metric {
	enum metric_kind kind;
	const char *name;   /* "posthouse_smtpd_accepted_total" */
	const char *labels; /* "reason=\"spf\"" or NULL; a literal. Same name, other labels: another object */
	const char *help;
	const double
	    *bounds; /* histogram upper bounds, ascending, ended by 0; NULL: seconds from 1 ms to 60 s */
	/* the registry's own: leave out of initialisers */
	_Atomic int64_t value;
	_Atomic uint64_t buckets[METRIC_BUCKETS + 1];
	_Atomic int64_t sum_us;
	_Atomic bool registered;
	struct metric *next;
};

void metric_register(struct metric *);
void metric_add(struct metric *, int64_t);
static inline void metric_inc(struct metric *m)
{
	metric_add(m, 1);
}
void metric_set(struct metric *, int64_t); /* gauges */
void metric_observe(struct metric *, double seconds);
/* Everything registered, sorted by name, HELP and TYPE once a name. */
void metrics_print(struct buf *out);

#endif
