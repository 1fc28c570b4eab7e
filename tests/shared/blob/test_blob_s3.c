/* What an S3 store may answer, and what comes of it: scripted. The contract suite meets a real one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "blob/blob.h"
#include "shared/blob/fake_http.h"

#define TIMEOUT_MS      3000
#define ERROR_XML(code) "<Error><Code>" code "</Code><Message>because</Message></Error>"

/* The first answer is to the HEAD of the bucket at opening. */
#define OPENED                                                                                               \
	{                                                                                                    \
		200, ""                                                                                      \
	}
#define ANSWERS(...)                                                                                         \
	{                                                                                                    \
		OPENED, __VA_ARGS__                                                                          \
	}

static struct blobs *open_fake(const struct fake_http *fake, enum fault want, int64_t timeout_ms)
{
	struct blob_conf conf = { .backend = "s3",
		                  .s3_bucket = "mail",
		                  .s3_access_key = "KEY",
		                  .s3_secret_key = "SECRET",
		                  .timeout_ms = timeout_ms };
	struct blobs *blobs = NULL;
	struct why why = { "" };
	char endpoint[64];

	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", fake->port);
	conf.s3_endpoint = endpoint;
	if (blobs_open(&conf, &blobs, &why) != want)
		fail_msg("open: %s", why.text);
	assert_null(strstr(why.text, "SECRET"));
	return blobs;
}

enum verb { GET, PUT, DEL, LIST, PING };

