/* Which mailboxes an ESEARCH is for (esearch_place.h). */
#include "esearch_place.h"

#include "account_ctx.h"

bool esearch_places_parse(struct imap_args *args, struct esearch_places *places)
{
	if (!imap_args_space(args) || !imap_args_open(args))
		return false;
	do {
		struct mailbox_filter *filter = &places->filters[places->n_filters];

		if (places->n_filters++ == ESEARCH_FILTERS_MAX - 1 || !mailbox_filter_parse(args, filter) ||
		    filter->kind == FILTER_SELECTED_DELAYED)
			return false;
		if (filter->kind == FILTER_SELECTED)
			places->in_selected = true;
		else
			places->in_others = true;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

static bool is_selected(const struct esearch_places *places, const struct imap_cmd *cmd, const struct id *id)
{
	return places->in_selected && id_eq(id, &cmd->selected);
}

static bool is_asked_for(const struct esearch_places *places, const struct imap_cmd *cmd,
                         const struct folder *folder)
{
	const struct mailbox_meta *meta = &folder->row.meta;

	if (meta->no_select)
		return false;
	if (is_selected(places, cmd, &meta->id))
		return true;
	for (uint32_t i = 0; i < places->n_filters && folder->row.head.messages; i++)
		if (mailbox_filter_has(&places->filters[i], folder->path, meta))
			return true;
	return false;
}

static enum fault add_own(struct esearch_places *places, struct imap_cmd *cmd, struct stack *stack,
                          struct why *why)
{
	struct folder_list *list;
	enum fault fault = folder_list_load(cmd->account, stack, &list, why);

	if (fault)
		return fault;
	places->list = arena_array(cmd->arena, struct esearch_place, list->folders.n + places->shares.n + 1);
	for (size_t i = 0; i < list->folders.n; i++) {
		const struct folder *folder = list->folders.list[i];

		if (is_asked_for(places, cmd, folder))
			places->list[places->n++] =
			    (struct esearch_place){ .id = folder->row.meta.id,
				                    .path = arena_strdup(cmd->arena, folder->path) };
	}
	folder_list_put(cmd->account->folders, list);
	return FAULT_NONE;
}

/* ---- what others share ---- */

static bool may_share(const struct esearch_places *places, const struct imap_cmd *cmd)
{
	for (uint32_t i = 0; i < places->n_filters; i++)
		if (mailbox_filter_may_share(&places->filters[i]))
			return true;
	return places->in_selected && cmd->acting.kind == ACTOR_GUEST;
}

/* The rights that it takes; 0: it is not asked for. */
static uint32_t asks_for_shared(const struct esearch_places *places, const struct imap_cmd *cmd,
                                const struct folder *folder)
{
	const struct mailbox_meta *meta = &folder->row.meta;
	uint32_t needs = 0;

	if (is_selected(places, cmd, &meta->id))
		return ACL_READ;
	for (uint32_t i = 0; i < places->n_filters && folder->row.head.messages; i++) {
		const struct mailbox_filter *filter = &places->filters[i];

		if (!mailbox_filter_has_shared(filter, folder->path, meta))
			continue;
		if (filter->kind == FILTER_MAILBOXES)
			return ACL_READ;
		needs = ACL_READ | ACL_LOOKUP;
	}
	return needs;
}

static void add_shared(struct esearch_places *places, const struct imap_cmd *cmd)
{
	for (size_t i = 0; i < places->shares.n; i++) {
		const struct share *share = &places->shares.list[i];
		const uint32_t needs = share->owner ? asks_for_shared(places, cmd, &share->folder) : 0;

		if (!needs || (share->rights & needs) != needs)
			continue;
		places->list[places->n++] =
		    (struct esearch_place){ .id = share->folder.row.meta.id,
			                    .path = share->folder.path,
			                    .share = share,
			                    .actor = share_actor(&cmd->account->guest, share),
			                    .needs = needs };
	}
}

enum fault esearch_places_load(struct esearch_places *places, struct imap_cmd *cmd, struct stack *stack,
                               struct why *why)
{
	enum fault fault = FAULT_NONE;

	if (may_share(places, cmd))
		fault = share_load(stack, &cmd->account->guest, NULL, cmd->arena, &places->shares, why);
	if (!fault)
		fault = add_own(places, cmd, stack, why);
	if (!fault)
		add_shared(places, cmd);
	return fault;
}

enum fault esearch_place_check(const struct esearch_place *place, struct stack *stack, struct why *why)
{
	return mailbox_granted(stack->store, &place->actor, &place->id, place->needs, why);
}
