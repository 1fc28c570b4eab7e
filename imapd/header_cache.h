#ifndef IMAPD_HEADER_CACHE_H
#define IMAPD_HEADER_CACHE_H
/*
 * What a view remembers of headers that were opened for a search: the fields that SORT, THREAD and most searches look
 * at, whole, so that the next one opens nothing. A message's header never changes.
 *
 * Memory is bounded a view and a process; a digest that is long is not kept. The loop's only.
 */
#include "base/buf.h"

#define HEADER_DIGEST_MAX 4096
#define HEADER_CACHE_MAX  (32u * 1024 * 1024)  /* of one view: past it, it starts anew */
#define HEADER_CACHES_MAX (512u * 1024 * 1024) /* of all views: past it, nothing is added */

struct arena;
struct header_cache;

struct header_cache *header_cache_new(void);
void header_cache_free(struct header_cache *); /* NULL accepted */
size_t header_cache_memory(const struct header_cache *);
/* Good until something is put. No data: it is not there. */
struct slice header_cache_get(const struct header_cache *, uint32_t uid);
void header_cache_put(struct header_cache *, uint32_t uid, struct slice digest);

/* Any thread. The fields of a whole header, as they are; no data: they are too long together. */
struct slice header_digest(struct arena *, struct slice header);
/* All fields of that name are in a digest. */
bool header_digest_has(struct slice name);

#endif
