/* The tree walk (dmarc_tree.h). */
#include "dmarc_tree.h"

#include <stdio.h>

#include "dns/name.h"

static size_t count_labels(const char *domain)
{
	size_t n = 1;

	for (; *domain; domain++)
		n += *domain == '.';
	return n;
}

/* The end of `domain` that has `n` labels. */
static const char *last_labels(const char *domain, size_t n)
{
	for (size_t have = count_labels(domain); have > n; have--)
		domain = strchr(domain, '.') + 1;
	return domain;
}

/* 4.10, steps 3, 4 and 7. NULL: no labels are left. */
static const char *next_target(const char *domain, bool first)
{
	const char *dot = strchr(domain, '.');

	if (first && count_labels(domain) >= DMARC_WALK_MAX)
		return last_labels(domain, DMARC_WALK_MAX - 1);
	return dot ? dot + 1 : NULL;
}

static bool policy_name(const char *domain, char out[DNS_NAME_MAX + 1])
{
	return snprintf(out, DNS_NAME_MAX + 1, "_dmarc.%s", domain) <= DNS_NAME_MAX;
}

/* All names of the way in one round: most are in the map anyway. */
static void expect_way(struct answers *answers, const char *domain)
{
	char name[DNS_NAME_MAX + 1];

	for (const char *at = domain; at; at = next_target(at, at == domain)) {
		if (policy_name(at, name))
			answers_expect(answers, name, DNS_TXT);
	}
}

/* Exactly one DMARC record, or none (4.10, steps 2 and 6). */
static bool only_record(const struct dns_answer *answer, struct dmarc_record *ret)
{
	struct dmarc_record record;
	size_t n = 0;

	for (size_t i = 0; i < answer->n; i++) {
		if (!dmarc_record_parse(answer->records[i].data, &record))
			continue;
		*ret = record;
		n++;
	}
	return n == 1;
}

static bool look_at(struct answers *answers, const struct suffixes *suffixes, const char *domain,
                    struct dmarc_walk *walk)
{
	struct dmarc_at *at = &walk->found[walk->n];
	char name[DNS_NAME_MAX + 1];
	const struct dns_answer *answer;

	if (!policy_name(domain, name))
		return true;
	answer = answers_get(answers, name, DNS_TXT);
	if (!answer)
		return false;
	if (answer->status == DNS_TEMPFAIL)
		walk->temporary = true;
	if (!only_record(answer, &at->record))
		return true;
	at->domain = domain;
	if (at->record.psd == DMARC_PSD_UNKNOWN && suffixes_has(suffixes, domain))
		at->record.psd = DMARC_PSD_YES;
	walk->n++;
	return true;
}

/* 4.10.2 */
static const char *organizational_domain(const struct dmarc_walk *walk)
{
	for (size_t i = 0; i < walk->n; i++) {
		const struct dmarc_at *at = &walk->found[i];

		if (at->record.psd == DMARC_PSD_NO)
			return at->domain;
		if (at->record.psd == DMARC_PSD_YES && at->domain != walk->domain)
			return last_labels(walk->domain, count_labels(at->domain) + 1);
	}
	return walk->n ? walk->found[walk->n - 1].domain : walk->domain;
}

bool dmarc_walk(struct answers *answers, const struct suffixes *suffixes, const char *domain,
                struct dmarc_walk *ret)
{
	struct dmarc_walk walk = { .domain = domain };
	const char *target = domain;

	expect_way(answers, domain);
	for (size_t steps = 0; target && steps < DMARC_WALK_MAX; steps++) {
		if (!look_at(answers, suffixes, target, &walk))
			return false;
		if (walk.n > 0 && walk.found[walk.n - 1].domain == target &&
		    walk.found[walk.n - 1].record.psd != DMARC_PSD_UNKNOWN)
			break;
		target = next_target(target, target == domain);
	}
	walk.org = organizational_domain(&walk);
	*ret = walk;
	return true;
}

const struct dmarc_at *dmarc_walk_policy(const struct dmarc_walk *walk)
{
	const struct dmarc_at *last = walk->n ? &walk->found[walk->n - 1] : NULL;

	for (size_t i = 0; i < walk->n; i++) {
		if (walk->found[i].domain == walk->domain)
			return &walk->found[i];
	}
	for (size_t i = 0; i < walk->n; i++) {
		if (strcmp(walk->found[i].domain, walk->org) == 0)
			return &walk->found[i];
	}
	return last && last->record.psd == DMARC_PSD_YES ? last : NULL;
}
