/* Dates of mail (date.h). The calendar is the proleptic Gregorian one, counted in days from 1970-01-01. */
#include "mail/date.h"

#include <stdio.h>

#include "mail/lex.h"

enum { DAY_SECONDS = 86400 };

struct parts { /* as read; -1: not met yet */
	int year, month, day, hour, minute, second;
	int zone;
	bool zone_known;
};

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

/* Days from 1970-01-01 to the first of March of the year's era, and so on (Hinnant's count). */
static int64_t days_from_civil(int64_t year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_year = (int)(yoe + era * 400 + (*ret_month <= 2));
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* 1-12, 0 for none; three letters decide, and a full name is fine too. */
static int month_of(struct slice word)
{
	for (int i = 0; word.len >= 3 && i < 12; i++) {
		if (slice_ieq(slice_first(word, 3), slice_of(months + 3 * i, 3)))
			return i + 1;
	}
	return 0;
}

static bool is_weekday(struct slice word)
{
	for (int i = 0; word.len >= 3 && i < 7; i++) {
		if (slice_ieq(slice_first(word, 3), slice_of(weekdays + 3 * i, 3)))
			return true;
	}
	return false;
}

/* obs-zone. The military letters say nothing reliable (RFC 5322 4.3) and so do names we do not know. */
static void take_zone_name(struct parts *p, struct slice word)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {
		{ "UT", 0 },   { "GMT", 0 },  { "UTC", 0 },  { "Z", 0 },    { "EST", -5 }, { "EDT", -4 },
		{ "CST", -6 }, { "CDT", -5 }, { "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 },
		{ "BST", 1 },  { "CET", 1 },  { "CEST", 2 }, { "MEZ", 1 },  { "MESZ", 2 }, { "EET", 2 },
		{ "EEST", 3 }, { "MSK", 3 },  { "JST", 9 },
	};

	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (slice_is(word, zones[i].name)) {
			p->zone = zones[i].hours * 60;
			p->zone_known = true;
		}
	}
}

static bool digits(struct slice s, uint64_t max, int *ret)
{
	uint64_t value;

	if (!slice_u64(s, max, &value))
		return false;
	*ret = (int)value;
	return true;
}

/* ("+" / "-") 4DIGIT */
static void take_zone_digits(struct parts *p, bool west, struct slice s)
{
	int hours, minutes;

	if (s.len != 4 || !digits(slice_first(s, 2), 99, &hours) || !digits(slice_from(s, 2), 59, &minutes))
		return;
	p->zone = (hours * 60 + minutes) * (west ? -1 : 1);
	p->zone_known = !west || p->zone != 0;
}

/* hour ":" minute [ ":" second ], blanks allowed around the colons; seconds may have a fraction. A time that is none
 * is midnight: the day still counts (RFC 5256 2.2). */
static bool take_time(struct parts *p, struct lex *lex, struct slice field)
{
	static const unsigned max[] = { 23, 59, 60 };
	int read[ARRAY_LEN(max)] = { 0 };
	struct lex ahead;
	size_t n = 0;
	bool valid = true;

	if (p->hour >= 0)
		return false;
	for (;; field = lex_atom(lex)) {
		valid = valid && n < ARRAY_LEN(max) && digits(field, max[n], &read[n]);
		n++;
		ahead = *lex;
		lex_skip(&ahead);
		if (!lex_take(&ahead, ':'))
			break;
		lex_skip(&ahead);
		*lex = ahead;
	}
	while (lex_is(lex, '.') || (!lex_done(lex) && *lex->at >= '0' && *lex->at <= '9'))
		lex->at++;
	p->hour = valid ? read[0] : 0;
	p->minute = valid ? read[1] : 0;
	p->second = valid ? read[2] : 0;
	return true;
}

static bool take_number(struct parts *p, struct slice s)
{
	int value;

	if (!digits(s, 9999, &value))
		return false;
	if (p->day < 0 && s.len <= 2) {
		p->day = value;
	} else if (p->year < 0) {
		/* obs-year: two digits below 50 are this century's; three count from 1900 */
		if (s.len == 2)
			value += value < 50 ? 2000 : 1900;
		else if (s.len == 3)
			value += 1900;
		p->year = value;
	} else {
		return false;
	}
	return true;
}

static bool is_number(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
	}
	return s.len > 0;
}

