#ifndef SHARED_STORE_MONGO_MONGO_TEST_H
#define SHARED_STORE_MONGO_MONGO_TEST_H
/* For tests alone: what the database really holds, damage to it, and answers that no server gives on request. */
#include "base/buf.h"
#include "store/store.h"

/* Runs a command on the store's database, both ways as MongoDB's extended JSON. */
MUST_CHECK enum fault mongo_test_run(struct store *, struct slice command, struct buf *reply, struct why *);
/* Extended JSON as BSON, for servers that only pretend. */
MUST_CHECK enum fault mongo_test_bson(struct slice json, struct buf *out, struct why *);

#endif
