#ifndef IMAPD_LIST_LINE_H
#define IMAPD_LIST_LINE_H
/* What LIST responses have in common, whoever sends them: RFC 9051 7.3.1, RFC 5258, SPECIAL-USE: RFC 6154, CHILDREN:
 * RFC 3348. */
#include "command.h"

enum list_attributes {                     /* bits */
	               TELLS_EXTENDED = 1, /* the client knows RFC 5258 */
	               TELLS_CHILDREN = 2,
	               TELLS_USES = 4,
	               TELLS_SUBSCRIBED = 8,
};

/* "\HasNoChildren \Sent" */
void list_add_attributes(struct buf *, const struct folder *, unsigned tells);
/* "\Sent": RFC 6154, of enum special_use. */
void list_add_uses(struct buf *, uint32_t special_use);
/* Unasked, where IMAP4rev2 wants it: behind SELECT, and when a name is not the one that was `written` (OLDNAME,
 * RFC 9051 6.3.9.7; NULL: it is). To others nothing. */
void list_tell(struct session *, const char *attributes, const char *path, const char *written);

#endif
