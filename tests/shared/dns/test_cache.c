/* cache.c: TTL bounds, the limits in answers and in bytes, who goes first. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/rand.h"
#include "dns/answer.h"
#include "dns/cache.h"

static const struct dns_answer *made(enum dns_status status, uint32_t ttl, size_t text)
{
	static uint8_t bytes[256 * 64];
	struct slice rdata = { bytes, 0 };

	for (size_t at = 0; text > 0; text -= MIN_OF(text, 256), at += 256) {
		bytes[at] = 255;
		rdata.len += 256;
	}
	return dns_answer_new(&(struct dns_raw){
	    .type = DNS_TXT, .status = status, .ttl = ttl, .rdata = &rdata, .n = status == DNS_OK });
}

static void put(struct dns_cache *cache, const char *name, enum dns_status status, uint32_t ttl, size_t text)
{
	const struct dns_answer *answer = made(status, ttl, text);

	dns_cache_put(cache, name, DNS_TXT, answer, 0);
	dns_answer_unref(answer);
}

static void lifetimes(void **state)
{
	static const struct {
		const char *what;
		enum dns_status status;
		uint32_t ttl;
		int64_t lives_s;
	} cases[] = {
		{ "as it says", DNS_OK, 300, 300 },
		{ "at least 5 s", DNS_OK, 0, 5 },
		{ "at most a day", DNS_OK, 1u << 31, 86400 },
		{ "no such name", DNS_NXDOMAIN, 60, 60 },
		{ "no such name, at most 15 min", DNS_NXDOMAIN, 86400, 900 },
		{ "no data, at least 5 s", DNS_NODATA, 0, 5 },
		{ "a failure 5 s", DNS_TEMPFAIL, 3600, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_cache *cache = dns_cache_new(10);

		put(cache, "a.test", cases[i].status, cases[i].ttl, 10);
		if (!dns_cache_get(cache, "a.test", DNS_TXT, cases[i].lives_s * 1000 - 1))
			fail_msg("%s: gone too early", cases[i].what);
		if (dns_cache_get(cache, "a.test", DNS_TXT, cases[i].lives_s * 1000))
			fail_msg("%s: lives too long", cases[i].what);
		assert_int_equal(dns_cache_count(cache), 0);
		dns_cache_free(cache);
	}
}

static void by_name_and_type(void **state)
{
	struct dns_cache *cache = dns_cache_new(10);

	(void)state;
	put(cache, "a.test", DNS_OK, 60, 1);
	assert_non_null(dns_cache_get(cache, "a.test", DNS_TXT, 1));
	assert_null(dns_cache_get(cache, "a.test", DNS_A, 1));
	assert_null(dns_cache_get(cache, "b.test", DNS_TXT, 1));
	put(cache, "a.test", DNS_NXDOMAIN, 60, 0);
	assert_int_equal(dns_cache_get(cache, "a.test", DNS_TXT, 1)->status, DNS_NXDOMAIN);
	assert_int_equal(dns_cache_count(cache), 1);
	dns_cache_free(cache);
}

static void longest_unused_goes(void **state)
{
	struct dns_cache *cache = dns_cache_new(3);

	(void)state;
	put(cache, "a", DNS_OK, 60, 1);
	put(cache, "b", DNS_OK, 60, 1);
	put(cache, "c", DNS_OK, 60, 1);
	assert_non_null(dns_cache_get(cache, "a", DNS_TXT, 1));
	put(cache, "d", DNS_OK, 60, 1);
	assert_int_equal(dns_cache_count(cache), 3);
	assert_null(dns_cache_get(cache, "b", DNS_TXT, 1));
	assert_non_null(dns_cache_get(cache, "a", DNS_TXT, 1));
	dns_cache_free(cache);
}

static void bytes_bounded(void **state)
{
	struct dns_cache *cache = dns_cache_new(64);
	char name[32];

	(void)state;
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "%d.test", i);
		put(cache, name, DNS_OK, 60, 256 * 60);
	}
	assert_in_range(dns_cache_count(cache), 1, 5);
	assert_non_null(dns_cache_get(cache, "63.test", DNS_TXT, 1));
	dns_cache_free(cache);
}

static void held_beyond_eviction(void **state)
{
	struct dns_cache *cache = dns_cache_new(1);
	const struct dns_answer *held;

	(void)state;
	put(cache, "a", DNS_OK, 60, 1);
	held = dns_answer_ref(dns_cache_get(cache, "a", DNS_TXT, 1));
	put(cache, "b", DNS_OK, 60, 1);
	assert_null(dns_cache_get(cache, "a", DNS_TXT, 1));
	assert_int_equal(held->n, 1);
	dns_answer_unref(held);
	dns_cache_free(cache);
	dns_cache_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(by_name_and_type),
		cmocka_unit_test(longest_unused_goes),
		cmocka_unit_test(bytes_bounded),
		cmocka_unit_test(held_beyond_eviction),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
