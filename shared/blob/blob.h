#ifndef SHARED_BLOB_BLOB_H
#define SHARED_BLOB_BLOB_H
/*
 * The object store: sealed bytes in, sealed bytes out, under an id that the
 * caller made. Written once, never changed: a put of the same id again (a
 * retry) succeeds. Backends: files, MongoDB chunks, S3.
 *
 * Threads    Every call may block: from jobs only. One struct blobs serves all threads.
 * Durable    When put returns FAULT_NONE the bytes are on stable storage.
 * Faults     TEMP: try again. NOT_FOUND: get, of an id that is not there. FULL.
 *            CORRUPT: shorter than it should be. TOO_BIG: get, past the limit of `out`.
 *            CONFIG: refused, wrong keys, bucket gone: for the operator, passes as temporary.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/rand.h"

struct blobs {
	const struct blob_ops *ops;
};

struct blob_info {
	struct id id;
	uint64_t size;
	int64_t created; /* UTC ms, to the backend's precision */
};

struct blob_ops {
	const char *name; /* "fs", "mongo", "s3" */
	enum fault (*put)(struct blobs *, const struct id *, struct slice data, struct why *);
	/* Exactly [offset, offset+len) appended to `out`. */
	enum fault (*get)(struct blobs *, const struct id *, uint64_t offset, uint64_t len, struct buf *out,
	                  struct why *);
	/* Succeeds when it is not there. */
	enum fault (*del)(struct blobs *, const struct id *, struct why *);
	/* Up to `max` blobs with ids above `after` (NULL: from the first), ascending; for sweeping. */
	enum fault (*list)(struct blobs *, const struct id *after, size_t max, struct arena *,
	                   struct blob_info **ret, size_t *ret_n, struct why *);
	enum fault (*ping)(struct blobs *, struct why *); /* is it there: for /readyz and doctor */
	void (*close)(struct blobs *);
};

struct blob_conf {
	const char *backend; /* "fs", "mongo", "s3" */
	const char *path;    /* fs: directory */
	const char *mongo_uri, *mongo_db;
	const char *s3_endpoint, *s3_region, *s3_bucket, *s3_access_key, *s3_secret_key, *s3_ca_file;
	int64_t timeout_ms;   /* of one call; 0: 30 s */
	unsigned connections; /* most at once; 0: 8 */
};

/* Creates directory, collection or bucket where missing. CONFIG, TEMP. */
MUST_CHECK enum fault blobs_open(const struct blob_conf *, struct blobs **ret, struct why *);
void blobs_close(struct blobs *); /* NULL accepted */
MUST_CHECK enum fault blob_put(struct blobs *, const struct id *, struct slice data, struct why *);
MUST_CHECK enum fault blob_get(struct blobs *, const struct id *, uint64_t offset, uint64_t len,
                               struct buf *out, struct why *);
MUST_CHECK enum fault blob_del(struct blobs *, const struct id *, struct why *);
MUST_CHECK enum fault blob_list(struct blobs *, const struct id *after, size_t max, struct arena *,
                                struct blob_info **ret, size_t *ret_n, struct why *);
MUST_CHECK enum fault blob_ping(struct blobs *, struct why *);

#endif
