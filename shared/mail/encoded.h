#ifndef SHARED_MAIL_ENCODED_H
#define SHARED_MAIL_ENCODED_H
/*
 * Text other than ASCII in header fields: encoded-words (RFC 2047) and extended
 * parameter values (RFC 2231 4). Decoding gives UTF-8 and refuses nothing;
 * encoding takes UTF-8, and control characters in it become blanks, so that no
 * value can end a header line early. False: past `out`'s limit.
 */
#include "base/buf.h"

enum { ENCODED_LINE = 76 }; /* RFC 2047 2: a line that has an encoded-word in it */

/* An unstructured value, or a display name: encoded-words decoded, line ends dropped, raw 8-bit guessed
 * (charset.h). Words cut inside a character, as some mailers do, are joined before their charset is undone. */
bool encoded_decode(struct buf *out, struct slice text);
/* charset'language'percent-encoded; without the quotes it is percent-decoded and guessed. */
bool encoded_decode_param(struct buf *out, struct slice raw);

/* Writes an unstructured value, folded. `column`: what the line holds already, the name and ": " for instance. */
bool encoded_add_text(struct buf *out, struct slice utf8, size_t column);
/* Writes a display name: plain words, one quoted string, or encoded-words. */
bool encoded_add_phrase(struct buf *out, struct slice utf8, size_t column);
/* Writes ";", a line end and `name=value`: as a token, quoted, or extended and continued. */
bool encoded_add_param(struct buf *out, const char *name, struct slice utf8);

#endif
