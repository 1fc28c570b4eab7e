#ifndef IMAPD_SIGNATURES_H
#define IMAPD_SIGNATURES_H
/*
 * The search signatures of a mailbox's messages, as far as its view has them (search/segment.h): loaded by the searches
 * that need them (search_sieve.h), shared by all sessions. A message's signature never changes, so those of expunged
 * messages do no harm.
 *
 * Memory is bounded over all mailboxes: what was used longest ago goes. The loop's only; jobs hold segments.
 */
#include "search/segment.h"

#define SIGNATURES_SEGMENT 8192 /* messages of a segment, about: fewer are put together with others */

struct signatures;

struct signatures *signatures_new(void);
void signatures_free(struct signatures *); /* NULL accepted */
size_t signatures_memory(const struct signatures *);
/* Makes room for more of these, at others' cost. False: they alone are past the limit. */
bool signatures_make_room(struct signatures *, size_t limit);

/* It is worth asking the store for this message's. One that had none is asked for again now and then. */
bool signatures_want(const struct signatures *, uint32_t uid, int64_t now);
/* Of messages that had none, or an old one, up to `max`, ascending behind `after`; how many. */
size_t signatures_missing(const struct signatures *, uint32_t after, uint32_t *ret, size_t max);
/* References to the segments, in the arena; `small`: only to those that are better put together with `fresh` more. */
struct segment **signatures_hold(const struct signatures *, bool small, struct arena *, size_t *ret_n);
/* Takes the caller's reference over. `instead`: what it was made of as well. */
void signatures_add(struct signatures *, struct segment *fresh, struct segment *const *instead, size_t n,
                    int64_t now);
/* What had none or an old one may have a new one now. */
void signatures_ask_again(struct signatures *);
/* For a search that old ones say nothing of: forgets them, if they were not asked for again lately. */
void signatures_renew(struct signatures *, int64_t now);

/* The cache file: whether it was read already (it is, from now on), and what was loaded since it was written. */
bool signatures_first(struct signatures *);
bool signatures_unsaved(const struct signatures *);
void signatures_saved(struct signatures *);

#endif
