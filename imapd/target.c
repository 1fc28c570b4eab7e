/* Mailboxes that commands name (target.h). An account's usage is the sum of its mailboxes', which the same look has told. */
#include "target.h"

#include "account_ctx.h"
#include "base/buf.h"
#include "list_line.h"
#include "outbox_hold.h"

static enum fault check_room(const struct imap_cmd *cmd, const struct folder_list *list,
                             const struct target *target, struct why *why)
{
	const uint64_t used = target->quota ? folder_list_used(cmd->account->folders, list) : 0;

	if (!target->quota || used + target->bytes <= target->quota)
		return FAULT_NONE;
	return fault_set(why, FAULT_OVER_QUOTA, "%llu bytes and %llu more, %llu are allowed",
	                 (unsigned long long)used, (unsigned long long)target->bytes,
	                 (unsigned long long)target->quota);
}

/* DELETE leaves a mailbox that has others below it as a mere name, to which commits are still possible: a list that was
 * kept is no word on it. */
static bool may_be_mere_name(const struct folder *folder)
{
	return folder->has_children && !(folder->row.meta.special_use & USE_INBOX);
}

static const char *attributes(struct arena *arena, const struct folder *folder)
{
	struct buf text;
	const char *copy;

	buf_init(&text, BUF_NO_LIMIT);
	list_add_attributes(&text, folder, true, false);
	copy = arena_strz(arena, buf_slice(&text));
	buf_done(&text);
	return copy;
}

static enum fault find_in(const struct imap_cmd *cmd, const struct folder_list *list, struct target *target,
                          struct id *ret, struct why *why)
{
	const struct folder *folder = folders_find(&list->folders, target->path);
	enum fault fault;

	if (!folder || folder->row.meta.no_select || (target->kept && may_be_mere_name(folder)))
		return fault_set(why, FAULT_NO_TARGET, "no such mailbox");
	if (!target->opens && outbox_is(cmd, &folder->row.meta.id))
		return fault_set(why, FAULT_UNSUPPORTED, "what is put into the Outbox is not sent");
	fault = check_room(cmd, list, target, why);
	if (fault)
		return fault;
	*ret = folder->row.meta.id;
	if (target->wants_attributes)
		target->attributes = attributes(cmd->arena, folder);
	return FAULT_NONE;
}

enum fault target_find(const struct imap_cmd *cmd, struct stack *stack, struct target *target, struct id *ret,
                       struct why *why)
{
	struct folder_list *list = folder_list_kept(cmd->account->folders);
	enum fault fault = FAULT_NO_TARGET;

	target->kept = list;
	if (list)
		fault = find_in(cmd, list, target, ret, why);
	folder_list_put(cmd->account->folders, list);
	if (!fault)
		return FAULT_NONE;
	target->kept = false;
	fault = folder_list_load(cmd->account, stack, &list, why);
	if (fault)
		return fault;
	fault = find_in(cmd, list, target, ret, why);
	folder_list_put(cmd->account->folders, list);
	return fault;
}

bool target_is_behind(const struct imap_cmd *cmd, const struct target *target)
{
	if (target->kept)
		folder_cache_drop(cmd->account->folders);
	return target->kept;
}
