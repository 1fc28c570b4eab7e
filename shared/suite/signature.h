#ifndef SHARED_SUITE_SIGNATURE_H
#define SHARED_SUITE_SIGNATURE_H
/*
 * Search signatures of messages (search/signature.h), sealed under the content key and kept beside the content: made by
 * whoever seals a message, or later by whoever may open it. One that is missing, or does not open or parse, costs time
 * when mail is searched, and nothing else.
 */
#include "mail/mime.h"
#include "search/segment.h"
#include "suite/message.h"

/* CPU only. Of a message that is too large to be worth it, one that always answers perhaps. */
struct slice signature_seal(const struct content_key *, const struct mime *, struct slice message,
                            struct arena *);

struct signature_wanted {
	struct id content;
	struct wrapped_key key;
	struct signature ret; /* class SEGMENT_NONE: it has none that is good */
	bool damaged;         /* since what it has does not open or parse */
};
/* Reads and opens them together; bits are in the arena. */
MUST_CHECK enum fault signatures_load(struct stack *, const struct actor *, const struct account_key *,
                                      struct signature_wanted *, size_t n, struct arena *, struct why *);

/* It has one, and of today's version. */
static inline bool signature_is_made(const struct signature_wanted *wanted)
{
	return wanted->ret.class != SEGMENT_NONE && !wanted->ret.old;
}

/* Opens those of `wanted` that lack one or have an old one (ret, as loaded) and gives them theirs. Messages that do not open are passed over.
 * For the owner, or the system with the owner's key. */
MUST_CHECK enum fault signatures_make(struct stack *, const struct actor *, const struct account_key *,
                                      const struct signature_wanted *wanted, size_t n, size_t *ret_made,
                                      struct why *);

#endif
