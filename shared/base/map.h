#ifndef SHARED_BASE_MAP_H
#define SHARED_BASE_MAP_H
/*
 * A hash map from byte strings to pointers, open addressing, keyed SipHash so
 * that a peer cannot choose collisions. Keys are copied in, values are borrowed.
 * One thread's at a time.
 */
#include "base/slice.h"

struct map;

struct map *map_new(void);
void map_free(struct map *); /* NULL accepted; values are the owner's */
size_t map_count(const struct map *);
void *map_get(const struct map *, struct slice key);        /* NULL when absent */
void *map_put(struct map *, struct slice key, void *value); /* gives what was there before, or NULL */
void *map_del(struct map *, struct slice key);              /* gives what was there, or NULL */
/* Walks in no order: start with *at = 0; false at the end. The current entry may be deleted in between. */
bool map_next(const struct map *, size_t *at, struct slice *ret_key, void **ret_value);

#endif
