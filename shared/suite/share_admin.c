/* An operator's sharing (share_admin.h). */
#include "suite/share_admin.h"

#include "suite/outbox.h"

static enum fault load(struct stack *stack, const struct account *account, struct arena *arena,
                       struct folders *ret, struct why *why)
{
	const struct actor actor = { ACTOR_ADMIN, account->id };
	struct account_key *key;
	enum fault fault = account_unlock(stack, account, &key, why);

	if (fault)
		return fault;
	fault = folders_load(stack, &actor, key, arena, ret, why);
	account_key_unref(key);
	return fault;
}

enum fault share_admin_list(struct stack *stack, const struct account *account, struct arena *arena,
                            struct folder ***ret, size_t *ret_n, struct why *why)
{
	struct folders all;
	size_t n = 0;
	enum fault fault = load(stack, account, arena, &all, why);

	if (fault)
		return fault;
	for (size_t i = 0; i < all.n; i++)
		if (all.list[i]->row.meta.n_acl)
			all.list[n++] = all.list[i];
	*ret = all.list;
	*ret_n = n;
	return FAULT_NONE;
}

/* The mailbox by its id, since its name is its owner's secret. */
static enum fault note(struct stack *stack, const struct change_by *by, const struct account *account,
                       const struct id *mailbox, const char *who, uint32_t rights, struct arena *arena,
                       struct why *why)
{
	char room[ACL_LETTERS];
	const char *detail = arena_printf(arena, "%s: %s %s", id_print(mailbox).text, who,
	                                  rights ? acl_print(rights, room) : "none");

	return audit_add(stack, by, "mailbox.share", account->login, account->domain, detail, why);
}

static enum fault find_mailbox(struct stack *stack, const struct account *account, const char *path,
                               struct arena *arena, struct id *ret, struct why *why)
{
	const struct id outbox = outbox_mailbox(&account->id);
	const struct folder *folder;
	struct folders all;
	enum fault fault = folder_path_check(slice_str(path), arena, &path, why);

	if (!fault)
		fault = load(stack, account, arena, &all, why);
	if (fault)
		return fault;
	folder = folders_find(&all, path);
	if (!folder || folder->row.meta.no_select || id_eq(&folder->row.meta.id, &outbox))
		return fault_set(why, FAULT_NOT_FOUND, "there is no mailbox %.200s to be shared", path);
	*ret = folder->row.meta.id;
	return FAULT_NONE;
}

static enum fault set(struct stack *stack, const struct change_by *by, const struct account *account,
                      const char *path, const char *name, uint32_t rights, struct arena *arena,
                      struct why *why)
{
	const struct actor actor = { ACTOR_ADMIN, account->id };
	struct id mailbox, who;
	enum fault fault = find_mailbox(stack, account, path, arena, &mailbox, why);

	if (fault)
		return fault;
	fault = share_who(stack, slice_str(name), account->domain, arena, &who, why);
	if (fault == FAULT_NOT_FOUND || fault == FAULT_INPUT)
		return fault_set(why, FAULT_NOT_FOUND, "there is no account %.200s", name);
	if (!fault && id_eq(&who, &account->id))
		fault = fault_set(why, FAULT_INPUT, "the owner has all rights already");
	if (!fault)
		fault = share_set(stack, &actor, &mailbox, &who, ACL_SET, rights, why);
	return fault ? fault : note(stack, by, account, &mailbox, name, rights, arena, why);
}

enum fault share_admin_set(struct stack *stack, const struct change_by *by, const struct account *account,
                           const char *path, const char *who, uint32_t rights, struct why *why)
{
	struct arena *arena = arena_new();
	enum fault fault = set(stack, by, account, path, who, rights, arena, why);

	arena_free(arena);
	return fault;
}
