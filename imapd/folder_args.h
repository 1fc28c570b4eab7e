#ifndef IMAPD_FOLDER_ARGS_H
#define IMAPD_FOLDER_ARGS_H
/* Names of mailboxes to be made, as CREATE and RENAME check them. */
#include "command.h"

/* "a/b/" says that mailboxes will follow below "a/b": the same as "a/b" (RFC 9051 6.3.4). */
const char *folder_without_end(struct arena *, const char *path);
/* Checks and normalises; when it is no good, false, and the reply is given (IMAP_DONE). */
bool folder_name_is_good(struct imap_cmd *, const char **path);

#endif
