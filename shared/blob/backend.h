#ifndef SHARED_BLOB_BACKEND_H
#define SHARED_BLOB_BACKEND_H
/* What the backends share among themselves: how each opens, and how ids travel in key order. */
#include "blob/blob.h"

#define BLOB_TIMEOUT_MS  30000
#define BLOB_CONNECTIONS 8

/* blobs_open() has filled in timeout_ms and connections. */
enum fault blob_fs_open(const struct blob_conf *, struct blobs **ret, struct why *);
enum fault blob_mongo_open(const struct blob_conf *, struct blobs **ret, struct why *);
enum fault blob_s3_open(const struct blob_conf *, struct blobs **ret, struct why *);

/* A list of blobs that grows in an arena. */
struct blob_list {
	struct arena *arena;
	struct blob_info *items;
	size_t n, cap, max;
};

/* False when it already holds `max`. */
bool blob_list_add(struct blob_list *, const struct blob_info *);

#endif
