#ifndef SHARED_DNS_CACHE_H
#define SHARED_DNS_CACHE_H
/*
 * The answer map: (name, type) to the newest answer, for as long as its TTL says
 * (5 s to a day; no such name and no data 5 s to 15 min; failures 5 s).
 * Bounded in answers and in bytes; the longest unused goes first. One thread's.
 */
#include "dns/dns.h"

struct dns_cache;

struct dns_cache *dns_cache_new(size_t answers_max);
void dns_cache_free(struct dns_cache *); /* NULL accepted */

/* `name` as dns_name_clean() gives it. Keeps a reference of its own. */
void dns_cache_put(struct dns_cache *, const char *name, enum dns_type, const struct dns_answer *,
                   int64_t now_ms);
/* Borrowed, until the next put; NULL when absent or expired. */
const struct dns_answer *dns_cache_get(struct dns_cache *, const char *name, enum dns_type, int64_t now_ms);
size_t dns_cache_count(const struct dns_cache *);

#endif
