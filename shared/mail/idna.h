#ifndef SHARED_MAIL_IDNA_H
#define SHARED_MAIL_IDNA_H
/*
 * Domain names between their ASCII and their Unicode form (RFC 5891; mapping as
 * UTS 46 non-transitional has it, libidn2). Results live in the arena,
 * NUL-terminated, lower case, without a dot at the end.
 */
#include "base/slice.h"

struct arena;

/* A-labels. False: not UTF-8, a label or the whole too long, or characters that no IDN may have. */
bool idna_to_ascii(struct arena *, struct slice domain, struct slice *ret);
/* U-labels, for people to read. What does not decode stays as it is. */
struct slice idna_to_unicode(struct arena *, struct slice domain);

#endif
