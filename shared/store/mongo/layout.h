#ifndef SHARED_STORE_MONGO_LAYOUT_H
#define SHARED_STORE_MONGO_LAYOUT_H
/* The indexes, made when the store is opened, where they are missing. */
#include "store/mongo/call.h"

MUST_CHECK enum fault layout_make(struct call *);

#endif