/* 17-Jul-96, as old mailers write */
static bool take_dashed(struct parts *p, struct slice word)
{
	struct slice piece;

	while (slice_cut(&word, '-', &piece)) {
		if (month_of(piece))
			p->month = month_of(piece);
		else if (!take_number(p, piece))
			return false;
	}
	return true;
}

static void take_word(struct parts *p, struct slice word)
{
	ptrdiff_t sign = -1;

	for (size_t i = 0; i < word.len && sign < 0; i++) {
		if (word.data[i] == '+' || word.data[i] == '-')
			sign = (ptrdiff_t)i;
	}
	if (p->hour < 0 && p->month < 0 && month_of(word)) {
		p->month = month_of(word);
	} else if (p->hour >= 0 && sign >= 0) { /* "+0200", and "GMT+0200" */
		take_zone_digits(p, word.data[sign] == '-', slice_from(word, (size_t)sign + 1));
	} else if (p->hour >= 0 && !p->zone_known) {
		take_zone_name(p, word);
	}
}

static bool take_token(struct parts *p, struct lex *lex)
{
	struct slice word = lex_atom(lex);
	struct lex ahead;

	if (word.len == 0) { /* a comma, or noise */
		lex->at++;
		return true;
	}
	if (is_number(word)) {
		ahead = *lex;
		lex_skip(&ahead);
		if (lex_is(&ahead, ':'))
			return take_time(p, lex, word);
		return take_number(p, word);
	}
	if (p->hour < 0 && word.data[0] >= '0' && word.data[0] <= '9' && slice_chr(word, '-') > 0)
		return take_dashed(p, word);
	if (p->hour >= 0 || !is_weekday(word) || month_of(word))
		take_word(p, word);
	return true;
}

static bool finish(const struct parts *p, struct date *ret)
{
	int64_t seconds;

	if (p->year < 1 || p->month < 1 || p->day < 1)
		return false;
	if (p->day > month_days(p->year, p->month))
		return false;
	seconds = days_from_civil(p->year, p->month, p->day) * DAY_SECONDS + MAX_OF(p->hour, 0) * 3600 +
	          p->minute * 60 + p->second;
	ret->utc_ms = (seconds - p->zone * 60) * 1000;
	ret->zone = (int16_t)p->zone;
	ret->zone_unknown = !p->zone_known;
	return true;
}

bool date_parse(struct slice text, struct date *ret)
{
	struct parts p = { -1, -1, -1, -1, 0, 0, 0, false };
	struct lex lex = lex_of(text);

	while (lex_skip(&lex), !lex_done(&lex)) {
		if (!take_token(&p, &lex))
			return false;
	}
	return finish(&p, ret);
}

/* date-day "-" date-month "-" date-year; the day has one or two digits, or a blank and one when `fixed` */
static bool parse_day_month_year(struct slice text, bool fixed, struct parts *p)
{
	struct slice day, month;

	if (!slice_cut(&text, '-', &day) || !slice_cut(&text, '-', &month) || text.len != 4 || month.len != 3)
		return false;
	if (fixed && day.len != 2)
		return false;
	if (fixed && day.data[0] == ' ')
		day = slice_from(day, 1);
	p->month = month_of(month);
	return day.len <= 2 && digits(day, 31, &p->day) && p->month && digits(text, 9999, &p->year) &&
	       p->year >= 1 && p->day >= 1 && p->day <= month_days(p->year, p->month);
}

/* 2DIGIT ":" 2DIGIT ":" 2DIGIT, eight bytes */
static bool take_clock(struct slice time, struct parts *p)
{
	return time.data[2] == ':' && time.data[5] == ':' && digits(slice_first(time, 2), 23, &p->hour) &&
	       digits(slice_of(time.data + 3, 2), 59, &p->minute) &&
	       digits(slice_of(time.data + 6, 2), 60, &p->second);
}

bool date_parse_imap(struct slice text, struct date *ret)
{
	struct parts p = { .zone = 0 };
	struct slice time, zone;
	int hours, minutes;

	/* 0123456789012345678901234567
	 * 17-Jul-1996 02:44:25 -0700 */
	if (text.len != 26 || text.data[11] != ' ' || text.data[20] != ' ')
		return false;
	time = slice_first(slice_from(text, 12), 8);
	zone = slice_from(text, 21);
	if (!parse_day_month_year(slice_first(text, 11), true, &p) || !take_clock(time, &p))
		return false;
	if ((zone.data[0] != '+' && zone.data[0] != '-') ||
	    !digits(slice_first(slice_from(zone, 1), 2), 99, &hours) ||
	    !digits(slice_from(zone, 3), 59, &minutes))
		return false;
	p.zone = (hours * 60 + minutes) * (zone.data[0] == '-' ? -1 : 1);
	p.zone_known = zone.data[0] == '+' || p.zone != 0;
	return finish(&p, ret);
}

