#ifndef SHARED_STORE_RECORD_H
#define SHARED_STORE_RECORD_H
/*
 * Plain records: get, put, delete, find; behind the wall of access.c. Faults and
 * ownership as in store.h.
 */
#include "store/store.h"

MUST_CHECK enum fault record_get(struct store *, const struct actor *, enum collection, struct slice key,
                                 bool with_body, struct arena *, struct record *ret,
                                 struct why *); /* NOT_FOUND */
/* Many at once, in one round trip (a few for very many); key {NULL, 0} marks those that are not there. */
MUST_CHECK enum fault record_get_many(struct store *, const struct actor *, enum collection,
                                      const struct slice *keys, size_t n, bool with_body, struct arena *,
                                      struct record *ret, struct why *);
MUST_CHECK enum fault record_put(struct store *, const struct actor *, enum collection, const struct record *,
                                 struct why *);
/* Many, on stable storage within 100 ms: for what nothing acknowledged rests on. A fault may leave some of them put. */
MUST_CHECK enum fault record_put_many(struct store *, const struct actor *, enum collection,
                                      const struct record *const *, size_t n, struct why *);
MUST_CHECK enum fault record_del(struct store *, const struct actor *, enum collection, struct slice key,
                                 uint64_t version, struct why *);
MUST_CHECK enum fault record_find(struct store *, const struct actor *, const struct record_query *,
                                  struct arena *, struct record **ret, size_t *ret_n, struct why *);
/* Of contents, many at once: {NULL, 0} where there is none. */
MUST_CHECK enum fault record_signatures(struct store *, const struct actor *, const struct slice *keys,
                                        size_t n, struct arena *, struct slice *ret, struct why *);
/* On stable storage within 100 ms; contents that are gone are passed over. */
MUST_CHECK enum fault record_sign(struct store *, const struct actor *, const struct slice *keys,
                                  const struct slice *signatures, size_t n, struct why *);
/* What a put is refused for before it reaches the backend: DENIED, TOO_BIG. */
MUST_CHECK enum fault record_check(const struct actor *, enum collection, const struct record *,
                                   struct why *);
const char *collection_name(enum collection);

#endif
