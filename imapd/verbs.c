/* The protocol on one page: each verb, its command, where it is legal, and what holds for it. */
#include "commands.h"

static const struct imap_verb verbs[] = {
	/* clang-format off */
	{ "CAPABILITY",   &imap_capability,   IN_ANY,      0 },
	{ "NOOP",         &imap_noop,         IN_ANY,      LOOKS_FIRST },
	{ "LOGOUT",       &imap_logout,       IN_ANY,      0 },
	{ "ID",           &imap_id,           IN_ANY,      0, "ID" },

	{ "STARTTLS",     &imap_starttls,     IN_PLAIN,    0 },
	{ "LOGIN",        &imap_login,        IN_PLAIN,    CHECKS_PASSWORD | NEEDS_PRIVACY },
	{ "AUTHENTICATE", &imap_authenticate, IN_PLAIN,    CHECKS_PASSWORD },

	{ "UNAUTHENTICATE", &imap_unauthenticate, IN_AUTH, 0, "UNAUTHENTICATE" },
	{ "COMPRESS",     &imap_compress,     IN_AUTH,     0, "COMPRESS=DEFLATE" },
	{ "ENABLE",       &imap_enable,       IN_AUTH,     0, "ENABLE" },
	{ "NAMESPACE",    &imap_namespace,    IN_AUTH,     0, "NAMESPACE" },
	{ "SELECT",       &imap_select,       IN_AUTH,     0 },
	{ "EXAMINE",      &imap_select,       IN_AUTH,     VERB_EXAMINES },
	{ "STATUS",       &imap_status,       IN_AUTH,     0 },
	{ "LIST",         &imap_list,         IN_AUTH,     0 },
	{ "LSUB",         &imap_list,         IN_AUTH,     VERB_LSUB },
	{ "SUBSCRIBE",    &imap_subscribe,    IN_AUTH,     VERB_SUBSCRIBES | CHANGES_FOLDERS },
	{ "UNSUBSCRIBE",  &imap_subscribe,    IN_AUTH,     CHANGES_FOLDERS },
	{ "CREATE",       &imap_create,       IN_AUTH,     CHANGES_FOLDERS },
	{ "DELETE",       &imap_delete,       IN_AUTH,     CHANGES_FOLDERS },
	{ "RENAME",       &imap_rename,       IN_AUTH,     CHANGES_FOLDERS },
	{ "GETQUOTA",     &imap_get_quota,    IN_AUTH,     0, "QUOTA" },
	{ "GETQUOTAROOT", &imap_get_quota_root, IN_AUTH,   0, "QUOTA" },
	{ "SETQUOTA",     &imap_set_quota,    IN_AUTH,     0, "QUOTA" },
	{ "GETMETADATA",  &imap_get_metadata, IN_AUTH,     0, "METADATA" },
	{ "SETMETADATA",  &imap_set_metadata, IN_AUTH,     0, "METADATA" },
	{ "GENURLAUTH",   &imap_gen_url_auth, IN_AUTH,     0, "URLAUTH" },
	{ "RESETKEY",     &imap_reset_key,    IN_AUTH,     0, "URLAUTH" },
	{ "URLFETCH",     &imap_url_fetch,    IN_AUTH,     0, "URLAUTH" },
	{ "GETACL",       &imap_get_acl,      IN_AUTH,     0, "ACL" },
	{ "SETACL",       &imap_set_acl,      IN_AUTH,     CHANGES_FOLDERS, "ACL" },
	{ "DELETEACL",    &imap_set_acl,      IN_AUTH,     CHANGES_FOLDERS | VERB_DELETES, "ACL" },
	{ "LISTRIGHTS",   &imap_list_rights,  IN_AUTH,     0, "ACL" },
	{ "MYRIGHTS",     &imap_my_rights,    IN_AUTH,     0, "ACL" },
	{ "IDLE",         &imap_idle,         IN_AUTH,     LOOKS_FIRST, "IDLE" },
	{ "APPEND",       &imap_append,       IN_AUTH,     MESSAGE_LITERAL },

	{ "NOTIFY",       &imap_notify,       IN_AUTH,     LOOKS_FIRST, "NOTIFY" },
	{ "ESEARCH",      &imap_esearch,      IN_AUTH,     UID_FORM, "MULTISEARCH" },

	{ "CHECK",        &imap_noop,         IN_SELECTED, LOOKS_FIRST },
	{ "CLOSE",        &imap_close,        IN_SELECTED, LOOKS_FIRST },
	{ "UNSELECT",     &imap_close,        IN_SELECTED, VERB_UNSELECTS, "UNSELECT" },
	{ "FETCH",        &imap_fetch,        IN_SELECTED, UID_FORM | USES_SEQ },
	{ "STORE",        &imap_store,        IN_SELECTED, UID_FORM | USES_SEQ },
	{ "CANCELUPDATE", &imap_cancel_update, IN_SELECTED, 0, "CONTEXT=SEARCH" },
	{ "SEARCH",       &imap_search,       IN_SELECTED, UID_FORM | USES_SEQ },
	{ "SORT",         &imap_sort,         IN_SELECTED, UID_FORM | USES_SEQ, "SORT" },
	{ "THREAD",       &imap_thread,       IN_SELECTED, UID_FORM | USES_SEQ, "THREAD" },
	{ "COPY",         &imap_copy,         IN_SELECTED, UID_FORM | USES_SEQ },
	{ "MOVE",         &imap_copy,         IN_SELECTED, UID_FORM | USES_SEQ | VERB_MOVES, "MOVE" },
	{ "UIDBATCHES",   &imap_uid_batches,  IN_SELECTED, 0, "UIDBATCHES" },
	{ "REPLACE",      &imap_replace,      IN_SELECTED, UID_FORM | USES_SEQ | VERB_MOVES | MESSAGE_LITERAL, "REPLACE" },
	{ "EXPUNGE",      &imap_expunge,      IN_SELECTED, UID_FORM | LOOKS_FIRST },
	/* clang-format on */
};

const struct imap_verb *imap_verb_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (slice_is(name, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}
