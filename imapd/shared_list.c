/* What others share with an account (shared_list.h). */
#include "shared_list.h"

#include <stdlib.h>

#include "account_ctx.h"
#include "annotations.h"
#include "base/clock.h"

static void be_mere_name(struct share *share)
{
	static const struct id nobody = { { 0 } };
	struct mailbox_meta *meta = &share->folder.row.meta;

	meta->id = id_derive(&nobody, slice_str(share->folder.path));
	meta->no_select = true;
	meta->subscribed = false;
}

/* Of what was loaded only what can be told is kept. */
static void copy(struct shared_list *list, const struct shares *from)
{
	struct share *to = arena_array(list->arena, struct share, from->n + 1);

	list->folders.list = arena_array(list->arena, struct folder *, from->n + 1);
	for (size_t i = 0; i < from->n; i++) {
		struct folder *folder = &to[i].folder;
		const struct folder *above = from->list[i].folder.parent;

		to[i] = from->list[i];
		to[i].owner = NULL;
		to[i].own = NULL;
		folder->path = arena_strdup(list->arena, folder->path);
		folder->name = folder->path + strlen(folder->path) - strlen(from->list[i].folder.name);
		folder->parent =
		    above ? &to[container_of(above, struct share, folder) - from->list].folder : NULL;
		folder->row.meta.name = SLICE("");
		folder->row.meta.acl = NULL;
		folder->row.meta.n_acl = 0;
		if (!(to[i].rights & ACL_LOOKUP))
			be_mere_name(&to[i]);
		if ((to[i].rights & ACL_LOOKUP) || folder->has_inferiors)
			list->folders.list[list->folders.n++] = folder;
	}
}

static void copy_owners(struct shared_list *list, const struct shares *from)
{
	struct id *owners = arena_array(list->arena, struct id, from->n_owners + 1);

	for (size_t i = 0; i < from->n_owners; i++)
		owners[i] = from->owners[i].account.id;
	list->owners = owners;
	list->n_owners = from->n_owners;
}

static struct shared_list *list_of(const struct shares *shares, int64_t began)
{
	struct shared_list *list = xzalloc(sizeof(*list));

	list->refs = 1;
	list->arena = arena_new();
	list->loaded_at = began;
	copy(list, shares);
	copy_owners(list, shares);
	return list;
}

enum fault shared_list_load(const struct account_ctx *account, struct stack *stack, struct shared_list **ret,
                            struct annotations **ret_annotations, struct why *why)
{
	const int64_t began = clock_mono_ms();
	struct arena *arena = arena_new();
	struct shares shares;
	enum fault fault = share_load(stack, &account->guest, NULL, arena, &shares, why);

	if (!fault) {
		*ret = list_of(&shares, began);
		if (ret_annotations)
			fault = annotations_load_shared(&shares, stack, ret_annotations, why);
		shares_done(&shares);
	}
	arena_free(arena);
	return fault;
}

struct shared_list *shared_list_hold(struct shared_list *list)
{
	if (list)
		list->refs++;
	return list;
}

void shared_list_put(struct shared_list *list)
{
	if (!list || --list->refs)
		return;
	arena_free(list->arena);
	free(list);
}

bool shared_list_has(const struct shared_list *list, const struct id *account, const struct id *mailbox)
{
	for (size_t i = 0; i < list->n_owners; i++)
		if (id_eq(&list->owners[i], account))
			return !mailbox || folders_by_id(&list->folders, mailbox);
	return false;
}

uint32_t shared_list_rights(const struct folder *folder)
{
	return container_of(folder, const struct share, folder)->rights;
}
