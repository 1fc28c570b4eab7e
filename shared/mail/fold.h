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
/* Of what fold_search() gave, what is left when it is looked for loosely: no accents or other marks, "SS" for "ß", "AE" for
 * "Æ", straight quotes and dashes, nothing invisible. Character by character, never longer; ASCII stays as it is. */
bool fold_bare(struct buf *out, struct slice folded);
/* The first, the last character is a letter, a digit, or a mark on one. */
bool fold_starts_word(struct slice folded);
bool fold_ends_word(struct slice folded);
/* For names that are kept: NFC. */
bool fold_nfc(struct buf *out, struct slice utf8);
/* For names that are looked up: lower case, then NFC. */
bool fold_lower_nfc(struct buf *out, struct slice utf8);
/* Both are the same to a search. */
bool fold_equal(struct slice a, struct slice b);

#endif
