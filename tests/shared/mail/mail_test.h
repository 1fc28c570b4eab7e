#ifndef TESTS_SHARED_MAIL_TEST_H
#define TESTS_SHARED_MAIL_TEST_H
/* What the tests of mail/ and smtp/ share: an arena for each case, and slices compared by what they hold. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

/* Fails with the case's name and both texts. `want` NULL: the slice must have no data. */
static inline void expect_text(const char *name, const char *what, struct slice got, const char *want)
{
	if (!want) {
		if (got.data)
			fail_msg("%s: %s is \"%.*s\", expected none", name, what, SLICE_FMT(got));
		return;
	}
	if (!got.data || !slice_eq(got, slice_str(want)))
		fail_msg("%s: %s is \"%.*s\", expected \"%s\"", name, what, SLICE_FMT(got), want);
}

static inline void expect_number(const char *name, const char *what, long long got, long long want)
{
	if (got != want)
		fail_msg("%s: %s is %lld, expected %lld", name, what, got, want);
}

#endif
