/* answers.c: what is missing is noted once, what is known stays, and there is an end to questions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rand.h"
#include "smtpd/check_zone.h"

static const struct zone_line zone[] = {
	{ "a.test", DNS_A, "192.0.2.1" },
	{ "a.test", DNS_TXT, "text" },
	{ NULL },
};

static void missing_once(void **state)
{
	struct arena *arena = arena_new();
	struct answers answers;
	const struct dns_answer *first;

	(void)state;
	answers_init(&answers, arena, NULL, NULL);
	assert_null(answers_get(&answers, "A.test.", DNS_A));
	assert_null(answers_get(&answers, "a.test", DNS_A));
	answers_expect(&answers, "a.test", DNS_A);
	answers_expect(&answers, "a.test", DNS_TXT);
	assert_int_equal(answers.missing, 2);
	assert_int_equal(zone_resolve(&answers, zone), 2);
	assert_int_equal(answers.missing, 0);
	first = answers_get(&answers, "a.test", DNS_A);
	assert_int_equal(first->status, DNS_OK);
	assert_ptr_equal(answers_get(&answers, "A.TEST", DNS_A), first);
	assert_null(answers_take_missing(&answers));
	arena_free(arena);
}

static void illegal_names(void **state)
{
	static const char *const names[] = { "", "a..b", "a b", "\xff", "." };
	struct arena *arena = arena_new();
	struct answers answers;

	(void)state;
	answers_init(&answers, arena, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(answers_get(&answers, names[i], DNS_A)->status, DNS_NXDOMAIN);
		answers_expect(&answers, names[i], DNS_A);
	}
	assert_int_equal(answers.missing, 0);
	arena_free(arena);
}

static void an_end_to_questions(void **state)
{
	struct arena *arena = arena_new();
	struct answers answers;
	char name[32];

	(void)state;
	answers_init(&answers, arena, NULL, NULL);
	for (int i = 0; i < ANSWERS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		assert_null(answers_get(&answers, name, DNS_A));
	}
	assert_int_equal(answers_get(&answers, "one-more.test", DNS_A)->status, DNS_TEMPFAIL);
	assert_int_equal(zone_resolve(&answers, zone), ANSWERS_MAX);
	assert_int_equal(answers_get(&answers, "n0.test", DNS_A)->status, DNS_NXDOMAIN);
	arena_free(arena);
}

static void closed(void **state)
{
	struct arena *arena = arena_new();
	struct answers answers;

	(void)state;
	answers_init(&answers, arena, zone_known, (void *)(uintptr_t)zone);
	assert_int_equal(answers_get(&answers, "a.test", DNS_A)->status, DNS_OK);
	answers.known = NULL;
	assert_null(answers_get(&answers, "b.test", DNS_A));
	answers_close(&answers);
	assert_int_equal(answers_get(&answers, "b.test", DNS_A)->status, DNS_TEMPFAIL);
	assert_int_equal(answers_get(&answers, "c.test", DNS_A)->status, DNS_TEMPFAIL);
	assert_int_equal(answers_get(&answers, "a.test", DNS_A)->status, DNS_OK);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_once),
		cmocka_unit_test(illegal_names),
		cmocka_unit_test(an_end_to_questions),
		cmocka_unit_test(closed),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
