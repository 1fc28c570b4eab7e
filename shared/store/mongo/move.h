#ifndef SHARED_STORE_MONGO_MOVE_H
#define SHARED_STORE_MONGO_MOVE_H
/* Markers of moves, in a mailbox's document: moving: [ { t: tag, m: marker } ]. */
#include "store/mongo/call.h"

/* Into the commit's $push. */
void move_add(bson_t *push, const struct commit *);
size_t move_count(const struct doc *);

#endif
