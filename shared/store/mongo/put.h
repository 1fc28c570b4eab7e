#ifndef SHARED_STORE_MONGO_PUT_H
#define SHARED_STORE_MONGO_PUT_H
/* Contents that come with a commit. */
#include "store/mongo/call.h"

/* One command when all are new. CORRUPT: another content has that id. */
MUST_CHECK enum fault put_contents(struct call *, const struct actor *, const struct record *const *contents,
                                   size_t n);

#endif
