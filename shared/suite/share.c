/* Mailboxes shared between accounts (share.h). */
#include "suite/share.h"

#include <stdlib.h>

#include "base/map.h"
#include "suite/directory_internal.h"
#include "suite/guest.h"
#include "suite/nudge.h"

#define ATTEMPTS 20
#define ANYONE   "anyone"

struct actor share_guest(const struct id *account, const char *domain)
{
	return (struct actor){ .kind = ACTOR_GUEST,
		               .guest = *account,
		               .everyone = acl_everyone(slice_str(domain)) };
}

struct actor share_actor(const struct actor *guest, const struct share *share)
{
	struct actor actor = *guest;

	actor.account = share->owner->account.id;
	actor.mailbox = share->folder.row.meta.id;
	return actor;
}

static bool is_in(const char *path, const char *space)
{
	const size_t len = strlen(space);

	return strncmp(path, space, len) == 0 && (!path[len] || path[len] == FOLDER_SEPARATOR);
}

bool share_is_shared_name(const char *path)
{
	return is_in(path, SHARE_USERS) || is_in(path, SHARE_PUBLIC);
}

/* ---- owners ---- */

static const char *prefix_of(const struct account *account, const struct actor *guest, struct arena *arena)
{
	const struct id everyone = acl_everyone(slice_str(account->domain));
	const char *at = strrchr(account->login, '@');
	const size_t len = at && account->is_public && id_eq(&everyone, &guest->everyone)
	                       ? (size_t)(at - account->login)
	                       : strlen(account->login);

	return arena_printf(arena, "%s%c%.*s%c", account->is_public ? SHARE_PUBLIC : SHARE_USERS,
	                    FOLDER_SEPARATOR, (int)len, account->login, FOLDER_SEPARATOR);
}

static enum fault load_owner(struct stack *stack, const struct account *account, const char *prefix,
                             struct arena *arena, struct share_owner *owner, struct why *why)
{
	const struct actor actor = { ACTOR_OWNER, account->id };
	enum fault fault;

	*owner = (struct share_owner){ .account = *account, .prefix = prefix };
	fault = account_unlock(stack, account, &owner->key, why);
	if (!fault)
		fault = folders_load(stack, &actor, owner->key, arena, &owner->folders, why);
	for (size_t i = 0; i < owner->folders.n && !fault; i++) {
		owner->used.bytes += owner->folders.list[i]->row.head.bytes;
		owner->used.messages += owner->folders.list[i]->row.head.messages;
	}
	return fault;
}

/* The owner of a row; NULL when it is not looked for, or gone. */
static enum fault find_owner(struct stack *stack, const struct actor *guest, const struct id *id,
                             const char *path, struct arena *arena, struct shares *shares,
                             struct share_owner **ret, struct why *why)
{
	struct account account;
	const char *prefix;
	enum fault fault;

	*ret = NULL;
	for (size_t i = 0; i < shares->n_owners; i++)
		if (id_eq(&shares->owners[i].account.id, id)) {
			*ret = shares->owners[i].key ? &shares->owners[i] : NULL;
			return FAULT_NONE;
		}
	fault = account_get(stack, id, arena, &account, why);
	if (fault)
		return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
	prefix = prefix_of(&account, guest, arena);
	shares->owners[shares->n_owners].account.id = *id; /* not to be asked for again */
	shares->owners[shares->n_owners].key = NULL;
	shares->n_owners++;
	if (path && strncmp(path, prefix, strlen(prefix)) != 0)
		return FAULT_NONE;
	fault = load_owner(stack, &account, prefix, arena, &shares->owners[shares->n_owners - 1], why);
	if (!fault)
		*ret = &shares->owners[shares->n_owners - 1];
	return fault;
}

/* ---- the tree ---- */

static int by_path(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	return strcmp(x->folder.path, y->folder.path);
}

struct tree {
	struct arena *arena;
	struct map *by_path; /* path -> index + 1 in list, boxed */
	struct buf list;     /* struct share */
};

static bool has_path(struct tree *tree, const char *path)
{
	return map_get(tree->by_path, slice_str(path));
}

static void add(struct tree *tree, const struct share *share)
{
	if (map_put(tree->by_path, slice_str(share->folder.path), tree))
		return;
	buf_add(&tree->list, share, sizeof(*share));
}

