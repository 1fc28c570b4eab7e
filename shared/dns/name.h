#ifndef SHARED_DNS_NAME_H
#define SHARED_DNS_NAME_H
/* Domain names between their text and their wire form (RFC 1035 3.1). */
#include "base/slice.h"

enum { DNS_NAME_MAX = 253, DNS_LABEL_MAX = 63 };

/* `name` in lower case and without its final dot. False for what is not a legal name: an empty or too long label,
 * more than 253 bytes, or a byte that text form would have to escape (blanks, controls, 8-bit, a backslash). */
bool dns_name_clean(const char *name, char out[DNS_NAME_MAX + 1]);

/* From an uncompressed wire name at the start of `wire`; "" for the root. False as above, and when it is cut off. */
bool dns_name_from_wire(struct slice wire, char out[DNS_NAME_MAX + 1]);

#endif
