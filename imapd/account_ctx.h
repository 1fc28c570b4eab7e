#ifndef IMAPD_ACCOUNT_CTX_H
#define IMAPD_ACCOUNT_CTX_H
/*
 * An account that somebody of this process is logged in to: its name and its
 * key, shared by sessions, views and commands. Its fields are constant but for those
 * marked, so a worker may read it while whoever started the job holds a reference.
 * The key is wiped with the last reference. Making, holding and releasing are the loop's only.
 */
#include "base/list.h"
#include "crypt/account_key.h"
#include "folder_cache.h"
#include "suite/directory.h"
#include "suite/stack.h"

struct imapd;

struct account_ctx {
	struct id id;
	const char *login;
	struct account_key *key;
	const char *domain;
	struct actor actor; /* OWNER */
	struct actor guest; /* GUEST, of what others share: share_actor() makes one in a mailbox of it */
	struct folder_cache *folders;
	bool has_outbox; /* queued mail is shown (suite/outbox.h) */
	/* The loop's only. */
	struct imapd *imapd;
	unsigned refs, sessions;
	int64_t at_work;     /* jobs that workers have, or the pool for them */
	struct list waiting; /* struct turn, for those to end (turn.h) */
	int64_t checked_at;  /* that it is there, active, and its password the same */
	/* as of then */
	struct usage quota; /* 0: none */
	char *capabilities_off;
	int64_t trace_until;
};

/* For a login just verified: the one that is there, or a new one. Takes `key` over. The reference is the caller's. */
struct account_ctx *account_ctx_get(struct imapd *, const struct account *, struct account_key *key);
/* What its record says now. */
void account_ctx_update(struct account_ctx *, const struct account *);
struct account_ctx *account_ctx_ref(struct account_ctx *);
void account_ctx_unref(struct account_ctx *); /* NULL accepted */

#endif