static const struct row {
	const char *name;
	enum verb verb;
	struct fake_answer answers[6];
	enum fault want;
	unsigned requests; /* after the one at opening; 0: some */
} rows[] = {
	{ "a part", GET, ANSWERS({ 206, "data" }), FAULT_NONE, 1 },
	{ "all of the object instead of the part", GET, ANSWERS({ 200, "0123456789data0123456789" }),
	  FAULT_NONE, 1 },
	{ "500, then the part", GET, ANSWERS({ 500, "x" }, { 206, "data" }), FAULT_NONE, 2 },
	{ "503 twice, then the part", GET,
	  ANSWERS({ 503, ERROR_XML("SlowDown") }, { 503, "" }, { 206, "data" }), FAULT_NONE, 3 },
	{ "429, then the part", GET, ANSWERS({ 429, "" }, { 206, "data" }), FAULT_NONE, 2 },
	{ "500 for ever", GET, ANSWERS({ 500, "x" }), FAULT_TEMP, 5 },
	{ "hangs up, then the part", GET, ANSWERS({ 0, "", FAKE_CLOSE }, { 206, "data" }), FAULT_NONE, 0 },
	{ "a cut body, then the part", GET, ANSWERS({ 206, "da", FAKE_SHORT }, { 206, "data" }), FAULT_NONE,
	  2 },
	{ "a cut body for ever", GET, ANSWERS({ 206, "da", FAKE_SHORT }), FAULT_TEMP, 0 },
	{ "fewer bytes than asked for", GET, ANSWERS({ 206, "dat" }), FAULT_CORRUPT, 1 },
	{ "more bytes than asked for", GET, ANSWERS({ 206, "data+" }), FAULT_TEMP, 1 },
	{ "an object that ends before the part", GET, ANSWERS({ 200, "0123456789" }), FAULT_CORRUPT, 1 },
	{ "416", GET, ANSWERS({ 416, ERROR_XML("InvalidRange") }), FAULT_CORRUPT, 1 },
	{ "404", GET, ANSWERS({ 404, ERROR_XML("NoSuchKey") }), FAULT_NOT_FOUND, 1 },
	{ "404 of the bucket", GET, ANSWERS({ 404, ERROR_XML("NoSuchBucket") }), FAULT_CONFIG, 1 },
	{ "403", GET, ANSWERS({ 403, ERROR_XML("SignatureDoesNotMatch") }), FAULT_CONFIG, 1 },
	{ "301", GET, ANSWERS({ 301, ERROR_XML("PermanentRedirect") }), FAULT_CONFIG, 1 },
	{ "302 somewhere else", GET, ANSWERS({ 302, "", FAKE_WHOLE, "Location: http://192.0.2.1/\r\n" }),
	  FAULT_CONFIG, 1 },
	{ "400", GET, ANSWERS({ 400, "no XML" }), FAULT_TEMP, 1 },
	{ "a slow body, in time", GET, ANSWERS({ 206, "data", FAKE_SLOW }), FAULT_NONE, 1 },
	{ "a slow body, too slow", GET, ANSWERS({ 200, "0123456789data0123456789", FAKE_SLOW }), FAULT_TEMP,
	  0 },
	{ "silence", GET, ANSWERS({ 0, "", FAKE_HANG }), FAULT_TEMP, 0 },
	{ "silence, then the part", GET, ANSWERS({ 0, "", FAKE_HANG }, { 206, "data" }), FAULT_NONE, 2 },
	{ "not HTTP", GET, ANSWERS({ 0, "220 mail.example.org ESMTP\r\n", FAKE_RAW }), FAULT_TEMP, 0 },
	{ "stored", PUT, ANSWERS({ 200, "" }), FAULT_NONE, 1 },
	{ "500, then stored", PUT, ANSWERS({ 500, "" }, { 200, "" }), FAULT_NONE, 2 },
	{ "hangs up, then stored", PUT, ANSWERS({ 0, "", FAKE_CLOSE }, { 200, "" }), FAULT_NONE, 0 },
	{ "damaged on the way", PUT, ANSWERS({ 400, ERROR_XML("BadDigest") }), FAULT_TEMP, 1 },
	{ "no room", PUT, ANSWERS({ 507, "" }), FAULT_FULL, 1 },
	{ "no quota", PUT, ANSWERS({ 403, ERROR_XML("QuotaExceeded") }), FAULT_FULL, 1 },
	{ "put: 403", PUT, ANSWERS({ 403, ERROR_XML("AccessDenied") }), FAULT_CONFIG, 1 },
	{ "put: 404", PUT, ANSWERS({ 404, "" }), FAULT_CONFIG, 1 },
	{ "deleted", DEL, ANSWERS({ 204, "" }), FAULT_NONE, 1 },
	{ "not there to delete", DEL, ANSWERS({ 404, ERROR_XML("NoSuchKey") }), FAULT_NONE, 1 },
	{ "no bucket to delete from", DEL, ANSWERS({ 404, ERROR_XML("NoSuchBucket") }), FAULT_CONFIG, 1 },
	{ "an empty list", LIST, ANSWERS({ 200, "<ListBucketResult/>" }), FAULT_NONE, 1 },
	{ "not a list", LIST, ANSWERS({ 200, "<html>" }), FAULT_TEMP, 1 },
	{ "a list of no bucket", LIST, ANSWERS({ 404, "" }), FAULT_CONFIG, 1 },
	{ "a list that goes in circles", LIST,
	  ANSWERS({ 200, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t"
	                 "</NextContinuationToken></ListBucketResult>" }),
	  FAULT_TEMP, 2 },
	{ "a list in no order", LIST,
	  ANSWERS({ 200, "<ListBucketResult>"
	                 "<Contents><Key>20000000000000000000000000000000</Key><Size>1</Size></Contents>"
	                 "<Contents><Key>10000000000000000000000000000000</Key><Size>1</Size></Contents>"
	                 "</ListBucketResult>" }),
	  FAULT_CONFIG, 1 },
	{ "ping", PING, ANSWERS({ 200, "" }), FAULT_NONE, 1 },
	{ "ping: 503, then 200", PING, ANSWERS({ 503, "" }, { 200, "" }), FAULT_NONE, 2 },
};

static size_t answers_of(const struct row *row)
{
	size_t n = 0;

	while (n < ARRAY_LEN(row->answers) && row->answers[n].body)
		n++;
	return n;
}

static enum fault call(struct blobs *blobs, enum verb verb, struct buf *out, struct why *why)
{
	struct arena *arena = arena_new();
	struct id id = id_new();
	struct blob_info *infos;
	enum fault fault = FAULT_NONE;
	size_t n;

