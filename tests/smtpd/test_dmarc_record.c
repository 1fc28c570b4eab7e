/* DMARC records: tags, what is skipped, what makes a record count as p=none or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dmarc_record.h"

static void records(void **state)
{
	static const struct {
		const char *what;
		struct slice text;
		bool is_record, applies;
		enum dmarc_policy p, sp, np;
		const char *flags; /* d: adkim=s, s: aspf=s, t: t=y, y, n: psd */
	} cases[] = {
		/* clang-format off */
		{ "plain", SLICE("v=DMARC1; p=reject"), true, true, DMARC_REJECT, 0, 0, "" },
		{ "a semicolon at the end", SLICE("v=DMARC1; p=none;"), true, true, DMARC_NONE, 0, 0, "" },
		{ "blanks", SLICE("v = DMARC1 ;\tp = quarantine ; sp=none"), true, true, DMARC_QUARANTINE, DMARC_NONE, 0, "" },
		{ "no blanks", SLICE("v=DMARC1;p=reject;np=none"), true, true, DMARC_REJECT, 0, DMARC_NONE, "" },
		{ "case", SLICE("V=DMARC1; P=Reject; ADKIM=S; ASPF=S; T=Y; PSD=Y"), true, true, DMARC_REJECT, 0, 0, "dsty" },
		{ "psd=n", SLICE("v=DMARC1; p=reject; psd=n"), true, true, DMARC_REJECT, 0, 0, "n" },
		{ "psd=u, adkim=r", SLICE("v=DMARC1; p=reject; psd=u; adkim=r"), true, true, DMARC_REJECT, 0, 0, "" },
		{ "old tags are ignored", SLICE("v=DMARC1; p=reject; pct=0; rf=iodef; ri=x"), true, true, DMARC_REJECT, 0, 0, "" },
		{ "a wrong adkim is the default", SLICE("v=DMARC1; p=reject; adkim=strict"), true, true, DMARC_REJECT, 0, 0, "" },
		{ "a tag without =", SLICE("v=DMARC1; hello; p=reject"), true, true, DMARC_REJECT, 0, 0, "" },
		{ "the first of two p", SLICE("v=DMARC1; p=reject; p=none"), true, true, DMARC_REJECT, 0, 0, "" },
		{ "a value with 8-bit", SLICE("v=DMARC1; p=reject; adkim=s\xff"), true, true, DMARC_REJECT, 0, 0, "" },
		{ "a value with a NUL", SLICE("v=DMARC1; t=y\0; p=reject"), true, true, DMARC_REJECT, 0, 0, "" },
		/* 4.10.1 */
		{ "no p, rua", SLICE("v=DMARC1; rua=mailto:d@example.org"), true, true, DMARC_NONE, 0, 0, "" },
		{ "no p, no rua", SLICE("v=DMARC1"), true, false, DMARC_NONE, 0, 0, "" },
		{ "no p, a wrong rua", SLICE("v=DMARC1; rua=d@example.org"), true, false, DMARC_NONE, 0, 0, "" },
		{ "no p, one right rua", SLICE("v=DMARC1; rua=x, mailto:d@example.org"), true, true, DMARC_NONE, 0, 0, "" },
		{ "p=r is no policy", SLICE("v=DMARC1; p=r"), true, false, DMARC_NONE, 0, 0, "" },
		{ "a wrong sp, rua", SLICE("v=DMARC1; p=reject; sp=x; rua=mailto:d@x.y"), true, true, DMARC_NONE, 0, 0, "" },
		{ "a wrong np, no rua", SLICE("v=DMARC1; p=reject; np=x"), true, false, DMARC_NONE, 0, 0, "" },
		/* no records */
		{ "v behind p", SLICE("p=reject; v=DMARC1"), false, false, 0, 0, 0, "" },
		{ "no v", SLICE("p=reject"), false, false, 0, 0, 0, "" },
		{ "v in lower case", SLICE("v=dmarc1; p=reject"), false, false, 0, 0, 0, "" },
		{ "another version", SLICE("v=DMARC10; p=reject"), false, false, 0, 0, 0, "" },
		{ "version alone, blank", SLICE("v=DMARC1 x; p=reject"), false, false, 0, 0, 0, "" },
		{ "SPF", SLICE("v=spf1 -all"), false, false, 0, 0, 0, "" },
		{ "empty", SLICE(""), false, false, 0, 0, 0, "" },
		{ "absent", { NULL, 0 }, false, false, 0, 0, 0, "" },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dmarc_record got = { 0 };
		char flags[8];
		size_t n = 0;

		if (dmarc_record_parse(cases[i].text, &got) != cases[i].is_record)
			fail_msg("%s: %s", cases[i].what, cases[i].is_record ? "ignored" : "taken");
		if (!cases[i].is_record)
			continue;
		if (got.strict_dkim)
			flags[n++] = 'd';
		if (got.strict_spf)
			flags[n++] = 's';
		if (got.testing)
			flags[n++] = 't';
		if (got.psd != DMARC_PSD_UNKNOWN)
			flags[n++] = got.psd == DMARC_PSD_YES ? 'y' : 'n';
		flags[n] = '\0';
		if (got.applies != cases[i].applies || got.p != cases[i].p || got.sp != cases[i].sp ||
		    got.np != cases[i].np || strcmp(flags, cases[i].flags) != 0)
			fail_msg("%s: applies %d, p %d, sp %d, np %d, %s", cases[i].what, got.applies,
			         (int)got.p, (int)got.sp, (int)got.np, flags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
