#ifndef SHARED_BLOB_S3_SIGN_H
#define SHARED_BLOB_S3_SIGN_H
/*
 * AWS Signature Version 4 for S3, payload in a single chunk ("Authenticating
 * Requests: Using the Authorization Header", Amazon S3 API Reference). Pure:
 * no clock, no network.
 */
#include "base/buf.h"

#define S3_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3_header {
	const char *name; /* lower case */
	const char *value;
};

struct s3_request {
	const char *method;
	const char *path;                /* encoded, with its leading slash */
	const char *query;               /* encoded and sorted by name; "" when none */
	const struct s3_header *headers; /* those that are signed, sorted by name; host and x-amz-* must be */
	size_t n_headers;
	const char *payload_sha256; /* hex */
	const char *date;           /* "20130524T000000Z", the value of x-amz-date */
};

struct s3_keys {
	const char *access_key, *region;
	struct slice secret_key;
};

/* The value of the Authorization header. */
bool s3_sign(const struct s3_request *, const struct s3_keys *, struct buf *ret);
/* Everything but A-Z a-z 0-9 - . _ ~ as %XX. */
bool s3_encode(struct buf *out, struct slice);
void s3_sha256_hex(struct slice, char ret[65]);
/* Base64 of the MD5, as Content-MD5 wants it; false where this machine's OpenSSL forbids MD5. */
bool s3_md5_base64(struct slice, char ret[25]);
/* UTC seconds since 1970 as x-amz-date. */
void s3_date(int64_t seconds, char ret[17]);

#endif
