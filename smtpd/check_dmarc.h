#ifndef SMTPD_CHECK_DMARC_H
#define SMTPD_CHECK_DMARC_H
/*
 * DMARC (RFC 9989): is the author's domain vouched for by SPF or DKIM of the
 * same organization, and what does it want done if not?
 *
 * Author, discovery and alignment are ours: libopendmarc gets alignment wrong
 * (one-letter labels, strict mode, an exact-domain failure behind an aligned pass), so it sees a record made
 * of the effective policy and only identifiers that we found aligned, and says what that comes to.
 */
#include "check_dkim.h"
#include "check_spf.h"
#include "dmarc_record.h"
#include "suffixes.h"

struct dmarc_author {
	const char *domain; /* A-labels, lower case; NULL: there is none that DMARC could be about */
	const char *why;    /* then */
	size_t fields;      /* From fields there are */
};

struct dmarc_outcome {
	enum authres result;       /* NONE: no policy; PERMERROR: no author */
	const char *author;        /* domain, "" when there is none */
	const char *org;           /* its organizational domain */
	const char *policy_domain; /* where the record stands, "" without */
	enum dmarc_policy policy; /* evaluated: sp, np and t=y taken in. What to do when the result is FAIL */
	bool testing;             /* t=y */
	bool spf_aligned, dkim_aligned; /* a pass that is aligned */
	const char *why;
};

void dmarc_library_start(void); /* once in a process, before the first check */

/* The domain in From. More than one address is good as long as it is one domain. */
void dmarc_read_author(struct slice message, struct arena *, struct dmarc_author *ret);
/* Notes what the check will want to know of the author's domain, while SPF and DKIM still wait for theirs. */
void dmarc_expect(struct answers *, const struct suffixes *, const struct dmarc_author *);
/* False: `answers` misses something. */
MUST_CHECK bool dmarc_check(struct answers *, const struct suffixes *, const struct dmarc_author *,
                            const struct spf_outcome *mail_from, const struct dkim_check *, struct arena *,
                            struct dmarc_outcome *ret);

#endif
