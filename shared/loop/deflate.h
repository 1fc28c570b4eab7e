#ifndef SHARED_LOOP_DEFLATE_H
#define SHARED_LOOP_DEFLATE_H
/*
 * The two directions of a compressed stream: raw deflate (RFC 1951), as RFC 4978 puts it on a connection. All of zlib
 * is here. What an inflater gives out is bounded by the room it is handed, never by what it was fed.
 */
#include "base/slice.h"

struct chain;
struct inflater;
struct deflater;

struct inflater *inflater_new(void);
void inflater_free(struct inflater *); /* NULL accepted */
/* Reads from the front of `src`, which is shortened, and gives how many bytes came out. */
size_t inflater_run(struct inflater *, struct slice *src, uint8_t *out, size_t room);
bool inflater_holds(const struct inflater *); /* something of what was read waits for room */
bool inflater_over(const struct inflater *);  /* the stream has ended, or makes no sense */
bool inflater_ended(const struct inflater *); /* it has ended as it should */
/* Nothing comes for a while: keeps what the peer may refer to and no more, where the stream allows it. */
void inflater_rest(struct inflater *);

/* A deflater may be freed behind a flush and another go on with the stream: it begins without history. */
struct deflater *deflater_new(void);
void deflater_free(struct deflater *); /* NULL accepted */
void deflater_add(struct deflater *, struct slice, struct chain *out);
void deflater_flush(struct deflater *, struct chain *out); /* all of it can be read by the peer now */

#endif
