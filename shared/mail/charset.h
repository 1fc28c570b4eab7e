#ifndef SHARED_MAIL_CHARSET_H
#define SHARED_MAIL_CHARSET_H
/*
 * Text of any charset to UTF-8 (ICU's converters). Names are read as the web
 * does: iso-8859-1 is windows-1252, gb2312 is gb18030, since that is what mail
 * labelled so holds. Bytes that do not convert become U+FFFD.
 */
#include "base/buf.h"

/* ICU has a converter by that name. */
bool charset_known(struct slice name);
/* False: past `out`'s limit (what fits is there). An unknown or empty charset, and us-ascii that has 8-bit in it,
 * is guessed as charset_guess() does. */
bool charset_to_utf8(struct buf *out, struct slice charset, struct slice text);
/* Text of no known charset: as it is when it is UTF-8, else as windows-1252. */
bool charset_guess(struct buf *out, struct slice text);

#endif
