#ifndef SHARED_MAIL_FOLD_H
#define SHARED_MAIL_FOLD_H
/*
 * Unicode forms for comparing (ICU). Input is UTF-8; malformed bytes become
 * U+FFFD. ASCII, most of all mail, takes a short way. False: past `out`'s limit.
 */
#include "base/buf.h"

/* For search and sorting: i;unicode-casemap (RFC 5051), so titlecase and full decomposition, until nothing changes
 * ("ﬁ" is "FI", "ä" an "A" and a mark). Both sides of a comparison go through it; what it gives compares by bytes. */
bool fold_search(struct buf *out, struct slice utf8);
/* For names that are kept: NFC. */
bool fold_nfc(struct buf *out, struct slice utf8);
/* For names that are looked up: lower case, then NFC. */
bool fold_lower_nfc(struct buf *out, struct slice utf8);
/* Both are the same to a search. */
bool fold_equal(struct slice a, struct slice b);

#endif
