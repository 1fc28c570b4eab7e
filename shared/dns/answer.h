#ifndef SHARED_DNS_ANSWER_H
#define SHARED_DNS_ANSWER_H
/*
 * Making answers (dns.h) out of what a resolver delivers. An answer is one
 * allocation, never changed after it was made, so that any thread may hold it.
 */
#include "dns/dns.h"

struct dns_raw {
	enum dns_type type;
	enum dns_status status; /* OK with no usable record becomes NODATA */
	bool secure, bogus;
	uint32_t ttl;
	const struct slice *rdata; /* as on the wire, names uncompressed */
	size_t n;
	const char *why; /* NULL: "" */
};

/* A reference of the caller's. Records that do not parse are left out. */
const struct dns_answer *dns_answer_new(const struct dns_raw *);
size_t dns_answer_size(const struct dns_answer *); /* bytes it takes in memory */

#endif
