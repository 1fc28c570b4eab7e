/* Sharing mailboxes: their ACLs, and what others share (mailbox.h). */
#include <assert.h>
#include <stdlib.h>

#include "store/access.h"
#include "store/acl.h"
#include "store/mailbox.h"
#include "store/record.h"

#define ADD_MANY 500 /* contents in one command */

enum fault mailbox_set_acl(struct store *store, const struct actor *actor, const struct mailbox_meta *meta,
                           struct why *why)
{
	const struct actor with = access_with(actor, ACL_ADMINISTER);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_SHARE, why);

	assert(meta->n_acl <= ACL_ENTRIES_MAX);
	return fault ? fault : store->ops->mailbox_set_acl(store, &with, meta, why);
}

enum fault mailbox_shared(struct store *store, const struct actor *actor, struct arena *arena,
                          struct mailbox_row **ret, size_t *ret_n, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_MAILBOX_SHARED, why);

	return fault ? fault : store->ops->mailbox_shared(store, actor, NULL, arena, ret, ret_n, why);
}

enum fault mailbox_shared_one(struct store *store, const struct actor *actor, const struct id *mailbox,
                              uint32_t rights, struct arena *arena, struct mailbox_row *ret, struct why *why)
{
	const struct actor with = access_with(actor, rights);
	struct mailbox_row *rows;
	size_t n;
	enum fault fault = access_check_act(actor, ACT_MAILBOX_SHARED, why);

	if (!fault)
		fault = store->ops->mailbox_shared(store, &with, mailbox, arena, &rows, &n, why);
	if (!fault && n == 0)
		fault = fault_set(why, FAULT_NOT_FOUND, "no such mailbox, or not for this guest");
	if (!fault)
		*ret = rows[0];
	return fault;
}

enum fault mailbox_granted(struct store *store, const struct actor *actor, const struct id *mailbox,
                           uint32_t rights, struct why *why)
{
	struct arena *arena;
	struct mailbox_row row;
	enum fault fault;

	if (actor->kind != ACTOR_GUEST)
		return FAULT_NONE;
	arena = arena_new();
	fault = mailbox_shared_one(store, actor, mailbox, rights, arena, &row, why);
	arena_free(arena);
	return fault;
}

enum fault mailbox_unshare(struct store *store, const struct actor *actor, const struct id *who,
                           struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_MAILBOX_UNSHARE, why);

	return fault ? fault : store->ops->mailbox_unshare(store, actor, who, why);
}

/* ---- contents ---- */

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

enum fault contents_add_account(struct store *store, const struct actor *actor, const struct id *contents,
                                size_t n, const struct id *account, struct arena *arena, struct why *why)
{
	struct id *once = arena_array(arena, struct id, n + 1);
	enum fault fault = access_check_record(actor, COLL_CONTENTS, true, why);
	size_t kept = 0;

	if (!fault)
		fault = mailbox_granted(store, actor, &actor->mailbox, ACL_READ, why);
	if (fault || !n)
		return fault;
	memcpy(once, contents, n * sizeof(*once));
	qsort(once, n, sizeof(*once), by_id);
	for (size_t i = 0; i < n; i++)
		if (!kept || !id_eq(&once[kept - 1], &once[i]))
			once[kept++] = once[i];
	for (size_t at = 0; at < kept && !fault; at += ADD_MANY)
		fault = store->ops->contents_add_account(store, actor, once + at,
		                                         MIN_OF(kept - at, (size_t)ADD_MANY), account, why);
	return fault;
}
