/* When to try again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rand.h"
#include "retry.h"

#define DAY INT64_C(86400000)

static void parsing(void **state)
{
	static const struct {
		const char *name, *items[3];
		size_t n;
		bool good;
		int64_t first;
	} cases[] = {
		{ "seconds", { "90s" }, 1, true, 90000 },
		{ "minutes and hours", { "1m", "2h" }, 2, true, 60000 },
		{ "days", { "2d" }, 1, true, 2 * DAY },
		{ "none", { NULL }, 0, false, 0 },
		{ "no unit", { "90" }, 1, false, 0 },
		{ "zero", { "0s" }, 1, false, 0 },
		{ "negative", { "-1m" }, 1, false, 0 },
		{ "other unit", { "5w" }, 1, false, 0 },
		{ "empty", { "" }, 1, false, 0 },
		{ "too long", { "31d" }, 1, false, 0 },
		{ "one of two is wrong", { "1m", "x" }, 2, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct conf_list list = { (const char **)(uintptr_t)cases[i].items, cases[i].n };
		struct retry retry = { .n = 99 };
		struct why why;
		enum fault fault = retry_parse(&list, &retry, &why);

		if (fault != (cases[i].good ? FAULT_NONE : FAULT_CONFIG))
			fail_msg("%s: %s", cases[i].name, fault_name(fault));
		if (cases[i].good)
			assert_int_equal(retry.waits[0], cases[i].first);
		else
			assert_int_equal(retry.n, 99);
	}
}

static void schedule(void **state)
{
	const struct retry retry = { { 60000, 300000, 3600000 }, 3 };
	static const struct {
		const char *name;
		uint32_t attempts;
		int64_t expires; /* after now */
		int64_t least, most;
	} cases[] = {
		{ "after the first", 1, DAY, 45000, 75000 },
		{ "after the second", 2, DAY, 225000, 375000 },
		{ "after the third", 3, DAY, 2700000, 4500000 },
		{ "the last wait again", 50, DAY, 2700000, 4500000 },
		{ "never tried", 0, DAY, 45000, 75000 },
		{ "the end is nearer", 3, 1000, 1000, 1000 },
		{ "the end has passed", 1, -5, 45000, 75000 },
	};
	const int64_t now = INT64_C(1790000000000);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int turn = 0; turn < 200; turn++) {
			int64_t wait =
			    retry_due(&retry, cases[i].attempts, now, now + cases[i].expires) - now;

			if (wait < cases[i].least || wait > cases[i].most)
				fail_msg("%s: %lld", cases[i].name, (long long)wait);
		}
	}
}

static void jitter(void **state)
{
	const struct retry retry = { { 3600000 }, 1 };
	int64_t first = retry_due(&retry, 1, 0, DAY);
	bool differs = false;

	(void)state;
	for (int turn = 0; turn < 50; turn++)
		differs |= retry_due(&retry, 1, 0, DAY) != first;
	assert_true(differs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(schedule),
		cmocka_unit_test(jitter),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
