/* Signatures against the worked examples of the Amazon S3 API Reference ("Examples: Signature Calculations"). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "blob/s3_sign.h"

static const struct s3_header get_headers[] = {
	{ "host", "examplebucket.s3.amazonaws.com" },
	{ "range", "bytes=0-9" },
	{ "x-amz-content-sha256", S3_EMPTY_SHA256 },
	{ "x-amz-date", "20130524T000000Z" },
};

static const struct s3_header put_headers[] = {
	{ "date", "Fri, 24 May 2013 00:00:00 GMT" },
	{ "host", "examplebucket.s3.amazonaws.com" },
	{ "x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072" },
	{ "x-amz-date", "20130524T000000Z" },
	{ "x-amz-storage-class", "REDUCED_REDUNDANCY" },
};

static const struct s3_header query_headers[] = {
	{ "host", "examplebucket.s3.amazonaws.com" },
	{ "x-amz-content-sha256", S3_EMPTY_SHA256 },
	{ "x-amz-date", "20130524T000000Z" },
};

static const struct {
	const char *name, *method, *path, *query, *payload_sha256;
	const struct s3_header *headers;
	size_t n_headers;
	const char *names, *signature;
} rows[] = {
	{ "GET object", "GET", "/test.txt", "", S3_EMPTY_SHA256, get_headers, 4,
	  "host;range;x-amz-content-sha256;x-amz-date",
	  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "PUT object", "PUT", "/test%24file.text", "",
	  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072", put_headers, 5,
	  "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "GET bucket lifecycle", "GET", "/", "lifecycle=", S3_EMPTY_SHA256, query_headers, 3,
	  "host;x-amz-content-sha256;x-amz-date",
	  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "GET bucket, a list", "GET", "/", "max-keys=2&prefix=J", S3_EMPTY_SHA256, query_headers, 3,
	  "host;x-amz-content-sha256;x-amz-date",
	  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

static void signatures(void **state)
{
	struct s3_keys keys = { "AKIAIOSFODNN7EXAMPLE", "us-east-1",
		                SLICE("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") };
	struct buf got, want;

	(void)state;
	buf_init(&got, 1024);
	buf_init(&want, 1024);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct s3_request request = { rows[i].method,    rows[i].path,      rows[i].query,
			                      rows[i].headers,   rows[i].n_headers, rows[i].payload_sha256,
			                      "20130524T000000Z" };

		buf_clear(&got);
		buf_clear(&want);
		print_message("%s\n", rows[i].name);
		assert_true(s3_sign(&request, &keys, &got));
		buf_printf(
		    &want,
		    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
		    "SignedHeaders=%s,Signature=%s",
		    rows[i].names, rows[i].signature);
		buf_addc(&got, 0);
		buf_addc(&want, 0);
		assert_string_equal(got.data, want.data);
	}
	buf_done(&got);
	buf_done(&want);
}

static void no_room(void **state)
{
	struct s3_request request = { "GET", "/", "", query_headers, 3, S3_EMPTY_SHA256, "20130524T000000Z" };
	struct s3_keys keys = { "A", "us-east-1", SLICE("S") };
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_false(s3_sign(&request, &keys, &out));
	buf_done(&out);
}

static void encoding(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "Az09-._~", "Az09-._~" },
		{ "a b/c+d=&", "a%20b%2Fc%2Bd%3D%26" },
		{ "\xc3\xa4\x7f", "%C3%A4%7F" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&out);
		assert_true(s3_encode(&out, slice_str(cases[i].in)));
		buf_addc(&out, 0);
		assert_string_equal(out.data, cases[i].out);
	}
	buf_done(&out);
}

static void hashes_and_dates(void **state)
{
	char sha256[65], md5[25], date[17];

	(void)state;
	s3_sha256_hex(SLICE(""), sha256);
	assert_string_equal(sha256, S3_EMPTY_SHA256);
	s3_sha256_hex(SLICE("Welcome to Amazon S3."), sha256);
	assert_string_equal(sha256, put_headers[2].value);
	assert_true(s3_md5_base64(SLICE("abc"), md5)); /* RFC 1321 A.5: 900150983cd24fb0d6963f7d28e17f72 */
	assert_string_equal(md5, "kAFQmDzST7DWlj99KOF/cg==");
	s3_date(1369353600, date);
	assert_string_equal(date, "20130524T000000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures),
		cmocka_unit_test(no_room),
		cmocka_unit_test(encoding),
		cmocka_unit_test(hashes_and_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
