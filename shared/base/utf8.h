#ifndef SHARED_BASE_UTF8_H
#define SHARED_BASE_UTF8_H
/* UTF-8 checks and steps (RFC 3629). Folding, normalising and charsets are mail/'s, on ICU. */
#include "base/buf.h"

bool utf8_valid(struct slice);    /* no overlongs, surrogates, or beyond U+10FFFF; NUL counts as invalid */
bool utf8_is_ascii(struct slice); /* all below 0x80 and none NUL */
/* Decodes one character; gives its length, 0 on malformed input. */
size_t utf8_decode(struct slice, uint32_t *ret_code);
bool utf8_encode(struct buf *, uint32_t code);
/* Copies, replacing each malformed byte with U+FFFD. */
bool utf8_add_lossy(struct buf *, struct slice);
/* The longest prefix of at most `max` bytes that does not split a character. */
struct slice utf8_cut(struct slice, size_t max);

#endif
