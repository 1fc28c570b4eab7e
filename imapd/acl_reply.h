#ifndef IMAPD_ACL_REPLY_H
#define IMAPD_ACL_REPLY_H
/* "* MYRIGHTS mailbox rights", for MYRIGHTS itself (RFC 4314 3.8) and for LIST (RFC 8440). */
#include "command.h"
#include "store/acl.h"

void acl_add_my_rights(struct buf *, const struct session *, const char *path, uint32_t rights);

#endif