/* The names above, which lead there: nobody's, unless they are shared as well. */
static void add_parents(struct tree *tree, const char *path)
{
	static const struct id nobody = { { 0 } };
	const char *at = strrchr(path, FOLDER_SEPARATOR);

	while (at) {
		struct share share = { .owner = NULL };
		const char *above = arena_strz(tree->arena, slice_of(path, (size_t)(at - path)));

		if (has_path(tree, above))
			return;
		share.folder.path = above;
		share.folder.row.meta.no_select = true;
		share.folder.row.meta.id = id_derive(&nobody, slice_str(above));
		add(tree, &share);
		at = strrchr(above, FOLDER_SEPARATOR);
		path = above;
	}
}

static struct share *above(const struct shares *shares, const char *path, struct arena *arena)
{
	const char *at = strrchr(path, FOLDER_SEPARATOR);

	return at ? shares_find(shares, arena_strz(arena, slice_of(path, (size_t)(at - path)))) : NULL;
}

static void link_tree(const struct shares *shares, struct arena *arena)
{
	for (size_t i = 0; i < shares->n; i++) {
		struct folder *folder = &shares->list[i].folder;
		struct share *parent = above(shares, folder->path, arena);
		const char *at = strrchr(folder->path, FOLDER_SEPARATOR);

		folder->name = at ? at + 1 : folder->path;
		folder->parent = parent ? &parent->folder : NULL;
		if (parent)
			parent->folder.has_children = true;
	}
	for (size_t i = 0; i < shares->n; i++) {
		const struct share *share = &shares->list[i];

		if (share->folder.row.meta.no_select || !(share->rights & ACL_LOOKUP))
			continue;
		for (struct folder *up = share->folder.parent; up && !up->has_inferiors; up = up->parent)
			up->has_inferiors = true;
	}
}

static void note_subscriptions(struct share *share, const struct id *subscribed, size_t n)
{
	share->folder.row.meta.subscribed = false;
	for (size_t i = 0; i < n; i++)
		if (id_eq(&subscribed[i], &share->folder.row.meta.id))
			share->folder.row.meta.subscribed = true;
}

static enum fault add_rows(struct stack *stack, const struct actor *guest, const char *path,
                           const struct mailbox_row *rows, size_t n, struct shares *shares, struct tree *tree,
                           struct why *why)
{
	const struct id *subscribed = NULL;
	size_t n_subscribed = 0;
	enum fault fault = guest_subscriptions(stack, &guest->guest, tree->arena, (struct id **)&subscribed,
	                                       &n_subscribed, why);

	for (size_t i = 0; i < n && !fault; i++) {
		struct share share = { .rights = acl_rights(&rows[i].meta, &guest->guest, &guest->everyone) };

		if (id_eq(&rows[i].meta.account, &guest->guest))
			continue; /* his own, through "anyone" */
		fault = find_owner(stack, guest, &rows[i].meta.account, path, tree->arena, shares,
		                   &share.owner, why);
		if (fault || !share.owner)
			continue;
		share.own = folders_by_id(&share.owner->folders, &rows[i].meta.id);
		if (!share.own || rows[i].meta.no_select)
			continue;
		share.folder.row = rows[i];
		share.folder.row.meta.special_use = 0; /* it is the owner's Sent, not the guest's */
		share.folder.path = arena_printf(tree->arena, "%s%s", share.owner->prefix, share.own->path);
		note_subscriptions(&share, subscribed, n_subscribed);
		add(tree, &share);
	}
	return fault;
}

static enum fault make_tree(struct stack *stack, const struct actor *guest, const char *path,
                            const struct mailbox_row *rows, size_t n, struct arena *arena,
                            struct shares *shares, struct why *why)
{
	struct tree tree = { .arena = arena, .by_path = map_new() };
	enum fault fault;

	buf_init(&tree.list, BUF_NO_LIMIT);
	fault = add_rows(stack, guest, path, rows, n, shares, &tree, why);
	if (!fault) {
		n = tree.list.len / sizeof(struct share);
		for (size_t i = 0; i < n; i++) /* the list may move while it grows */
			add_parents(&tree, ((struct share *)(void *)tree.list.data)[i].folder.path);
		shares->n = tree.list.len / sizeof(struct share);
		shares->list = arena_array(arena, struct share, shares->n + 1);
		memcpy(shares->list, tree.list.data ? tree.list.data : (uint8_t *)"", tree.list.len);
		qsort(shares->list, shares->n, sizeof(*shares->list), by_path);
		link_tree(shares, arena);
	}
	buf_done(&tree.list);
	map_free(tree.by_path);
	return fault;
}

