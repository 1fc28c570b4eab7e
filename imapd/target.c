/* Mailboxes that commands name (target.h). An account's usage is the sum of its mailboxes', which the same look has told. */
#include "target.h"

#include "account_ctx.h"
#include "base/buf.h"
#include "list_line.h"
#include "outbox_hold.h"
#include "suite/guest.h"

/* What an account will have more. */
static struct usage growth(const struct target *target, const struct id *account)
{
	const struct usage *added = &target->added, *freed = &target->freed;

	if (!id_eq(account, &target->freed_of))
		return *added;
	return (struct usage){ added->bytes - MIN_OF(added->bytes, freed->bytes),
		               added->messages - MIN_OF(added->messages, freed->messages) };
}

/* Who gives back as much as he takes may do so over his quota. */
static enum fault check_limits(const struct usage *used, const struct usage *added, const struct usage *quota,
                               struct why *why)
{
	if (quota->bytes && added->bytes && used->bytes + added->bytes > quota->bytes)
		return fault_set(why, FAULT_OVER_QUOTA, "%llu bytes and %llu more, %llu are allowed",
		                 (unsigned long long)used->bytes, (unsigned long long)added->bytes,
		                 (unsigned long long)quota->bytes);
	if (quota->messages && added->messages && used->messages + added->messages > quota->messages)
		return fault_set(why, FAULT_OVER_QUOTA, "%llu messages and %llu more, %llu are allowed",
		                 (unsigned long long)used->messages, (unsigned long long)added->messages,
		                 (unsigned long long)quota->messages);
	return FAULT_NONE;
}

static enum fault check_room(const struct imap_cmd *cmd, const struct folder_list *list,
                             const struct target *target, struct why *why)
{
	const struct usage added = growth(target, &cmd->account->id);
	struct usage used;

	if (!target->quota.bytes && !target->quota.messages)
		return FAULT_NONE;
	used = folder_list_used(cmd->account->folders, list);
	return check_limits(&used, &added, &target->quota, why);
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
	list_add_attributes(&text, folder, TELLS_EXTENDED | TELLS_CHILDREN | TELLS_USES);
	copy = arena_strz(arena, buf_slice(&text));
	buf_done(&text);
	return copy;
}

/* ---- what others share ---- */

void target_done(struct target *target)
{
	shares_done(&target->shares);
}

/* Who may not look it up is not told that it is there. */
static enum fault check_rights(const struct target *target, const struct share *share, struct why *why)
{
	if ((share->rights & target->needs) == target->needs)
		return FAULT_NONE;
	return share->rights & ACL_LOOKUP ? fault_set(why, FAULT_DENIED, "the owner does not allow it")
	                                  : fault_set(why, FAULT_NO_TARGET, "no such mailbox");
}

static enum fault check_owners_room(const struct target *target, const struct share_owner *owner,
                                    struct why *why)
{
	const struct usage quota = { owner->account.quota, owner->account.quota_messages };
	const struct usage added = growth(target, &owner->account.id);

	return check_limits(&owner->used, &added, &quota, why);
}

static enum fault find_shared(const struct imap_cmd *cmd, struct stack *stack, struct target *target,
                              struct id *ret, struct why *why)
{
	const struct share *share;
	enum fault fault;

	target_done(target);
	fault = share_load(stack, &cmd->account->guest, target->path, cmd->arena, &target->shares, why);
	share = fault ? NULL : shares_find(&target->shares, target->path);
	if (!fault && (!share || !share->owner))
		fault = fault_set(why, FAULT_NO_TARGET, "no such mailbox");
	if (!fault)
		fault = check_rights(target, share, why);
	if (!fault)
		fault = check_owners_room(target, share->owner, why);
	if (fault)
		return fault;
	target->share = share;
	target->key = share->owner->key;
	target->actor = share_actor(&cmd->account->guest, share);
	target->rights = share->rights;
	if (target->wants_attributes)
		target->attributes = attributes(cmd->arena, &share->folder);
	*ret = share->folder.row.meta.id;
	return FAULT_NONE;
}

uint32_t target_flags(const struct target *target)
{
	if (!target->share)
		return FLAG_ALL;
	return (target->rights & ACL_DELETE ? FLAG_DELETED : 0) |
	       (target->rights & ACL_WRITE ? FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DRAFT : 0);
}

bool target_takes_keywords(const struct target *target)
{
	return !target->share || (target->rights & (ACL_WRITE | ACL_READ)) == (ACL_WRITE | ACL_READ);
}

void target_note_seen(const struct imap_cmd *cmd, struct stack *stack, const struct target *target,
                      uint32_t uid_validity, const struct uid_set *uids)
{
	struct guest_mark mark;
	struct mailbox_head head;
	struct why why = { "" };
	enum fault fault;

	if (!target->share || !(target->rights & ACL_SEEN) || uid_set_is_empty(uids))
		return;
	fault = guest_see(stack, &target->actor, uid_validity, uids, NULL, &mark, &head, &why);
	if (fault)
		log_fault(&cmd->log, fault, &why, "what was seen was not noted");
	else
		guest_mark_done(&mark);
}

/* ---- the account's own ---- */

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
	target->special_use = folder->row.meta.special_use;
	if (target->wants_attributes)
		target->attributes = attributes(cmd->arena, folder);
	return FAULT_NONE;
}

bool target_find_kept(const struct imap_cmd *cmd, struct target *target, struct id *ret)
{
	struct folder_list *list = folder_list_kept(cmd->account->folders);
	enum fault fault = FAULT_NO_TARGET;

	target->share = NULL;
	target->key = cmd->account->key;
	target->actor = cmd->actor;
	target->rights = ACL_ALL;
	target->kept = list;
	if (list)
		fault = find_in(cmd, list, target, ret, NULL);
	folder_list_put(cmd->account->folders, list);
	return !fault;
}

enum fault target_find(const struct imap_cmd *cmd, struct stack *stack, struct target *target, struct id *ret,
                       struct why *why)
{
	struct folder_list *list;
	enum fault fault;

	if (target_find_kept(cmd, target, ret))
		return FAULT_NONE;
	target->kept = false;
	fault = folder_list_load(cmd->account, stack, &list, why);
	if (fault)
		return fault;
	fault = find_in(cmd, list, target, ret, why);
	folder_list_put(cmd->account->folders, list);
	return fault == FAULT_NO_TARGET && share_is_shared_name(target->path)
	           ? find_shared(cmd, stack, target, ret, why)
	           : fault;
}

bool target_is_behind(const struct imap_cmd *cmd, const struct target *target)
{
	if (target->kept)
		folder_cache_drop(cmd->account->folders);
	return target->kept;
}
