/* DMARC (check_dmarc.h). All of libopendmarc is here. */
#include "check_dmarc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <opendmarc/dmarc.h>

#include "base/arena.h"
#include "dmarc_tree.h"
#include "dns/name.h"
#include "mail/address_list.h"
#include "mail/header.h"
#include "mail/idna.h"

enum { AUTHORS_MAX = 16 };

void dmarc_library_start(void)
{
	static OPENDMARC_LIB_T library; /* it keeps the pointer */

	opendmarc_policy_library_init(&library);
}

static bool clean_domain(struct arena *arena, struct slice domain, const char **ret)
{
	char clean[DNS_NAME_MAX + 1];
	struct slice ascii;

	if (domain.len == 0 || domain.len > 4 * DNS_NAME_MAX || domain.data[0] == '[' ||
	    !idna_to_ascii(arena, domain, &ascii) || !dns_name_clean(arena_strz(arena, ascii), clean))
		return false;
	*ret = arena_strdup(arena, clean);
	return true;
}

/* Every mailbox has to have the same domain, and one that is a domain. NULL: good. */
static const char *read_domains(struct arena *arena, struct slice value, const char **ret)
{
	struct address_list list;
	const struct address_entry *entry;
	const char *domain;
	uint32_t n = 0;

	address_list_parse(arena, value, AUTHORS_MAX, &list);
	if (list.cut)
		return "From has too many addresses";
	for (; (entry = address_list_mailbox(&list, n)); n++) {
		if (!clean_domain(arena, entry->domain, &domain))
			return "an address in From has no right domain";
		if (n > 0 && strcmp(domain, *ret) != 0)
			return "From has addresses of several domains";
		*ret = domain;
	}
	return n == 0 ? "From has no address" : NULL;
}

void dmarc_read_author(struct slice message, struct arena *arena, struct dmarc_author *ret)
{
	struct header_field field;
	const char *domain = NULL;

	*ret = (struct dmarc_author){ .fields = header_count(message, "From") };
	if (ret->fields == 0)
		ret->why = "there is no From field";
	else if (ret->fields > 1)
		ret->why = "there is more than one From field";
	else if (!header_find(message, "From", &field))
		ret->why = "there is no From field";
	else
		ret->why = read_domains(arena, field.value, &domain);
	if (!ret->why)
		ret->domain = domain;
}

void dmarc_expect(struct answers *answers, const struct suffixes *suffixes, const struct dmarc_author *author)
{
	struct dmarc_walk walk;

	if (author->domain)
		(void)!dmarc_walk(answers, suffixes, author->domain, &walk);
}

/* 4.10.1: p for the domain that has the record, sp and np for those below it. False: it is missing whether it exists. */
static bool effective_policy(struct answers *answers, const char *author, const struct dmarc_at *at,
                             enum dmarc_policy *ret)
{
	const struct dmarc_record *record = &at->record;
	const struct dns_answer *answer;

	*ret = record->p;
	if (at->domain == author)
		return true;
	if (record->sp != DMARC_UNSET)
		*ret = record->sp;
	if (record->np == DMARC_UNSET)
		return true;
	answer = answers_get(answers, author, DNS_A);
	if (!answer)
		return false;
	if (answer->status == DNS_NXDOMAIN)
		*ret = record->np;
	return true;
}

/* t=y: one step milder (4.7) */
static enum dmarc_policy stepped_down(enum dmarc_policy policy)
{
	return policy == DMARC_REJECT ? DMARC_QUARANTINE : DMARC_NONE;
}

struct alignment {
	struct answers *answers;
	const struct suffixes *suffixes;
	const struct dmarc_walk *author;
	bool temporary; /* the organization of the author or of an identifier could not be found out */
};

/* False: something is missing. */
static bool is_aligned(struct alignment *alignment, const char *domain, bool strict, bool *ret)
{
	struct dmarc_walk walk;

	*ret = strcmp(domain, alignment->author->domain) == 0;
	if (*ret || strict)
		return true;
	if (!dmarc_walk(alignment->answers, alignment->suffixes, domain, &walk))
		return false;
	alignment->temporary |= walk.temporary;
	*ret =
	    !walk.temporary && !alignment->author->temporary && strcmp(walk.org, alignment->author->org) == 0;
	return true;
}

/* What passed, or may yet pass, and is aligned. */
struct aligned {
	bool spf, dkim, temporary;
};

static bool align_spf(struct alignment *alignment, const struct spf_outcome *spf, bool strict,
                      struct aligned *ret)
{
	bool aligned;

	if ((spf->result != AUTHRES_PASS && spf->result != AUTHRES_TEMPERROR) || !*spf->domain)
		return true;
	if (!is_aligned(alignment, spf->domain, strict, &aligned))
		return false;
	ret->spf |= aligned && spf->result == AUTHRES_PASS;
	ret->temporary |= aligned && spf->result == AUTHRES_TEMPERROR;
	return true;
}

static bool align_dkim(struct alignment *alignment, const struct dkim_check *dkim, bool strict,
                       struct aligned *ret)
{
	bool complete = true, aligned;

