/* Times (clock.h). */
#include "base/clock.h"

#include <stdio.h>
#include <errno.h>
#include <time.h>

#include "base/macros.h"

/* The years that RFC 3339 can write. */
#define YEAR_0000 INT64_C(-62167219200000)
#define YEAR_9999 INT64_C(253402300799999)

int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

int64_t clock_mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void clock_rfc3339(int64_t wall_ms, char out[32])
{
	int64_t ms = MIN_OF(MAX_OF(wall_ms, YEAR_0000), YEAR_9999);
	int milli = (int)(ms % 1000);
	time_t seconds;
	size_t at;
	struct tm tm;

	/* % rounds towards zero, a time before 1970 counts down */
	if (milli < 0)
		milli += 1000;
	seconds = (time_t)((ms - milli) / 1000);
	gmtime_r(&seconds, &tm);
	at = (size_t)snprintf(out, 32, "%04d", tm.tm_year + 1900); /* %F does not pad the year */
	at += strftime(out + at, 32 - at, "-%m-%dT%T", &tm);
	snprintf(out + at, 32 - at, ".%03dZ", milli);
}

void clock_sleep(int64_t ms)
{
	struct timespec left = { ms / 1000, (ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}
