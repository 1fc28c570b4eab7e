#ifndef TESTS_SMTPD_CHECK_ZONE_H
#define TESTS_SMTPD_CHECK_ZONE_H
/* Answers for the checks out of a table, without any DNS: all known at once, or round by round as a judge does it. */
#include "answers.h"
#include "base/arena.h"
#include "dns/answer.h"
#include "shared/dns/responder.h"

static inline const struct dns_answer *zone_answer(const struct zone_line *zone, const char *name,
                                                   enum dns_type type)
{
	static uint8_t bytes[64][8192];
	struct slice rdata[64];
	struct dns_raw raw = { .type = type, .status = DNS_NXDOMAIN, .ttl = 300, .rdata = rdata };

	for (const struct zone_line *line = zone; line->name; line++) {
		if (!responder_is_under(line->name, name))
			continue;
		if (raw.status == DNS_NXDOMAIN)
			raw.status = DNS_NODATA;
		if (strcasecmp(line->name, name) != 0)
			continue;
		if (line->type == ZONE_SERVFAIL)
			raw.status = DNS_TEMPFAIL;
		if (line->type != (int)type || raw.n == 64)
			continue;
		raw.status = DNS_OK;
		rdata[raw.n] = slice_of(bytes[raw.n], responder_put_rdata(bytes[raw.n], line));
		raw.n++;
	}
	return dns_answer_new(&raw);
}

/* As struct answers' `known`: everything is there. */
static inline const struct dns_answer *zone_known(void *zone, const char *name, enum dns_type type)
{
	return zone_answer(zone, name, type);
}

/* What is missing, from the zone; gives how many. */
static inline size_t zone_resolve(struct answers *answers, const struct zone_line *zone)
{
	size_t n = 0;

	for (struct question *question = answers_take_missing(answers); question; n++) {
		struct question *next = question->next_missing;
		const struct dns_answer *answer = zone_answer(zone, question->name, question->type);

		answers_put(question, answer);
		dns_answer_unref(answer);
		question = next;
	}
	return n;
}

#endif