enum fault share_load(struct stack *stack, const struct actor *guest, const char *path, struct arena *arena,
                      struct shares *ret, struct why *why)
{
	const struct actor anywhere = { .kind = ACTOR_GUEST,
		                        .guest = guest->guest,
		                        .everyone = guest->everyone };
	struct shares shares = { .n = 0 };
	struct mailbox_row *rows;
	size_t n;
	enum fault fault = mailbox_shared(stack->store, &anywhere, arena, &rows, &n, why);

	if (fault)
		return fault;
	shares.owners = arena_array(arena, struct share_owner, n + 1);
	if (n)
		fault = make_tree(stack, guest, path, rows, n, arena, &shares, why);
	if (fault)
		shares_done(&shares);
	else
		*ret = shares;
	return fault;
}

void shares_done(struct shares *shares)
{
	for (size_t i = 0; i < shares->n_owners; i++)
		account_key_unref(shares->owners[i].key);
	*shares = (struct shares){ .n = 0 };
}

struct share *shares_find(const struct shares *shares, const char *path)
{
	const struct share key = { .folder.path = path };

	return shares->n ? bsearch(&key, shares->list, shares->n, sizeof(key), by_path) : NULL;
}

/* ---- changing ---- */

static enum fault meta_of(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                          struct arena *arena, struct mailbox_meta *ret, struct why *why)
{
	struct mailbox_row *rows;
	size_t n;
	enum fault fault;

	if (actor->kind == ACTOR_GUEST) {
		struct mailbox_row row;

		fault = mailbox_shared_one(stack->store, actor, mailbox, ACL_ADMINISTER, arena, &row, why);
		if (!fault)
			*ret = row.meta;
		return fault;
	}
	fault = mailbox_list(stack->store, actor, &actor->account, arena, &rows, &n, why);
	for (size_t i = 0; i < n && !fault; i++)
		if (id_eq(&rows[i].meta.id, mailbox)) {
			*ret = rows[i].meta;
			return FAULT_NONE;
		}
	return fault ? fault : fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
}

static enum fault set_once(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                           const struct id *who, enum acl_change change, uint32_t rights, struct arena *arena,
                           struct why *why)
{
	struct mailbox_meta meta;
	struct acl_entry *acl;
	enum fault fault = meta_of(stack, actor, mailbox, arena, &meta, why);

	if (!fault)
		fault = acl_change(meta.acl, meta.n_acl, who, change, rights, arena, &acl, &meta.n_acl, why);
	if (fault)
		return fault;
	meta.acl = acl;
	return mailbox_set_acl(stack->store, actor, &meta, why);
}

enum fault share_set(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                     const struct id *who, enum acl_change change, uint32_t rights, struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		struct arena *arena = arena_new();

		fault = set_once(stack, actor, mailbox, who, change, rights, arena, why);
		arena_free(arena);
	}
	if (!fault) {
		nudge_folders(stack, &actor->account);
		nudge_folders(stack, who);
	}
	return fault == FAULT_STALE ? fault_set(why, FAULT_TEMP, "others kept changing the mailbox") : fault;
}

/* ---- names of those who are granted ---- */

enum fault share_who(struct stack *stack, struct slice name, const char *domain, struct arena *arena,
                     struct id *ret, struct why *why)
{
	struct account account;
	enum fault fault;

	if (slice_eq(name, SLICE(ANYONE))) {
		*ret = acl_everyone(slice_str(domain));
		return FAULT_NONE;
	}
	fault = account_by_login(stack, name, arena, &account, why);
	if (!fault)
		*ret = account.id;
	return fault;
}

enum fault share_name(struct stack *stack, const struct id *who, const char *domain, struct arena *arena,
                      const char **ret, struct why *why)
{
	const struct id everyone = acl_everyone(slice_str(domain));
	struct account account;
	enum fault fault;

	*ret = ANYONE;
	if (id_eq(who, &everyone))
		return FAULT_NONE;
	fault = account_get(stack, who, arena, &account, why);
	*ret = fault ? NULL : account.login;
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}
