#ifndef SHARED_MAIL_UTF7_H
#define SHARED_MAIL_UTF7_H
/*
 * IMAP's modified UTF-7 for mailbox names (RFC 3501 5.1.3). Strict: exactly what
 * utf7_encode() writes decodes, so that one name has one spelling.
 */
#include "base/buf.h"

/* False: not valid UTF-8 (NUL included), or past `out`'s limit. */
bool utf7_encode(struct buf *out, struct slice utf8);
/* False: not modified UTF-7, another spelling than utf7_encode()'s, or past `out`'s limit. */
bool utf7_decode(struct buf *out, struct slice utf7);

#endif
