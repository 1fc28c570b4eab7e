/* Dates of header fields and of IMAP, read, printed, and over the whole calendar. */
#include "shared/mail/mail_test.h"

#include "mail/date.h"

#define SECONDS(s) ((int64_t)(s)*1000)

static void header_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int zone;
		bool unknown;
	} rows[] = {
		{ "Wed, 17 Jul 1996 02:44:25 -0700", 837596665, -420, false },
		{ "17 Jul 1996 02:44:25 -0700", 837596665, -420, false },
		{ "  Wed ,17  Jul 1996 02 : 44 : 25 -0700 (PDT)", 837596665, -420, false },
		{ "Wed, 17 July 1996 02:44:25 PDT", 837596665, -420, false },
		{ "Wed, 17 Jul 96 02:44:25 -0700", 837596665, -420, false },
		{ "Wed, 17-Jul-96 02:44:25 -0700", 837596665, -420, false },
		{ "Wed, 17 Jul 096 02:44:25 -0700", 837596665, -420, false },
		{ "Wed Jul 17 02:44:25 1996", 837571465, 0, true },
		{ "Wed Jul 17 02:44:25 PDT 1996", 837596665, -420, false },
		{ "17 Jul 1996 02:44", 837571440, 0, true },
		{ "17 Jul 1996 02:44:25 GMT", 837571465, 0, false },
		{ "17 Jul 1996 02:44:25 GMT+0200", 837564265, 120, false },
		{ "17 Jul 1996 02:44:25 -0000", 837571465, 0, true },
		{ "17 Jul 1996 02:44:25 +0000", 837571465, 0, false },
		{ "17 Jul 1996 02:44:25 A", 837571465, 0, true },
		{ "17 Jul 1996 02:44:25 Q!", 837571465, 0, true },
		{ "17 Jul 1996 02:44:25.123 +0000", 837571465, 0, false },
		{ "17 Jul 1996", 837561600, 0, true },
		{ "Wed, 17 Jul 1996 24:00 +0100", 837558000, 60, false },
		{ "17 Jul 1996 02:60", 837561600, 0, true },
		{ "17 Jul 1996 02:44:61 +0000", 837561600, 0, false },
		{ "17 Jul 1996 02:44:25:07 +0000", 837561600, 0, false },
		{ "17 Jul 1996 02:", 837561600, 0, true },
		{ "17 Jul 1996 02:44:", 837561600, 0, true },
		{ "Wed Jul 17 02:x 1996", 837561600, 0, true },
		{ "29 Feb 2000 23:59:60 +0000", 951868800, 0, false },
		{ "31 Dec 1969 23:59:59 +0000", -1, 0, false },
		{ "1 Jan 1970 00:00:00 +0530", -19800, 330, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct date got;

		expect_number(rows[i].text, "parsed", date_parse(slice_str(rows[i].text), &got), true);
		expect_number(rows[i].text, "time", got.utc_ms, SECONDS(rows[i].seconds));
		expect_number(rows[i].text, "zone", got.zone, rows[i].zone);
		expect_number(rows[i].text, "unknown", got.zone_unknown, rows[i].unknown);
	}
}

static void internet_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int zone;
	} rows[] = {
		{ "1985-04-12T23:20:50Z", 482196050, 0 },
		{ "1985-04-12t23:20:50.52z", 482196050, 0 },
		{ "1996-12-19T16:39:57-08:00", 851042397, -480 },
		{ "1990-12-31T23:59:60Z", 662688000, 0 },
		{ "1937-01-01T12:00:27.87+00:20", -1041337173, 20 },
	};
	static const char *const none[] = {
		"",
		"1985-04-12",
		"1985-04-12T23:20:50",
		"1985-04-12T23:20:50.Z",
		"1985-04-12T23:20:50Z ",
		"1985-04-12 23:20:50Z",
		"1985-4-12T23:20:50ZZ",
		"1985-13-12T23:20:50Z",
		"1985-02-29T23:20:50Z",
		"1985-04-00T23:20:50Z",
		"0000-04-12T23:20:50Z",
		"1985-04-12T24:20:50Z",
		"1985-04-12T23:60:50Z",
		"1985-04-12T23:20:50+0100",
		"1985-04-12T23:20:50+24:00",
		"1985-04-12T23:20:50+01:00x",
		"-985-04-12T23:20:50Z",
	};
	struct date got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		expect_number(rows[i].text, "parsed", date_parse_rfc3339(slice_str(rows[i].text), &got),
		              true);
		expect_number(rows[i].text, "time", got.utc_ms, SECONDS(rows[i].seconds));
		expect_number(rows[i].text, "zone", got.zone, rows[i].zone);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		expect_number(none[i], "parsed", date_parse_rfc3339(slice_str(none[i]), &got), false);
}

