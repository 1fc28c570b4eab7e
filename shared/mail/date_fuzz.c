/* Dates: what parses prints to what parses to the same. */
#include <stdlib.h>

#include "mail/date.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

static bool year_prints(const struct date *d)
{
	/* a zone may carry the first and last days out of the years that have four digits */
	return d->utc_ms > -62135000000000 && d->utc_ms < 253402200000000;
}

static void check(const struct date *d)
{
	char text[DATE_TEXT_MAX];
	struct date again;
	int32_t day;

	HOLDS(d->zone > -6000 && d->zone < 6000 && d->utc_ms % 1000 == 0);
	if (!year_prints(d))
		return;
	HOLDS(date_print(d, text) < DATE_TEXT_MAX);
	HOLDS(date_parse(slice_str(text), &again) && again.utc_ms == d->utc_ms);
	HOLDS(date_print_imap(d, text) == 26);
	HOLDS(date_parse_imap(slice_str(text), &again) && again.utc_ms == d->utc_ms);
	HOLDS(date_day(&again) == date_day(d));
	HOLDS(date_parse_day(slice_of(text + (text[0] == ' '), 11u - (text[0] == ' ')), &day) &&
	      day == date_day(d));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	struct date date;
	int32_t day;

	if (date_parse(text, &date))
		check(&date);
	if (date_parse_imap(text, &date))
		check(&date);
	if (date_parse_rfc3339(text, &date))
		check(&date);
	(void)date_parse_day(text, &day);
	return 0;
}
