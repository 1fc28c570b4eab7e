/* LIST's patterns, by cases and against the plain recursive definition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rand.h"
#include "list_pattern.h"

static void test_cases(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} cases[] = {
		{ "*", "a/b", true },
		{ "%", "a", true },
		{ "%", "a/b", false },
		{ "a/%", "a/b", true },
		{ "a/%", "a/b/c", false },
		{ "a*", "a/b/c", true },
		{ "%/%", "a/b", true },
		{ "%/%", "a", false },
		{ "*b", "a/b", true },
		{ "%b", "a/b", false },
		{ "inbox", "INBOX", true },
		{ "InB%", "INBOX", true },
		{ "sent", "Sent", false },
		{ "", "a", false },
		{ "*%", "a/b", true },
		{ "%*", "a/b", true },
		{ "a", "a", true },
		{ "a", "ab", false },
		{ "**", "", true },
		{ "%a%/*b*", "xay/zzb", true },
		{ "*/%c", "a/b/c", true },
		{ "inbox/%", "INBOX/x", true },
		{ "inbox/X", "INBOX/x", false }, /* below INBOX letters count as they are */
		{ "inbox%", "INBOXES", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (list_pattern_matches(cases[i].pattern, cases[i].path) != cases[i].matches)
			fail_msg("%s with %s", cases[i].pattern, cases[i].path);
}

static bool naive(const char *pattern, const char *path)
{
	if (!*pattern)
		return !*path;
	if (*pattern == '*' || *pattern == '%')
		return naive(pattern + 1, path) ||
		       (*path && !(*pattern == '%' && *path == '/') && naive(pattern, path + 1));
	return *path == *pattern && naive(pattern + 1, path + 1);
}

static void random_text(char *out, size_t max, const char *alphabet)
{
	size_t len = rand_below((uint32_t)max), n = strlen(alphabet);

	for (size_t i = 0; i < len; i++)
		out[i] = alphabet[rand_below((uint32_t)n)];
	out[len] = '\0';
}

static void test_against_definition(void **state)
{
	char pattern[12], path[12];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		random_text(pattern, sizeof(pattern), "ab/*%");
		random_text(path, sizeof(path), "ab/");
		if (list_pattern_matches(pattern, path) != naive(pattern, path))
			fail_msg("\"%s\" with \"%s\"", pattern, path);
	}
}

/* Patterns made to try every way of matching take no longer than others. */
static void test_takes_no_time(void **state)
{
	char pattern[2001], path[4001];
	int64_t start = clock_mono_ms();

	(void)state;
	for (int i = 0; i < 2000; i += 4)
		memcpy(pattern + i, i % 8 ? "*a%b" : "%a*b", 4);
	pattern[2000] = '\0';
	memset(path, 'a', 4000);
	path[4000] = '\0';
	assert_false(list_pattern_matches(pattern, path));
	assert_true(clock_mono_ms() - start < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_against_definition),
		cmocka_unit_test(test_takes_no_time),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