/* time-secfrac = "." 1*DIGIT */
static bool skip_fraction(struct slice *rest)
{
	size_t len = 1;

	if (!rest->len || rest->data[0] != '.')
		return true;
	while (len < rest->len && rest->data[len] >= '0' && rest->data[len] <= '9')
		len++;
	*rest = slice_of(rest->data + len, rest->len - len);
	return len > 1;
}

/* time-offset = "Z" / ("+" / "-") time-hour ":" time-minute */
static bool take_offset(struct slice zone, struct parts *p)
{
	int hours, minutes;

	p->zone_known = true;
	if (slice_is(zone, "Z"))
		return true;
	if (zone.len != 6 || (zone.data[0] != '+' && zone.data[0] != '-') || zone.data[3] != ':' ||
	    !digits(slice_first(slice_from(zone, 1), 2), 23, &hours) ||
	    !digits(slice_from(zone, 4), 59, &minutes))
		return false;
	p->zone = (hours * 60 + minutes) * (zone.data[0] == '-' ? -1 : 1);
	p->zone_known = zone.data[0] == '+' || p->zone != 0;
	return true;
}

bool date_parse_rfc3339(struct slice text, struct date *ret)
{
	struct parts p = { .zone = 0 };
	struct slice rest = slice_from(text, 19);

	/* 01234567890123456789
	 * 1985-04-12T23:20:50Z */
	if (text.len < 20 || text.data[4] != '-' || text.data[7] != '-' || (text.data[10] | 0x20) != 't')
		return false;
	if (!digits(slice_first(text, 4), 9999, &p.year) ||
	    !digits(slice_of(text.data + 5, 2), 12, &p.month) ||
	    !digits(slice_of(text.data + 8, 2), 31, &p.day) || !take_clock(slice_of(text.data + 11, 8), &p))
		return false;
	return skip_fraction(&rest) && take_offset(rest, &p) && finish(&p, ret);
}

bool date_parse_day(struct slice text, int32_t *ret_day)
{
	struct parts p = { .zone = 0 };

	if (!parse_day_month_year(text, false, &p))
		return false;
	*ret_day = (int32_t)days_from_civil(p.year, p.month, p.day);
	return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t local_seconds(const struct date *date)
{
	return floor_div(date->utc_ms, 1000) + date->zone * 60;
}

int32_t date_day(const struct date *date)
{
	return (int32_t)floor_div(local_seconds(date), DAY_SECONDS);
}

struct shown {
	int year, month, day, second_of_day, weekday;
	char sign;
	int zone;
};

static struct shown show(const struct date *date)
{
	int64_t seconds = local_seconds(date), days = floor_div(seconds, DAY_SECONDS);
	int zone = date->zone < 0 ? -date->zone : date->zone;
	struct shown s = { .sign = date->zone < 0 || date->zone_unknown ? '-' : '+' };

	civil_from_days(days, &s.year, &s.month, &s.day);
	s.second_of_day = (int)(seconds - days * DAY_SECONDS);
	s.weekday = (int)(((days + 4) % 7 + 7) % 7);
	s.zone = zone / 60 * 100 + zone % 60;
	return s;
}

size_t date_print(const struct date *date, char out[DATE_TEXT_MAX])
{
	struct shown s = show(date);

	return (size_t)snprintf(out, DATE_TEXT_MAX, "%.3s, %d %.3s %04d %02d:%02d:%02d %c%04d",
	                        weekdays + 3 * s.weekday, s.day, months + 3 * (s.month - 1), s.year,
	                        s.second_of_day / 3600, s.second_of_day / 60 % 60, s.second_of_day % 60,
	                        s.sign, s.zone);
}

size_t date_print_imap(const struct date *date, char out[DATE_TEXT_MAX])
{
	struct shown s = show(date);

	return (size_t)snprintf(out, DATE_TEXT_MAX, "%2d-%.3s-%04d %02d:%02d:%02d %c%04d", s.day,
	                        months + 3 * (s.month - 1), s.year, s.second_of_day / 3600,
	                        s.second_of_day / 60 % 60, s.second_of_day % 60, s.sign, s.zone);
}
