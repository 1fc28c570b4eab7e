/* The faults table is whole, and a why never overflows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/fault.h"

static void every_fault_reads_on_every_wire(void **state)
{
	(void)state;
	for (int i = 0; i < FAULT_COUNT; i++) {
		const struct fault_row *row = fault_row((enum fault)i);
		char class;

		assert_non_null(row->name);
		assert_non_null(row->text);
		assert_string_equal(fault_name((enum fault)i), row->name);
		assert_in_range(row->smtp, 200, 599);
		assert_in_range(row->http, 200, 599);
		/* the first digits agree, and 4 is what a client may try again */
		class = row->smtp_esc[0];
		assert_int_equal(row->smtp / 100, class - '0');
		assert_int_equal(row->transient, class == '4');
		for (int j = 0; j < i; j++)
			assert_string_not_equal(row->name, fault_name((enum fault)j));
	}
	assert_ptr_equal(fault_row((enum fault)999), fault_row(FAULT_TEMP));
}

static void a_why_is_filled_and_prefixed(void **state)
{
	struct why why;

	(void)state;
	assert_int_equal(fault_set(&why, FAULT_INPUT, "line %d", 7), FAULT_INPUT);
	assert_string_equal(why.text, "line 7");
	assert_int_equal(fault_add(&why, FAULT_TEMP, "reading %s", "x"), FAULT_TEMP);
	assert_string_equal(why.text, "reading x: line 7");
	assert_int_equal(fault_set(NULL, FAULT_TEMP, "nobody listens"), FAULT_TEMP);
	assert_int_equal(fault_add(NULL, FAULT_TEMP, "nobody listens"), FAULT_TEMP);
}

static void a_long_why_is_cut(void **state)
{
	char long_text[1000];
	struct why why;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	(void)fault_set(&why, FAULT_TEMP, "%s", long_text);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
	(void)fault_add(&why, FAULT_TEMP, "before");
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
	assert_memory_equal(why.text, "before: xxx", 11);
	(void)fault_add(&why, FAULT_TEMP, "%s", long_text);
	(void)fault_errno(&why, EIO, "%s", long_text);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
}

static void errno_becomes_a_class(void **state)
{
	static const struct {
		int error;
		enum fault fault;
	} cases[] = {
		{ ENOSPC, FAULT_FULL },  { EDQUOT, FAULT_FULL },      { EACCES, FAULT_DENIED },
		{ EPERM, FAULT_DENIED }, { ENOENT, FAULT_NOT_FOUND }, { EIO, FAULT_TEMP },
	};
	struct why why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(fault_errno(&why, cases[i].error, "opening x"), cases[i].fault);
		assert_int_equal(fault_errno(NULL, cases[i].error, "opening x"), cases[i].fault);
	}
	(void)fault_errno(&why, ENOENT, "opening %s", "x");
	assert_string_equal(why.text, "opening x: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_reads_on_every_wire),
		cmocka_unit_test(a_why_is_filled_and_prefixed),
		cmocka_unit_test(a_long_why_is_cut),
		cmocka_unit_test(errno_becomes_a_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
