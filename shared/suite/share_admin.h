#ifndef SHARED_SUITE_SHARE_ADMIN_H
#define SHARED_SUITE_SHARE_ADMIN_H
/*
 * What an operator does about shared mailboxes (share.h): sees who may do what in those of an account, and changes it.
 * Names of mailboxes are sealed, so the caller's ring opens the account's key; no mail is opened.
 */
#include "suite/share.h"

/* The mailboxes of an account that have an ACL, by path. */
MUST_CHECK enum fault share_admin_list(struct stack *, const struct account *, struct arena *,
                                       struct folder ***ret, size_t *ret_n, struct why *);
/* Sets what `who` ("anyone" or a login) may do in a mailbox, nothing when there are no rights; leaves an audit row.
 * NOT_FOUND: the mailbox, or who; INPUT: the owner. */
MUST_CHECK enum fault share_admin_set(struct stack *, const struct change_by *, const struct account *,
                                      const char *path, const char *who, uint32_t rights, struct why *);

#endif