static void no_dates(void **state)
{
	static const char *const texts[] = {
		"",
		"yesterday",
		"17 1996 02:44",
		"Jul 1996 02:44:25",
		"32 Jul 1996 02:44:25",
		"29 Feb 1900 00:00:00 +0000",
		"0 Jul 1996 02:44",
		"17 Jul 1996 2",
		"1 Jan 0000 00:00",
		"1 2 3 4 5:6",
		"99999999999999999999 Jul 1996 02:44",
		"1996-07-17T02:44:25Z",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct date got;

		if (date_parse(slice_str(texts[i]), &got))
			fail_msg("\"%s\" parsed", texts[i]);
	}
}

static void printing(void **state)
{
	static const struct {
		struct date date;
		const char *mail, *imap;
	} rows[] = {
		{ { SECONDS(837596665), -420, false },
		  "Wed, 17 Jul 1996 02:44:25 -0700",
		  "17-Jul-1996 02:44:25 -0700" },
		{ { SECONDS(0), 0, false }, "Thu, 1 Jan 1970 00:00:00 +0000", " 1-Jan-1970 00:00:00 +0000" },
		{ { SECONDS(0), 0, true }, "Thu, 1 Jan 1970 00:00:00 -0000", " 1-Jan-1970 00:00:00 -0000" },
		{ { -1, 330, false }, "Thu, 1 Jan 1970 05:29:59 +0530", " 1-Jan-1970 05:29:59 +0530" },
		{ { SECONDS(951868799), 0, false },
		  "Tue, 29 Feb 2000 23:59:59 +0000",
		  "29-Feb-2000 23:59:59 +0000" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[DATE_TEXT_MAX];

		assert_int_equal(date_print(&rows[i].date, text), strlen(rows[i].mail));
		assert_string_equal(text, rows[i].mail);
		assert_int_equal(date_print_imap(&rows[i].date, text), strlen(rows[i].imap));
		assert_string_equal(text, rows[i].imap);
	}
}

static void imap_dates(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t seconds;
	} rows[] = {
		{ "17-Jul-1996 02:44:25 -0700", true, 837596665 },
		{ " 7-Jul-1996 02:44:25 -0700", true, 836732665 },
		{ "07-jul-1996 02:44:25 -0700", true, 836732665 },
		{ "7-Jul-1996 02:44:25 -0700", false, 0 },
		{ "17-Jul-96 02:44:25 -0700", false, 0 },
		{ "17-Jul-1996 02:44:25 -07000", false, 0 },
		{ "17-Jul-1996 02:44:25 GMT  ", false, 0 },
		{ "31-Jun-1996 02:44:25 -0700", false, 0 },
		{ "17-Jul-1996 24:44:25 -0700", false, 0 },
		{ "17-Juli1996 02:44:25 -0700", false, 0 },
		{ "17-Jul-1996 02:44:25 -07x0", false, 0 },
		{ "", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct date got = { 0 };

		expect_number(rows[i].text, "parsed", date_parse_imap(slice_str(rows[i].text), &got),
		              rows[i].good);
		expect_number(rows[i].text, "time", got.utc_ms, SECONDS(rows[i].seconds));
	}
}

static void days(void **state)
{
	struct date late = { SECONDS(86400) - 1, 0, false }, east = { SECONDS(86400) - 1, 60, false };
	struct date before = { -1, 0, false };
	int32_t day;

	(void)state;
	assert_true(date_parse_day(SLICE("1-Feb-1994"), &day) && day == 8797);
	assert_true(date_parse_day(SLICE("01-Jan-1970"), &day) && day == 0);
	assert_false(date_parse_day(SLICE("1-Feb-94"), &day) || date_parse_day(SLICE("30-Feb-1994"), &day) ||
	             date_parse_day(SLICE(" 1-Feb-1994"), &day) || date_parse_day(SLICE("-Feb-1994"), &day));
	assert_int_equal(date_day(&late), 0);
	assert_int_equal(date_day(&east), 1);
	assert_int_equal(date_day(&before), -1);
}

/* Every day from 1 to 9999 comes back through print and parse. */
static void calendar(void **state)
{
	(void)state;
	for (int64_t day = -719162; day <= 2932896; day += 13) {
		struct date date = date_utc(day * 86400000 + 3600000), again = { 0 };
		char text[DATE_TEXT_MAX];

		date_print_imap(&date, text);
		assert_true(date_parse_imap(slice_str(text), &again));
		assert_true(again.utc_ms == date.utc_ms);
		date_print(&date, text);
		assert_true(date_parse(slice_str(text), &again));
		assert_true(again.utc_ms == date.utc_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_dates), cmocka_unit_test(internet_dates), cmocka_unit_test(no_dates),
		cmocka_unit_test(printing),     cmocka_unit_test(imap_dates),     cmocka_unit_test(days),
		cmocka_unit_test(calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
