#ifndef SHARED_BASE_BASE64_H
#define SHARED_BASE_BASE64_H
/* Base64 (RFC 4648 4), base64url without padding (5), and hex. */
#include "base/buf.h"

bool base64_encode(struct buf *out, struct slice in);
bool base64url_encode(struct buf *out, struct slice in);
/* Strict: padding required where due, nothing else in between. */
bool base64_decode(struct buf *out, struct slice in);
bool base64url_decode(struct buf *out, struct slice in);
bool hex_encode(struct buf *out, struct slice in); /* lower case */
bool hex_decode(struct buf *out, struct slice in); /* either case; even length */

#endif
