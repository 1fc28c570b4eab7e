#ifndef IMAPD_FETCH_PREVIEW_H
#define IMAPD_FETCH_PREVIEW_H
/* The first words of a message (RFC 8970). No I/O here. */
#include "mail/mime.h"

#define PREVIEW_READ (64 * 1024) /* of the part that they are taken from */

/* The part whose beginning they are; NULL: there is none, the preview is empty. */
const struct mime_part *preview_part(const struct mime *);
/* From the beginning of that part's body, at most PREVIEW_READ of it: UTF-8 on one line, 200 characters at most. */
void preview_add(struct buf *out, const struct mime_part *, struct slice body);

#endif
