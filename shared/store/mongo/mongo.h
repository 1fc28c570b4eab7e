#ifndef SHARED_STORE_MONGO_MONGO_H
#define SHARED_STORE_MONGO_MONGO_H
/*
 * The store on MongoDB, version 6 or later, a replica set or a sharded cluster:
 * for several machines. One document is the largest thing that changes in one
 * step; there are no multi-document transactions. README.md says what lies where.
 */
#include "store/store.h"

/* CONFIG: the URI does not parse, the server is too old or stands alone, the credentials are wrong. TEMP: no server
 * answers. Open it after the last fork: the driver has threads. */
MUST_CHECK enum fault store_mongo_open(const struct store_conf *, struct store **ret, struct why *);

#endif
