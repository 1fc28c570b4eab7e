#ifndef SHARED_STORE_FRONT_H
#define SHARED_STORE_FRONT_H
/* What every open store carries above its backend: the lanes of group commit (append.c). And what appending and
 * committing share: waiting before a retry, and finding an own entry again. */
#include "store/mailbox.h"

#define RETRY_MS 10000 /* how long a commit is tried when the store answers TEMP */

struct store_front *front_new(void);
void front_free(struct store_front *); /* NULL accepted; nobody is inside any more */

/* The rights (acl.h) that appending takes. */
uint32_t append_needs(const struct mailbox_append *, size_t n);

/* Waits before retry number `tries` (from 0), or says false when that would pass `deadline` (monotonic ms). */
bool retry_wait(unsigned tries, int64_t deadline);

/* The change that carries `tag`, as its index in the log; false when there is none. */
bool log_find_tag(const struct mailbox_log *, const struct id *tag, uint32_t *ret);
/* The head as it was just after change `at` of the log. */
struct mailbox_head log_head_after(const struct mailbox_log *, uint32_t at);

/* Whether the actor may append these, at once. */
MUST_CHECK enum fault append_check(const struct actor *, const struct mailbox_append *, size_t n,
                                   struct why *);
/* Their one change; its entry is what `out` holds. */
struct mailbox_change append_change(const struct mailbox_append *, size_t n, struct buf *out);

#endif
