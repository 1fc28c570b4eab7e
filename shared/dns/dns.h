#ifndef SHARED_DNS_DNS_H
#define SHARED_DNS_DNS_H
/*
 * DNS (libunbound beneath, an answer map of our own in front). Asynchronous on
 * the loop; dns_known() answers from the map alone, for libraries that are run again until nothing is missing.
 *
 * Names are A-labels, any case, a final dot allowed. Answers live as long as their
 * reference: dns_answer_ref/unref. The map honours TTLs (bounded 5 s to 1 day; negative 5 s to 15 min) and is bounded.
 */
#include "base/fault.h"
#include "base/slice.h"
#include "loop/loop.h"

enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52
};

enum dns_status {
	DNS_OK,       /* n records */
	DNS_NODATA,   /* the name exists, without this type */
	DNS_NXDOMAIN, /* no such name */
	DNS_TEMPFAIL, /* SERVFAIL, time-out, bogus */
};

struct dns_record {
	struct slice
	    data; /* A, AAAA: 4, 16 bytes. TXT: its strings joined. MX, PTR, CNAME: the name, text, no final
			    * dot, lower case, "" for the root. TLSA: as on the wire */
	uint16_t preference; /* MX */
};

struct dns_answer {
	enum dns_status status;
	bool secure, bogus; /* DNSSEC: proven; proven wrong (status TEMPFAIL) */
	uint32_t ttl;       /* seconds left when it was made */
	const struct dns_record *records;
	size_t n;        /* MX sorted by preference */
	const char *why; /* for the log when TEMPFAIL, "" otherwise */
};

struct dns;
struct dns_query;

struct dns_conf {
	const char *servers;      /* "127.0.0.1@5355, 192.0.2.1"; "" : /etc/resolv.conf */
	const char *trust_anchor; /* file of DS or DNSKEY records; "": no validation */
	int64_t timeout_ms;       /* of one dns_resolve(); 0: 10 s */
	size_t answers_max;       /* in the map; 0: 100,000 */
};

MUST_CHECK enum fault dns_new(struct loop *, const struct dns_conf *, struct dns **ret, struct why *);
void dns_free(struct dns *); /* pending queries are dropped without a callback */

/* `on_answer` on the loop, never from inside the call; `answer` is valid for the call, keep it with dns_answer_ref(). A name that is
 * not a legal domain name answers NXDOMAIN. */
struct dns_query *dns_resolve(struct dns *, const char *name, enum dns_type,
                              void (*on_answer)(void *arg, const struct dns_answer *), void *arg);
void dns_cancel(struct dns_query *); /* no callback follows */

/* From the map, NULL when not there or expired: a reference of the caller's. From the loop's thread. */
const struct dns_answer *dns_known(struct dns *, const char *name, enum dns_type);
const struct dns_answer *dns_answer_ref(const struct dns_answer *);
void dns_answer_unref(const struct dns_answer *); /* NULL accepted; any thread */

/* "4.3.2.1.in-addr.arpa" of an address in text; false when it is none. */
bool dns_reverse_name(const char *ip, char out[80]);

#endif