	switch (verb) {
	case GET:
		fault = blob_get(blobs, &id, 10, 4, out, why);
		break;
	case PUT:
		fault = blob_put(blobs, &id, SLICE("data"), why);
		break;
	case DEL:
		fault = blob_del(blobs, &id, why);
		break;
	case LIST:
		fault = blob_list(blobs, NULL, 10, arena, &infos, &n, why);
		break;
	case PING:
		fault = blob_ping(blobs, why);
		break;
	}
	arena_free(arena);
	return fault;
}

static void check_row(const struct row *row)
{
	struct fake_http *fake = fake_http_new(row->answers, answers_of(row));
	struct blobs *blobs = open_fake(fake, FAULT_NONE, TIMEOUT_MS);
	int64_t start = clock_mono_ms();
	struct why why = { "" };
	struct buf out;
	enum fault fault;

	buf_init(&out, 100);
	fault = call(blobs, row->verb, &out, &why);
	if (fault != row->want)
		fail_msg("%s: %s instead of %s: %s", row->name, fault_name(fault), fault_name(row->want),
		         why.text);
	assert_true(clock_mono_ms() - start < TIMEOUT_MS + 500);
	if (row->verb == GET && !fault)
		assert_memory_equal(out.data, "data", 4);
	assert_int_equal(out.len, row->verb == GET && !fault ? 4 : 0);
	if (row->requests)
		assert_int_equal(atomic_load(&fake->requests), row->requests + 1);
	assert_null(strstr(why.text, "SECRET"));
	buf_done(&out);
	blobs_close(blobs);
	fake_http_free(fake);
}

static void answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s\n", rows[i].name);
		check_row(&rows[i]);
	}
}

static void requests(void **state)
{
	static const struct fake_answer said[] =
	    ANSWERS({ 200, "" }, { 206, "data" }, { 200, "<ListBucketResult/>" });
	struct fake_http *fake = fake_http_new(said, ARRAY_LEN(said));
	struct blobs *blobs = open_fake(fake, FAULT_NONE, TIMEOUT_MS);
	struct arena *arena = arena_new();
	struct id id, after;
	struct blob_info *infos;
	struct why why;
	struct buf out;
	size_t n;

	(void)state;
	buf_init(&out, 100);
	assert_true(id_parse(SLICE("00112233445566778899aabbccddeeff"), &id));
	assert_true(id_parse(SLICE("ff112233445566778899aabbccddeeff"), &after));
	assert_int_equal(blob_put(blobs, &id, SLICE("data"), &why), FAULT_NONE);
	assert_int_equal(blob_get(blobs, &id, 10, 4, &out, &why), FAULT_NONE);
	assert_int_equal(blob_list(blobs, &after, 7, arena, &infos, &n, &why), FAULT_NONE);

	assert_non_null(strstr(fake->heads[0], "HEAD /mail HTTP/1.1\r\n"));
	assert_non_null(strstr(fake->heads[1], "PUT /mail/00112233445566778899aabbccddeeff HTTP/1.1\r\n"));
	assert_non_null(strcasestr(fake->heads[1], "\r\ncontent-md5: jXd/OF09/siBXSD3SWAm3A==\r\n"));
	assert_non_null(strcasestr(fake->heads[1],
	                           "\r\nx-amz-content-sha256: "
	                           "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7\r\n"));
	assert_non_null(
	    strstr(fake->heads[1], "SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date,"));
	assert_null(strcasestr(fake->heads[1], "\r\nexpect:"));
	assert_non_null(strstr(fake->heads[2], "GET /mail/00112233445566778899aabbccddeeff HTTP/1.1\r\n"));
	assert_non_null(strcasestr(fake->heads[2], "\r\nrange: bytes=10-13\r\n"));
	assert_non_null(strstr(fake->heads[3], "GET /mail?list-type=2&max-keys=7&start-after="
	                                       "ff112233445566778899aabbccddeeff HTTP/1.1\r\n"));
	for (size_t i = 0; i < 4; i++) {
		char host[64];

		snprintf(host, sizeof(host), "\r\nhost: 127.0.0.1:%u\r\n", fake->port);
		assert_non_null(strcasestr(fake->heads[i], host));
		assert_null(strstr(fake->heads[i], "SECRET"));
	}
	arena_free(arena);
	buf_done(&out);
	blobs_close(blobs);
	fake_http_free(fake);
}

