/* Roles: every role, right and domain. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/role.h"
#include "base/macros.h"

/* What one binding over all domains, and over one.org, gives: asked for the whole suite, one.org, two.org. */
#define NO  "---"
#define ALL "sot"
#define OWN "-o-"

static const struct {
	enum role role;
	const char *bound;      /* NULL: all */
	const char *allowed[4]; /* by right */
} table[] = {
	/*			   READ WRITE SUITE_READ SUITE_WRITE */
	{ ROLE_NONE, NULL, { NO, NO, NO, NO } },
	{ ROLE_NONE, "one.org", { NO, NO, NO, NO } },
	{ ROLE_OWNER, NULL, { ALL, ALL, ALL, ALL } },
	{ ROLE_OWNER, "one.org", { OWN, OWN, NO, NO } },
	{ ROLE_DOMAIN_ADMIN, NULL, { ALL, ALL, NO, NO } },
	{ ROLE_DOMAIN_ADMIN, "one.org", { OWN, OWN, NO, NO } },
	{ ROLE_READ_ONLY, NULL, { ALL, NO, ALL, NO } },
	{ ROLE_READ_ONLY, "one.org", { OWN, NO, NO, NO } },
	{ (enum role)77, NULL, { NO, NO, NO, NO } },
};

static void the_table_is_complete(void **state)
{
	static const char *const asked[] = { NULL, "one.org", "two.org" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct role_binding binding = { table[i].role, table[i].bound };

		for (int right = RIGHT_READ; right <= RIGHT_SUITE_WRITE; right++)
			for (size_t k = 0; k < ARRAY_LEN(asked); k++)
				if (role_allows(&binding, 1, (enum right)right, asked[k]) !=
				    (table[i].allowed[right][k] != '-'))
					fail_msg("%s over %s, right %d, asked for %s",
					         role_name(table[i].role),
					         table[i].bound ? table[i].bound : "all", right,
					         asked[k] ? asked[k] : "the suite");
	}
}

static void bindings_add_up(void **state)
{
	static const struct role_binding bindings[] = {
		{ ROLE_READ_ONLY, NULL },
		{ ROLE_DOMAIN_ADMIN, "one.org" },
		{ ROLE_DOMAIN_ADMIN, "two.org" },
	};

	(void)state;
	assert_true(role_allows(bindings, 3, RIGHT_WRITE, "one.org"));
	assert_true(role_allows(bindings, 3, RIGHT_WRITE, "two.org"));
	assert_false(role_allows(bindings, 3, RIGHT_WRITE, "three.org"));
	assert_false(role_allows(bindings, 3, RIGHT_WRITE, NULL)); /* two of them are not all */
	assert_true(role_allows(bindings, 3, RIGHT_READ, "three.org"));
	assert_true(role_allows(bindings, 3, RIGHT_SUITE_READ, NULL));
	assert_false(role_allows(bindings, 3, RIGHT_SUITE_WRITE, NULL));
	assert_false(role_allows(bindings, 0, RIGHT_READ, "one.org"));
	assert_false(role_allows(NULL, 0, RIGHT_READ, NULL));
}

static void domains_are_compared_whole(void **state)
{
	static const struct role_binding binding = { ROLE_DOMAIN_ADMIN, "one.org" };

	(void)state;
	assert_true(role_allows(&binding, 1, RIGHT_READ, "One.ORG"));
	assert_false(role_allows(&binding, 1, RIGHT_READ, "sub.one.org"));
	assert_false(role_allows(&binding, 1, RIGHT_READ, "one.or"));
	assert_false(role_allows(&binding, 1, RIGHT_READ, ""));
}

static void names_go_both_ways(void **state)
{
	enum role role;

	(void)state;
	for (int i = ROLE_OWNER; i <= ROLE_READ_ONLY; i++) {
		assert_true(role_parse(slice_str(role_name((enum role)i)), &role));
		assert_int_equal(role, i);
	}
	assert_string_equal(role_name(ROLE_OWNER), "owner");
	assert_string_equal(role_name(ROLE_DOMAIN_ADMIN), "domain-admin");
	assert_string_equal(role_name(ROLE_READ_ONLY), "read-only");
	assert_false(role_parse(SLICE("none"), &role)); /* nobody is given it */
	assert_false(role_parse(SLICE(""), &role));
	assert_false(role_parse(SLICE("root"), &role));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_complete),
		cmocka_unit_test(bindings_add_up),
		cmocka_unit_test(domains_are_compared_whole),
		cmocka_unit_test(names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
