#ifndef SHARED_BASE_ARENA_H
#define SHARED_BASE_ARENA_H
/*
 * Memory that is freed all at once: one arena per connection, per transaction
 * or command, per job. Nothing inside is freed alone. Out of memory aborts; a
 * size that came from the network is bounded by the caller before it is asked
 * for. An arena is one thread's at a time.
 */
#include <stdarg.h>
#include "base/slice.h"

struct arena;

struct arena *arena_new(void);           /* costs no block until the first allocation */
void arena_free(struct arena *);         /* NULL accepted; runs the clean-ups, last first */
void arena_reset(struct arena *);        /* as free and new, keeps the first block */
size_t arena_used(const struct arena *); /* bytes handed out */

void *arena_alloc(struct arena *, size_t size);  /* aligned for anything, not cleared */
void *arena_zalloc(struct arena *, size_t size); /* cleared */
#define arena_make(arena, type)     ((type *)arena_zalloc((arena), sizeof(type)))
#define arena_array(arena, type, n) ((type *)arena_zalloc_n((arena), (n), sizeof(type)))
void *arena_zalloc_n(struct arena *, size_t n, size_t size); /* aborts on overflow */
/* The list, with room for one more behind its n; it moves when *room is used up, to twice as much, cleared. */
void *arena_more(struct arena *, void *list, size_t n, size_t *room, size_t size);

char *arena_strdup(struct arena *, const char *text);
char *arena_strz(struct arena *, struct slice); /* NUL-terminated copy */
struct slice arena_copy(struct arena *, struct slice);
char *arena_printf(struct arena *, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *, const char *format, va_list) PRINTF_LIKE(2, 0);

/* `run(object)` when the arena is freed or reset. */
void arena_on_free(struct arena *, void (*run)(void *object), void *object);

/* For the rare things outside any arena; both abort when there is no memory. */
void *xmalloc(size_t size);
void *xzalloc(size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);

#endif