/* Pages with keys that are not ours, an escaped token, and a stop at `max`. */
static void pages(void **state)
{
	static const struct fake_answer said[] =
	    ANSWERS({ 200, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a/b+c=</"
	                   "NextContinuationToken>"
	                   "<Contents><Key>README</Key><Size>1</Size></Contents></ListBucketResult>" },
	            { 200, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>d</"
	                   "NextContinuationToken>"
	                   "<Contents><Key>10000000000000000000000000000000</Key><Size>11</Size>"
	                   "<LastModified>2009-10-12T17:50:30.000Z</LastModified></Contents>"
	                   "<Contents><Key>10000000000000000000000000000000.bak</Key><Size>1</Size></"
	                   "Contents></ListBucketResult>" },
	            { 200, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>e</"
	                   "NextContinuationToken>"
	                   "<Contents><Key>20000000000000000000000000000000</Key><Size>12</Size></Contents></"
	                   "ListBucketResult>" });
	struct fake_http *fake = fake_http_new(said, ARRAY_LEN(said));
	struct blobs *blobs = open_fake(fake, FAULT_NONE, TIMEOUT_MS);
	struct arena *arena = arena_new();
	struct blob_info *infos;
	struct why why;
	size_t n;

	(void)state;
	assert_int_equal(blob_list(blobs, NULL, 2, arena, &infos, &n, &why), FAULT_NONE);
	assert_int_equal(n, 2);
	assert_int_equal(infos[0].size, 11);
	assert_int_equal(infos[0].created, 1255369830000);
	assert_int_equal(infos[1].id.raw[0], 0x20);
	assert_non_null(strstr(fake->heads[1], "/mail?list-type=2&max-keys=2 "));
	assert_non_null(
	    strstr(fake->heads[2], "/mail?continuation-token=a%2Fb%2Bc%3D&list-type=2&max-keys=2 "));
	assert_non_null(strstr(fake->heads[3], "/mail?continuation-token=d&list-type=2&max-keys=1 "));
	assert_int_equal(atomic_load(&fake->requests), 4);
	arena_free(arena);
	blobs_close(blobs);
	fake_http_free(fake);
}

static void opening(void **state)
{
	static const struct {
		const char *name;
		struct fake_answer answers[4];
		enum fault want;
		unsigned requests;
	} cases[] = {
		{ "there", { { 200, "" } }, FAULT_NONE, 1 },
		{ "made", { { 404, "" }, { 200, "" } }, FAULT_NONE, 2 },
		{ "made by another one meanwhile",
		  { { 404, "" }, { 409, ERROR_XML("BucketAlreadyOwnedByYou") }, { 200, "" } },
		  FAULT_NONE,
		  3 },
		{ "somebody else's",
		  { { 404, "" }, { 409, ERROR_XML("BucketAlreadyExists") }, { 403, "" } },
		  FAULT_CONFIG,
		  3 },
		{ "not allowed", { { 403, "" } }, FAULT_CONFIG, 1 },
		{ "not allowed to make it",
		  { { 404, "" }, { 403, ERROR_XML("AccessDenied") } },
		  FAULT_CONFIG,
		  2 },
		{ "away", { { 503, "" } }, FAULT_TEMP, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = 0;
		struct fake_http *fake;
		struct blobs *blobs;

		print_message("%s\n", cases[i].name);
		while (n < ARRAY_LEN(cases[i].answers) && cases[i].answers[n].body)
			n++;
		fake = fake_http_new(cases[i].answers, n);
		blobs = open_fake(fake, cases[i].want, TIMEOUT_MS);
		assert_int_equal(blobs != NULL, cases[i].want == FAULT_NONE);
		assert_int_equal(atomic_load(&fake->requests), cases[i].requests);
		blobs_close(blobs);
		fake_http_free(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(requests),
		cmocka_unit_test(pages),
		cmocka_unit_test(opening),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
