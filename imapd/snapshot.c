/* What looks have seen (snapshot.h). */
#include "snapshot.h"

#include "account_ctx.h"
#include "base/map.h"

/* Annotations first: of what is annotated then, the names that follow know the mailbox, if it is there still. */
enum fault snapshot_load(const struct account_ctx *account, struct stack *stack, unsigned parts,
                         struct snapshot *ret, struct why *why)
{
	const bool annotated = parts & SNAPSHOT_ANNOTATIONS;
	enum fault fault = FAULT_NONE;

	if (annotated)
		fault = annotations_load(account, stack, &ret->annotations, why);
	if (!fault && (parts & SNAPSHOT_OWN))
		fault = folder_list_load(account, stack, &ret->own, why);
	if (!fault && (parts & SNAPSHOT_SHARED))
		fault = shared_list_load(account, stack, &ret->shared,
		                         annotated ? &ret->shared_annotations : NULL, why);
	return fault;
}

bool snapshot_has_too_many(const struct snapshot *snapshot)
{
	return (snapshot->annotations && snapshot->annotations->too_many) ||
	       (snapshot->shared_annotations && snapshot->shared_annotations->too_many);
}

void snapshot_take(const struct account_ctx *account, struct snapshot *to, struct snapshot *from)
{
	struct snapshot old = { .own = from->own ? to->own : NULL,
		                .shared = from->shared ? to->shared : NULL,
		                .annotations = from->annotations ? to->annotations : NULL,
		                .shared_annotations =
		                    from->shared_annotations ? to->shared_annotations : NULL };

	to->own = from->own ? from->own : to->own;
	to->shared = from->shared ? from->shared : to->shared;
	to->annotations = from->annotations ? from->annotations : to->annotations;
	to->shared_annotations = from->shared_annotations ? from->shared_annotations : to->shared_annotations;
	*from = (struct snapshot){ NULL };
	snapshot_done(account, &old);
}

void snapshot_done(const struct account_ctx *account, struct snapshot *snapshot)
{
	folder_list_put(account->folders, snapshot->own);
	shared_list_put(snapshot->shared);
	annotations_put(snapshot->annotations);
	annotations_put(snapshot->shared_annotations);
	*snapshot = (struct snapshot){ NULL };
}

struct map *snapshot_map(const struct folders *folders)
{
	struct map *map = map_new();

	for (size_t i = 0; i < folders->n; i++)
		map_put(map, id_slice(&folders->list[i]->row.meta.id), folders->list[i]);
	return map;
}
