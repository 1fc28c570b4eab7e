#ifndef SMTPD_DMARC_TREE_H
#define SMTPD_DMARC_TREE_H
/*
 * The DNS tree walk (RFC 9989 4.10): which DMARC records stand at and above a
 * domain, and which domain is its organizational domain. At most 8 lookups.
 *
 * One thing more than the RFC has: a record at a public suffix that does not say psd=n
 * counts as psd=y. Registries published records before that tag was there; without this,
 * all their customers would be one organization.
 */
#include "answers.h"
#include "dmarc_record.h"
#include "suffixes.h"

enum { DMARC_WALK_MAX = 8 };

struct dmarc_at {
	const char *domain;         /* the end of the domain walked from */
	struct dmarc_record record; /* psd settled as above */
};

struct dmarc_walk {
	const char *domain;                    /* where it started */
	struct dmarc_at found[DMARC_WALK_MAX]; /* the longest name first; exactly one record was there */
	size_t n;
	const char *org; /* organizational domain: `domain` or an end of it */
	bool temporary;  /* a name on the way could not be asked: `org` and what is found may be wrong */
};

/* `domain`: clean, and it stays for as long as the result. False: `answers` misses something. */
MUST_CHECK bool dmarc_walk(struct answers *, const struct suffixes *, const char *domain,
                           struct dmarc_walk *ret);

/* The record whose policy is to be applied to mail from the domain walked: its own, else its organizational domain's,
 * else its public suffix's. NULL: none. */
const struct dmarc_at *dmarc_walk_policy(const struct dmarc_walk *);

#endif
