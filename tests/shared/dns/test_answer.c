/* answer.c: rdata of every type, and of the wrong shape. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dns/answer.h"

static const struct dns_answer *answer(enum dns_type type, const struct slice *rdata, size_t n)
{
	return dns_answer_new(
	    &(struct dns_raw){ .type = type, .status = DNS_OK, .ttl = 60, .rdata = rdata, .n = n });
}

static void shapes(void **state)
{
	static const struct {
		const char *what;
		enum dns_type type;
		struct slice rdata, want; /* want.data NULL: left out */
	} cases[] = {
		{ "A", DNS_A, SLICE("\300\0\2\1"), SLICE("\300\0\2\1") },
		{ "A too short", DNS_A, SLICE("\300\0\2"), { NULL, 0 } },
		{ "A too long", DNS_A, SLICE("\300\0\2\1\1"), { NULL, 0 } },
		{ "AAAA", DNS_AAAA, SLICE("0123456789abcdef"), SLICE("0123456789abcdef") },
		{ "AAAA of four bytes", DNS_AAAA, SLICE("\300\0\2\1"), { NULL, 0 } },
		{ "TXT", DNS_TXT, SLICE("\3abc"), SLICE("abc") },
		{ "TXT joined", DNS_TXT, SLICE("\3abc\0\2de"), SLICE("abcde") },
		{ "TXT with a NUL", DNS_TXT, SLICE("\3a\0c"), SLICE("a\0c") },
		{ "TXT empty", DNS_TXT, SLICE("\0"), SLICE("") },
		{ "TXT without a string", DNS_TXT, { NULL, 0 }, { NULL, 0 } },
		{ "TXT cut off", DNS_TXT, SLICE("\5abc"), { NULL, 0 } },
		{ "MX", DNS_MX, SLICE("\0\12\2MX\4test\0"), SLICE("mx.test") },
		{ "MX null", DNS_MX, SLICE("\0\0\0"), SLICE("") },
		{ "MX without name", DNS_MX, SLICE("\0\12"), { NULL, 0 } },
		{ "MX cut off", DNS_MX, SLICE("\0\12\2mx"), { NULL, 0 } },
		{ "PTR", DNS_PTR, SLICE("\1h\4test\0"), SLICE("h.test") },
		{ "CNAME", DNS_CNAME, SLICE("\1h\4test\0"), SLICE("h.test") },
		{ "TLSA", DNS_TLSA, SLICE("\3\1\1abcd"), SLICE("\3\1\1abcd") },
		{ "TLSA without data", DNS_TLSA, SLICE("\3\1\1"), { NULL, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct dns_answer *got = answer(cases[i].type, &cases[i].rdata, 1);
		bool wanted = cases[i].want.data != NULL;

		if (got->n != wanted || (wanted && !slice_eq(got->records[0].data, cases[i].want)))
			fail_msg("%s: %zu records", cases[i].what, got->n);
		assert_int_equal(got->status, wanted ? DNS_OK : DNS_NODATA);
		if (wanted)
			assert_int_equal(got->records[0].data.data[got->records[0].data.len], 0);
		dns_answer_unref(got);
	}
}

static void mx_sorted(void **state)
{
	static const struct slice rdata[] = { SLICE("\0\24\1c\0"), SLICE("\0\12\1a\0"), SLICE("\0\12\1b\0"),
		                              SLICE("\0\12\1"), SLICE("\0\1\1z\0") };
	const struct dns_answer *got = answer(DNS_MX, rdata, ARRAY_LEN(rdata));
	char order[5] = "";

	(void)state;
	assert_int_equal(got->n, 4);
	for (size_t i = 0; i < got->n; i++)
		order[i] = (char)got->records[i].data.data[0];
	assert_string_equal(order, "zabc");
	assert_int_equal(got->records[1].preference, 10);
	dns_answer_unref(got);
}

static void references(void **state)
{
	const struct dns_answer *got = answer(DNS_TXT, &SLICE("\1x"), 1);

	(void)state;
	assert_ptr_equal(dns_answer_ref(got), got);
	dns_answer_unref(got);
	assert_memory_equal(got->records[0].data.data, "x", 1);
	dns_answer_unref(got);
	dns_answer_unref(NULL);
}

static void without_records(void **state)
{
	const struct dns_answer *got =
	    dns_answer_new(&(struct dns_raw){ .type = DNS_A, .status = DNS_TEMPFAIL, .why = "broken" });

	(void)state;
	assert_int_equal(got->status, DNS_TEMPFAIL);
	assert_int_equal(got->n, 0);
	assert_string_equal(got->why, "broken");
	dns_answer_unref(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),
		cmocka_unit_test(mx_sorted),
		cmocka_unit_test(references),
		cmocka_unit_test(without_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
