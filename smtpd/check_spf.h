#ifndef SMTPD_CHECK_SPF_H
#define SMTPD_CHECK_SPF_H
/*
 * SPF (RFC 7208): may this client use this domain in MAIL FROM, or in HELO?
 *
 * libspf2 evaluates; the limits are ours, because its own are missing or do not
 * hold: ten terms in all (4.6.4; it restarts the count in every include), two void lookups, ten MX names, records of at
 * most 2,048 bytes of plain ASCII, names of at most 253. It never fetches an
 * explanation (CVE-2023-42118) and never does I/O.
 */
#include "answers.h"
#include "auth_results.h"

struct spf_input {
	const char *ip;         /* of the client, as text; v4-mapped counts as v4 */
	const char *helo;       /* as the client said it */
	struct slice mail_from; /* local@domain without brackets; empty: the null sender */
};

struct spf_outcome {
	enum authres result;
	const char *domain;   /* A-labels, lower case; "" when there was none to ask about */
	const char *identity; /* "mailfrom" or "helo" (also for the null sender) */
	const char *why;      /* one line, for logs and the header */
};

/* False: `answers` misses something; run again when it is there. Strings live in the arena. */
MUST_CHECK bool spf_check_mail_from(struct answers *, const struct spf_input *, struct arena *,
                                    struct spf_outcome *ret);
MUST_CHECK bool spf_check_helo(struct answers *, const struct spf_input *, struct arena *,
                               struct spf_outcome *ret);

/* The Received-SPF field (RFC 7208 9.1), CRLF included. */
void spf_received_field(struct buf *out, struct arena *, const struct spf_input *, const struct spf_outcome *,
                        const char *receiver);

#endif
