/* Clocks run forwards, and times read as RFC 3339 says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/macros.h"

static void times_print(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ -1000, "1969-12-31T23:59:59.000Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 1795362985123, "2026-11-22T15:56:25.123Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ -62167219200000, "0000-01-01T00:00:00.000Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		clock_rfc3339(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void clocks_run(void **state)
{
	int64_t ns = clock_mono_ns(), ms = clock_mono_ms();

	(void)state;
	assert_true(clock_now() > 1577836800000); /* 2020 */
	assert_true(clock_mono_ns() >= ns);
	assert_true(ms >= ns / 1000000 && ms - ns / 1000000 < 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(times_print), cmocka_unit_test(clocks_run) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
