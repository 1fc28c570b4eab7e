#ifndef SMTPD_DMARC_RECORD_H
#define SMTPD_DMARC_RECORD_H
/* A DMARC policy record (RFC 9989 4.7, 4.8). */
#include "base/slice.h"

enum dmarc_policy { DMARC_UNSET, DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT };
const char *dmarc_policy_name(enum dmarc_policy); /* "none"; also for UNSET */

struct dmarc_record {
	enum dmarc_policy p, sp, np; /* UNSET: not given */
	bool strict_dkim, strict_spf, testing;
	enum { DMARC_PSD_UNKNOWN, DMARC_PSD_NO, DMARC_PSD_YES } psd;
	struct slice rua, ruf; /* of the text; data NULL: not given */
	/* 4.10.1: a record without a right p, or with a wrong sp or np, counts as p=none if it names somebody to report
	 * to, and else not at all. p, sp and np say so already. */
	bool applies;
};

/* False: no DMARC record, to be ignored. Tags that are not known or not right are skipped; of a tag given twice the
 * first counts. */
bool dmarc_record_parse(struct slice text, struct dmarc_record *ret);

#endif
