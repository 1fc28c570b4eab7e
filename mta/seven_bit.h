#ifndef MTA_SEVEN_BIT_H
#define MTA_SEVEN_BIT_H
/*
 * A message with 8-bit bodies made fit for a host without 8BITMIME (RFC 6152 3):
 * bodies that have 8-bit in them are encoded, text as quoted-printable, anything
 * else as base64, and the parts around them say 7bit. Whatever needs no change
 * stays byte for byte. Header fields in 8-bit stay: no encoding is known for them.
 */
#include "base/buf.h"

struct arena;

/* False: there is 8-bit that cannot be encoded (around the parts, or in one that claims an encoding), or the message has more parts
 * than are looked at. */
bool seven_bit_convert(struct slice message, struct arena *, struct buf *out);

#endif
