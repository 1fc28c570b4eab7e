#ifndef SHARED_BASE_CLOCK_H
#define SHARED_BASE_CLOCK_H
/* Times. Wall times are UTC milliseconds since 1970, as everywhere in the store. */
#include <stdint.h>

int64_t clock_now(void);     /* wall, ms */
int64_t clock_mono_ms(void); /* monotonic, ms: for deadlines and durations */
int64_t clock_mono_ns(void);
/* Blocks the thread: for workers and start-up, never the loop. */
void clock_sleep(int64_t ms);
/* "2026-11-22T15:56:25.123Z" into `out`. */
void clock_rfc3339(int64_t wall_ms, char out[32]);

#endif
