#ifndef MTA_RETRY_H
#define MTA_RETRY_H
/*
 * When to try again: the waits of the `retry` setting, jittered, so that mail
 * deferred together does not come back together. The last try is at the end of
 * the message's life, so that nobody waits an interval longer than needed for
 * the report.
 */
#include "base/conf.h"

#define RETRY_WAITS_MAX 32

struct retry {
	int64_t waits[RETRY_WAITS_MAX]; /* ms */
	size_t n;
};

/* CONFIG: none, too many, or one that is no duration of at least a second. */
MUST_CHECK enum fault retry_parse(const struct conf_list *, struct retry *ret, struct why *);
/* When the attempt after `attempts` attempts is due. Not past `expires`, unless that has passed. */
int64_t retry_due(const struct retry *, uint32_t attempts, int64_t now, int64_t expires);

#endif
