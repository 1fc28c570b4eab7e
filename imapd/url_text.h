#ifndef IMAPD_URL_TEXT_H
#define IMAPD_URL_TEXT_H
/* The text that an IMAP URL names, read from the store: a piece of a message of the account that is logged in, or of one
 * that has granted it (url_grant.h). */
#include "base/buf.h"
#include "command.h"
#include "imap_url.h"

/*
 * Worker. Appends to `out`, up to its limit. NOT_FOUND: the URL names nothing that there is, or that this session may
 * read. TOO_BIG: more than `out` takes. Only the pieces that are needed are opened.
 */
MUST_CHECK enum fault url_text_read(struct imap_cmd *, struct stack *, const struct imap_url *,
                                    struct buf *out, struct why *);

#endif
