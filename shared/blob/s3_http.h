#ifndef SHARED_BLOB_S3_HTTP_H
#define SHARED_BLOB_S3_HTTP_H
/*
 * One request to one S3 bucket, signed, over a kept connection, made again
 * while that may help: a transfer that failed on the way, or got a 5xx, 429 or
 * 408, is repeated after a jittered wait, a few times and within its deadline.
 * So a request must be one that may be made twice.
 */
#include "base/buf.h"
#include "blob/blob.h"

struct s3_http;

struct transfer {
	struct s3_http *http;
	const char *method;
	const char *key;   /* "": the bucket */
	const char *query; /* encoded, sorted; "" when none */
	struct slice body;
	bool ranged;
	uint64_t offset, len; /* ranged: what is asked for */
	int64_t deadline;     /* monotonic ms */
	struct buf *out;      /* gets the body of a 2xx, at its end; NULL: dropped */
	/* of the answer */
	long status;
	int64_t content_len; /* -1 when not said */
	/* its own */
	void *curl;
	size_t out_mark; /* where `out` ended before */
	uint64_t seen;   /* bytes of the body so far */
	struct buf error;
};

/* Of the conf: what s3_* says, timeout_ms, connections; checked by the caller. */
struct s3_http *s3_http_new(const struct blob_conf *, const char *region);
void s3_http_free(struct s3_http *); /* no transfer is under way */

/* A request as the others start from: nothing sent, all the conf's time. */
struct transfer s3_transfer_of(struct s3_http *, const char *method, const char *key);
/* NONE for a 2xx. NOT_FOUND (404), CORRUPT (416), FULL, CONFIG (refused, elsewhere, no bucket), TEMP. */
MUST_CHECK enum fault transfer_run(struct transfer *, struct why *);

#endif