	for (size_t i = 0; i < dkim->n; i++) {
		const struct dkim_signature *signature = &dkim->signatures[i];

		if (signature->result != AUTHRES_PASS && signature->result != AUTHRES_TEMPERROR)
			continue;
		if (!is_aligned(alignment, signature->tags.domain, strict, &aligned)) {
			complete = false; /* go on: the others' walks are noted in the same round */
			continue;
		}
		ret->dkim |= aligned && signature->result == AUTHRES_PASS;
		ret->temporary |= aligned && signature->result == AUTHRES_TEMPERROR;
	}
	return complete;
}

/* What the policy and the aligned passes come to, says libopendmarc. */
static enum authres verdict(const char *author, enum dmarc_policy policy, const struct aligned *aligned)
{
	char record[64], domain[DNS_NAME_MAX + 1], client[] = "192.0.2.1";
	u_char *from = (u_char *)domain;
	DMARC_POLICY_T *context = opendmarc_policy_connect_init((u_char *)client, DMARC_POLICY_IP_TYPE_IPV4);
	int says;

	if (!context)
		abort(); /* it fails for want of memory only */
	snprintf(domain, sizeof(domain), "%s", author);
	snprintf(record, sizeof(record), "v=DMARC1; p=%s", dmarc_policy_name(policy));
	opendmarc_policy_store_from_domain(context, from);
	opendmarc_policy_store_dmarc(context, (u_char *)record, from, NULL);
	if (aligned->dkim)
		opendmarc_policy_store_dkim(context, from, NULL, DMARC_POLICY_DKIM_OUTCOME_PASS, NULL);
	if (aligned->spf)
		opendmarc_policy_store_spf(context, from, DMARC_POLICY_SPF_OUTCOME_PASS,
		                           DMARC_POLICY_SPF_ORIGIN_MAILFROM, NULL);
	says = opendmarc_get_policy_to_enforce(context);
	opendmarc_policy_connect_shutdown(context);
	return says == DMARC_POLICY_PASS ? AUTHRES_PASS : AUTHRES_FAIL;
}

static const char *explain(const struct dmarc_outcome *outcome, struct arena *arena)
{
	switch (outcome->result) {
	case AUTHRES_PASS:
		return arena_printf(arena, "%s is vouched for by %s", outcome->author,
		                    outcome->dkim_aligned ? "DKIM" : "SPF");
	case AUTHRES_TEMPERROR:
		return "the DNS gave no answer";
	default:
		return arena_printf(arena, "neither SPF nor DKIM vouches for %s", outcome->author);
	}
}

static bool decide(struct alignment *alignment, const struct dmarc_at *at,
                   const struct spf_outcome *mail_from, const struct dkim_check *dkim,
                   struct dmarc_outcome *outcome)
{
	struct aligned aligned = { false, false, false };
	bool complete;

	complete = effective_policy(alignment->answers, outcome->author, at, &outcome->policy);
	complete &= align_dkim(alignment, dkim, at->record.strict_dkim, &aligned);
	complete &= align_spf(alignment, mail_from, at->record.strict_spf, &aligned);
	if (!complete)
		return false;
	outcome->testing = at->record.testing;
	if (outcome->testing)
		outcome->policy = stepped_down(outcome->policy);
	outcome->policy_domain = at->domain;
	outcome->spf_aligned = aligned.spf;
	outcome->dkim_aligned = aligned.dkim;
	outcome->result = verdict(outcome->author, outcome->policy, &aligned);
	/* what could not be asked may have been the pass */
	if (outcome->result == AUTHRES_FAIL && (aligned.temporary || alignment->temporary))
		outcome->result = AUTHRES_TEMPERROR;
	return true;
}

bool dmarc_check(struct answers *answers, const struct suffixes *suffixes, const struct dmarc_author *author,
                 const struct spf_outcome *mail_from, const struct dkim_check *dkim, struct arena *arena,
                 struct dmarc_outcome *ret)
{
	struct dmarc_outcome outcome = { .author = "", .org = "", .policy_domain = "", .policy = DMARC_NONE };
	struct dmarc_walk walk;
	struct alignment alignment = { .answers = answers, .suffixes = suffixes, .author = &walk };
	const struct dmarc_at *at;

	if (!author->domain) {
		outcome.result = AUTHRES_PERMERROR;
		outcome.why = author->why;
		*ret = outcome;
		return true;
	}
	if (!dmarc_walk(answers, suffixes, author->domain, &walk))
		return false;
	outcome.author = author->domain;
	outcome.org = walk.org;
	alignment.temporary = walk.temporary;
	at = dmarc_walk_policy(&walk);
	if (walk.temporary && !(at && at->domain == walk.domain)) {
		outcome.result = AUTHRES_TEMPERROR;
		outcome.why = "the DNS gave no answer";
	} else if (!at || !at->record.applies) {
		outcome.result = AUTHRES_NONE;
		outcome.why = arena_printf(arena, "%s has no DMARC policy", author->domain);
	} else if (!decide(&alignment, at, mail_from, dkim, &outcome)) {
		return false;
	} else {
		outcome.why = explain(&outcome, arena);
	}
	*ret = outcome;
	return true;
}
