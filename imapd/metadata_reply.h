#ifndef IMAPD_METADATA_REPLY_H
#define IMAPD_METADATA_REPLY_H
/* "* METADATA mailbox entries", for GETMETADATA (RFC 5464 4.4.1) and for LIST (RFC 9590). */
#include "command.h"
#include "metadata_request.h"

/* Adds the response, if there is anything to tell; `parts` by enum metadata_part, and the mailbox's special uses. Gives the longest value that was left out
 * as too long, 0: none. */
uint64_t metadata_add(struct buf *, const struct session *, const char *path, const struct metadata_request *,
                      const struct metadata parts[2], uint32_t special_use);
/* The tagged OK of it all, with that longest one. */
enum imap_next metadata_completed(struct imap_cmd *, uint64_t longest);

#endif
