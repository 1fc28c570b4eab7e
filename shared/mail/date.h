#ifndef SHARED_MAIL_DATE_H
#define SHARED_MAIL_DATE_H
/*
 * Dates as mail spells them: header fields (RFC 5322 3.3 and 4.3, read
 * tolerantly), IMAP's INTERNALDATE and search dates (RFC 9051 9, strictly), and those of URLs (RFC 3339, strictly).
 * Years run from 1 to 9999.
 */
#include "base/slice.h"

struct date {
	int64_t utc_ms;    /* since 1970, whole seconds */
	int16_t zone;      /* minutes east of UTC that it was written in */
	bool zone_unknown; /* "-0000", or none at all: it says nothing of where */
};

enum { DATE_TEXT_MAX = 40 };

/* A Date field's value: also old zones, two-digit years, missing seconds or zone, asctime's order,
 * comments; without a time, or with one that is none, it is midnight. */
bool date_parse(struct slice text, struct date *ret);
/* "Wed, 17 Jul 1996 02:44:25 -0700"; gives the length. */
size_t date_print(const struct date *, char out[DATE_TEXT_MAX]);

/* date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE, without the quotes. */
bool date_parse_imap(struct slice text, struct date *ret);
/* "17-Jul-1996 02:44:25 -0700", the day two characters wide. */
size_t date_print_imap(const struct date *, char out[DATE_TEXT_MAX]);

/* date-time of RFC 3339 5.6, "1985-04-12T23:20:50.52Z", "…T19:20:50-04:00"; a fraction of a second is passed over. */
bool date_parse_rfc3339(struct slice text, struct date *ret);

/* date-text = date-day "-" date-month "-" date-year, as SEARCH has it; days since 1970. */
bool date_parse_day(struct slice text, int32_t *ret_day);
/* The day it was where it was written: what SINCE, BEFORE, ON and their SENT forms compare. */
int32_t date_day(const struct date *);

/* In UTC, and without a zone of its own. */
static inline struct date date_utc(int64_t utc_ms)
{
	return (struct date){ .utc_ms = utc_ms };
}

#endif
