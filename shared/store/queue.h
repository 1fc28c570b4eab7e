#ifndef SHARED_STORE_QUEUE_H
#define SHARED_STORE_QUEUE_H
/*
 * The outbound queue: one entry is one message to one destination domain. mta
 * claims with a lease and gets a fence; every later word about the entry needs
 * that fence, so a process that was thought dead cannot overwrite its successor. Faults as in store.h.
 *
 * A message with several domains is several entries and one content. The entries
 * are put first, the content last: an entry whose content is missing was never accepted, and is dropped after an hour.
 */
#include "store/store.h"

MUST_CHECK enum fault queue_put(struct store *, const struct actor *, const struct queue_entry *, size_t n,
                                struct why *);
MUST_CHECK enum fault queue_claim(struct store *, const struct actor *, int64_t now, int64_t lease_ms,
                                  size_t max, struct arena *, struct queue_entry **ret, size_t *ret_n,
                                  struct why *);
MUST_CHECK enum fault queue_renew(struct store *, const struct actor *, const struct id *, uint64_t fence,
                                  int64_t lease_until, struct why *);
MUST_CHECK enum fault queue_finish(struct store *, const struct actor *, const struct queue_outcome *,
                                   struct why *);
MUST_CHECK enum fault queue_set(struct store *, const struct actor *, const struct id *, uint64_t fence,
                                enum queue_status, int64_t due, struct why *);
MUST_CHECK enum fault queue_remove(struct store *, const struct actor *, const struct id *, uint64_t fence,
                                   struct why *);
MUST_CHECK enum fault queue_get(struct store *, const struct actor *, const struct id *, struct arena *,
                                struct queue_entry *ret, struct why *);
MUST_CHECK enum fault queue_list(struct store *, const struct actor *, const struct queue_query *,
                                 struct arena *, struct queue_entry **ret, size_t *ret_n, struct why *);
MUST_CHECK enum fault queue_next_due(struct store *, const struct actor *, int64_t *ret, struct why *);

#endif
