#ifndef TESTS_CONTRACT_BLOB_PLACE_H
#define TESTS_CONTRACT_BLOB_PLACE_H
/* A backend under test, and the small tools of all cases in this folder. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "blob/blob.h"
#include "fault_proxy.h"

struct backend {
	const char *name;
	struct blob_conf conf;
	struct fault_proxy *proxy; /* NULL: nothing to fail */
	struct blobs *blobs;       /* open all the time */
	char text[4][160];         /* what conf points to */
};

struct blob_case {
	const char *name;
	void (*run)(void **state);
};

extern const struct blob_case plain_cases[]; /* every backend; ended by a NULL name */
extern const struct blob_case wire_cases[];  /* where there is a service to lose */

#define assert_fault(want, got, why)                                                                         \
	do {                                                                                                 \
		enum fault fault_got = (got);                                                                \
		if (fault_got != (want))                                                                     \
			fail_msg("%s instead of %s: %s", fault_name(fault_got), fault_name(want),            \
			         (why)->text);                                                               \
	} while (0)

struct blobs *open_blobs(struct backend *, int64_t timeout_ms);
/* Bytes that differ from place to place, so that a wrong range is seen. To be freed. */
uint8_t *make_bytes(size_t len, uint32_t seed);
void put_whole(struct blobs *, const struct id *, const uint8_t *bytes, size_t len);
/* That exactly these bytes come, after what the buffer held before. */
void check_range(struct blobs *, const struct id *, const uint8_t *bytes, size_t offset, size_t len);
/* That a fault comes, says why, and leaves the buffer alone. */
void expect_get(struct blobs *, const struct id *, uint64_t offset, uint64_t len, enum fault want);

#endif
