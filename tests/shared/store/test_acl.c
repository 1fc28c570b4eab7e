/* Rights by letter, and lists that change. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/acl.h"

static const struct id ann = { { 1 } }, bob = { { 2 } }, all = { { 3 } };

static void test_letters(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: no rights */
	} cases[] = {
		{ "", "" },           { "lr", "lr" }, { "rl", "lr" },  { "lrswipkxtea", "lrswipkxteacd" },
		{ "c", "kxc" },       { "d", "ted" }, { "k", "kc" },   { "e", "ed" },
		{ "lrsd", "lrsted" }, { "z", NULL },  { "lr0", NULL }, { "L", NULL },
	};
	char room[ACL_LETTERS];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t rights = 99;
		bool good = acl_parse(slice_str(cases[i].text), &rights);

		assert_int_equal(good, cases[i].printed != NULL);
		if (good)
			assert_string_equal(acl_print(rights, room), cases[i].printed);
	}
	assert_false(acl_parse(slice_of("l\0", 2), &(uint32_t){ 0 }));
}

static void test_union(void **state)
{
	const struct acl_entry acl[] = { { ann, ACL_LOOKUP }, { all, ACL_READ }, { bob, ACL_SEEN } };
	const struct mailbox_meta meta = { .acl = acl, .n_acl = 3 };

	(void)state;
	assert_int_equal(acl_rights(&meta, &ann, &all), ACL_LOOKUP | ACL_READ);
	assert_int_equal(acl_rights(&meta, &bob, &ann), ACL_LOOKUP | ACL_SEEN);
	assert_int_equal(acl_rights(&(struct mailbox_meta){ .acl = NULL }, &ann, &all), 0);
}

static void test_change(void **state)
{
	struct arena *arena = arena_new();
	struct acl_entry *acl = NULL, *full;
	struct why why;
	size_t n = 0;

	(void)state;
	assert_int_equal(acl_change(acl, n, &ann, ACL_REMOVE, ACL_READ, arena, &acl, &n, &why), FAULT_NONE);
	assert_int_equal(n, 0);
	assert_int_equal(acl_change(acl, n, &ann, ACL_ADD, ACL_READ, arena, &acl, &n, &why), FAULT_NONE);
	assert_int_equal(acl_change(acl, n, &bob, ACL_SET, ACL_ALL, arena, &acl, &n, &why), FAULT_NONE);
	assert_int_equal(acl_change(acl, n, &ann, ACL_ADD, ACL_LOOKUP, arena, &acl, &n, &why), FAULT_NONE);
	assert_int_equal(n, 2);
	assert_true(id_eq(&acl[1].who, &ann));
	assert_int_equal(acl[1].rights, ACL_LOOKUP | ACL_READ);
	assert_int_equal(acl_change(acl, n, &ann, ACL_REMOVE, ACL_ALL, arena, &acl, &n, &why), FAULT_NONE);
	assert_int_equal(n, 1);
	full = arena_array(arena, struct acl_entry, ACL_ENTRIES_MAX);
	for (size_t i = 0; i < ACL_ENTRIES_MAX; i++)
		full[i] = (struct acl_entry){ id_new(), ACL_READ };
	assert_int_equal(acl_change(full, ACL_ENTRIES_MAX, &ann, ACL_SET, 1, arena, &acl, &n, &why),
	                 FAULT_LIMIT);
	assert_int_equal(acl_change(full, ACL_ENTRIES_MAX, &full[3].who, ACL_SET, 1, arena, &acl, &n, &why),
	                 FAULT_NONE);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_union),
		cmocka_unit_test(test_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
