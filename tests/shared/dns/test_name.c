/* name.c: what is a legal name, wire names of hostile shape, reverse names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dns/dns.h"
#include "dns/name.h"

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz"

static void clean_names(void **state)
{
	static const struct {
		const char *what, *name, *want; /* want NULL: refused */
	} cases[] = {
		{ "plain", "example.org", "example.org" },
		{ "case and final dot", "EXAMPLE.Org.", "example.org" },
		{ "underscore", "_dmarc.example.org", "_dmarc.example.org" },
		{ "plus sign of a local part", "a+b._spf.example.org", "a+b._spf.example.org" },
		{ "one label", "localhost", "localhost" },
		{ "longest label", L63 ".test", L63 ".test" },
		{ "label too long", L63 "x.test", NULL },
		{ "longest name",
		  L63 "." L63 "." L63 "."
		      "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwx",
		  L63 "." L63 "." L63 "."
		      "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwx" },
		{ "one more",
		  L63 "." L63 "." L63 "."
		      "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxy.z",
		  NULL },
		{ "empty", "", NULL },
		{ "root", ".", NULL },
		{ "empty label", "a..b", NULL },
		{ "leading dot", ".a", NULL },
		{ "blank", "a b.test", NULL },
		{ "escape", "a\\046b.test", NULL },
		{ "8-bit", "caf\xc3\xa9.test", NULL },
		{ "control", "a\001.test", NULL },
	};
	char out[DNS_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = dns_name_clean(cases[i].name, out);

		if (good != (cases[i].want != NULL) || (good && strcmp(out, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].what, good ? out : "refused");
	}
}

static void wire_names(void **state)
{
	static const struct {
		const char *what;
		struct slice wire;
		const char *want;
	} cases[] = {
		{ "plain", SLICE("\2MX\4TEST\0"), "mx.test" },
		{ "root", SLICE("\0"), "" },
		{ "not ended", SLICE("\2mx\4test"), NULL },
		{ "cut off", SLICE("\2mx\4te"), NULL },
		{ "empty", { NULL, 0 }, NULL },
		{ "pointer", SLICE("\2mx\xc0\x0c"), NULL },
		{ "dot inside a label", SLICE("\4m.xx\4test\0"), NULL },
		{ "NUL inside a label", SLICE("\3m\0x\4test\0"), NULL },
		{ "blank", SLICE("\3m x\4test\0"), NULL },
	};
	char out[DNS_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = dns_name_from_wire(cases[i].wire, out);

		if (good != (cases[i].want != NULL) || (good && strcmp(out, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].what, good ? out : "refused");
	}
}

/* 255 bytes of one-letter labels are legal on the wire of a longer name; ours stops at 253 characters. */
static void wire_name_too_long(void **state)
{
	uint8_t wire[2 * 200 + 1];
	char out[DNS_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		wire[2 * i] = 1;
		wire[2 * i + 1] = 'a';
	}
	wire[400] = 0;
	assert_false(dns_name_from_wire(slice_of(wire, sizeof(wire)), out));
	wire[2 * 127] = 0;
	assert_true(dns_name_from_wire(slice_of(wire, sizeof(wire)), out));
	assert_int_equal(strlen(out), 253);
}

static void reverse_names(void **state)
{
	static const struct {
		const char *ip, *want;
	} cases[] = {
		{ "192.0.2.5", "5.2.0.192.in-addr.arpa" },
		{ "::ffff:192.0.2.5", "5.2.0.192.in-addr.arpa" },
		{ "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa" },
		{ "192.0.2", NULL },
		{ "", NULL },
		{ "local", NULL },
	};
	char out[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = dns_reverse_name(cases[i].ip, out);

		if (good != (cases[i].want != NULL) || (good && strcmp(out, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].ip, good ? out : "refused");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_names),
		cmocka_unit_test(wire_names),
		cmocka_unit_test(wire_name_too_long),
		cmocka_unit_test(reverse_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
