#ifndef IMAPD_ACCOUNT_CTX_H
#define IMAPD_ACCOUNT_CTX_H
/*
 * An account that somebody of this process is logged in to: its key and its
 * folder list, shared by its sessions. Referenced; the key is wiped with the last reference.
 */
#include "crypt/account_key.h"
#include "suite/folder.h"
#include "suite/stack.h"

struct account_ctx {
	struct id id;
	const char *login;
	struct account_key *key;
	struct actor actor; /* OWNER */
	unsigned sessions;
	_Atomic unsigned refs;
	_Atomic unsigned folders_version; /* bumped by nudges: a cached list of another version is old */
};

struct account_ctx *account_ctx_ref(struct account_ctx *); /* any thread */
void account_ctx_unref(struct account_ctx *);              /* any thread */

#endif
