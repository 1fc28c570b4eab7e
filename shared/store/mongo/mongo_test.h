#ifndef SHARED_STORE_MONGO_MONGO_TEST_H
#define SHARED_STORE_MONGO_MONGO_TEST_H
/* For tests alone: what the database really holds, and damage to it. */
#include "base/buf.h"
#include "store/store.h"

/* Runs a command on the store's database, both ways as MongoDB's extended JSON. */
MUST_CHECK enum fault mongo_test_run(struct store *, struct slice command, struct buf *reply, struct why *);

#endif
