#ifndef IMAPD_COMMANDS_H
#define IMAPD_COMMANDS_H
/* What each command file exports; verbs.c gives them names. */
#include "command.h"

extern const struct imap_command imap_capability, imap_noop, imap_logout, imap_id, imap_enable,
    imap_namespace;
extern const struct imap_command imap_starttls, imap_login, imap_authenticate, imap_unauthenticate;
extern const struct imap_command imap_select, imap_close, imap_status;
extern const struct imap_command imap_list, imap_subscribe, imap_create, imap_delete, imap_rename;
extern const struct imap_command imap_get_acl, imap_set_acl, imap_list_rights, imap_my_rights;
extern const struct imap_command imap_compress, imap_idle, imap_get_quota, imap_get_quota_root,
    imap_set_quota, imap_get_metadata, imap_set_metadata, imap_gen_url_auth, imap_reset_key, imap_url_fetch;
extern const struct imap_command imap_fetch, imap_store, imap_search, imap_sort, imap_thread, imap_copy,
    imap_expunge, imap_append, imap_cancel_update, imap_notify, imap_esearch, imap_replace, imap_uid_batches;

#endif
