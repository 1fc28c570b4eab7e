#ifndef IMAPD_VANISHED_H
#define IMAPD_VANISHED_H
/* UIDs that are no more, as QRESYNC tells them (RFC 7162 3.2.10). */
#include "command.h"

#define VANISHED_LINE 500 /* ranges in one response; a long set goes as several */

/*
 * Adds to `ret` (initialised) those of `asked` that were expunged after `since`. What is too long ago is not told
 * apart: then it is all that is not there (RFC 7162 3.2.5.1 allows it). What the session was not told yet stays
 * out: that will be news. `asked` may end at UINT32_MAX, NULL is all.
 */
void vanished_since(const struct selected *, uint64_t since, const struct uid_set *asked,
                    struct uid_set *ret);
/* "* VANISHED …" or "* VANISHED (EARLIER) …" of the next VANISHED_LINE ranges from index `*at` on. */
void vanished_tell(struct session *, bool earlier, const struct uid_set *, uint32_t *at);
/* The tagged reply behind an expunge: with QRESYNC it says how far the client knows, for all news come before it. */
enum imap_next vanished_ok(struct imap_cmd *, const char *text);

#endif
