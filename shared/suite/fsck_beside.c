/*
 * fsck: who mailboxes are shared with, and the records beside them: guests' (guest.h), metadata, URL keys.
 *
 * A record whose mailbox or account is gone is no problem: deleting a mailbox leaves what others had there to the
 * sweeper. Such records are counted, and not looked into.
 */
#include "store/acl.h"
#include "store/mailbox.h"
#include "store/record.h"
#include "suite/fsck_internal.h"
#include "suite/guest.h"
#include "suite/metadata.h"
#include "suite/url_key.h"
#include "suite/walk.h"

/* ---- ACLs ---- */

static enum fault account_is_there(struct fsck *fsck, const struct id *account, bool *ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct record record;
	const enum fault fault = record_get(fsck->stack->store, &actor_system, COLL_ACCOUNTS,
	                                    id_slice(account), false, arena, &record, why);

	arena_free(arena);
	*ret = !fault;
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

/* An account goes out of all lists before it is gone, so a list that was read before may name it still. */
static enum fault is_granted_still(struct fsck *fsck, const struct mailbox_meta *meta, const struct id *who,
                                   bool *ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct mailbox_row *rows;
	size_t n = 0;
	const enum fault fault =
	    mailbox_list(fsck->stack->store, &actor_system, &meta->account, arena, &rows, &n, why);

	*ret = false;
	for (size_t i = 0; i < n && !fault; i++)
		if (id_eq(&rows[i].meta.id, &meta->id))
			for (size_t k = 0; k < rows[i].meta.n_acl; k++)
				*ret |= id_eq(&rows[i].meta.acl[k].who, who);
	arena_free(arena);
	return fault;
}

static enum fault check_entry(struct fsck *fsck, const struct account *owner, const struct mailbox_meta *meta,
                              const struct acl_entry *entry, struct why *why)
{
	const struct id everyone = acl_everyone(slice_str(owner->domain));
	bool there = id_eq(&entry->who, &everyone), granted = true;
	enum fault fault = there ? FAULT_NONE : account_is_there(fsck, &entry->who, &there, why);

	if (!fault && !there)
		fault = is_granted_still(fsck, meta, &entry->who, &granted, why);
	if (!fault && !there && granted)
		fsck_problem(fsck, "%s: mailbox %s is shared with %s, which is no account; sweep ends that",
		             owner->login, id_print(&meta->id).text, id_print(&entry->who).text);
	if (!fault && there && (!entry->rights || entry->rights & ~(uint32_t)ACL_ALL))
		fsck_problem(fsck, "%s: mailbox %s grants %s rights that there are not (%x); share it anew",
		             owner->login, id_print(&meta->id).text, id_print(&entry->who).text,
		             entry->rights);
	return fault;
}

enum fault fsck_acls(struct fsck *fsck, const struct account *owner, const struct mailbox_row *rows, size_t n,
                     struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < rows[i].meta.n_acl && !fault; k++)
			fault = check_entry(fsck, owner, &rows[i].meta, &rows[i].meta.acl[k], why);
	return fault;
}

/* ---- records beside mailboxes ---- */

struct beside {
	const struct kind *kind;
	const struct record *record;
	struct id mailbox, whose; /* what its key names; whose zero: metadata that are shared */
	struct id owner;
	struct mailbox_head head; /* of the mailbox; all zero when it has none, or does not read */
};

struct kind {
	enum collection collection;
	const char *doing, *name;
	const char *mend;
	bool sealed;
	enum fault (*open)(struct fsck *, const struct beside *, struct why *);
};

/* Whoever holds the key of the record is named by it, and by its first index. */
static bool read_names(struct beside *beside)
{
	const struct record *record = beside->record;
	const bool server =
	    guest_key_read(record->key, &beside->mailbox, &beside->whose) && id_is_zero(&beside->mailbox);
	const bool metadata = beside->kind->collection == COLL_METADATA;

	if (record->key.len != 2 * sizeof(struct id) || record->accounts.len != sizeof(struct id) ||
	    !id_from(record->accounts, &beside->owner) || (server && !metadata) ||
	    !slice_eq(record->index[0], record->accounts) ||
	    !slice_eq(record->index[1], id_slice(&beside->mailbox)))
		return false;
	return id_eq(&beside->whose, &beside->owner) || (metadata && !server && id_is_zero(&beside->whose));
}

static void owner_done(struct fsck_owner *owner)
{
	account_key_unref(owner->key);
	arena_free(owner->arena);
	*owner = (struct fsck_owner){ .arena = NULL };
}

/* What does not read or open is told of the account itself; it is there all the same. */
static enum fault find_owner(struct fsck *fsck, const struct id *id, struct why *why)
{
	struct fsck_owner *owner = &fsck->owner;
	enum fault fault;

	if (owner->arena && id_eq(&owner->account.id, id))
		return FAULT_NONE;
	owner_done(owner);
	owner->arena = arena_new();
	owner->account = (struct account){ .id = *id };
	fault = account_get(fsck->stack, id, owner->arena, &owner->account, why);
	owner->there = fault == FAULT_CORRUPT || (!fault && owner->account.wrapped.len); /* or half deleted */
	if (!fault && owner->there && stack_active_kek(fsck->stack, STACK_ACCOUNTS_RING) &&
	    account_unlock(fsck->stack, &owner->account, &owner->key, why))
		owner->key = NULL;
	return fault == FAULT_NOT_FOUND || fault == FAULT_CORRUPT ? FAULT_NONE : fault;
}

/* What an account shares in a mailbox is in its own mailbox. `ret`: gone. */
static enum fault find_mailbox(struct fsck *fsck, struct beside *beside, bool *ret, struct why *why)
{
	const struct actor owner = { ACTOR_OWNER, beside->owner };
	struct store *store = fsck->stack->store;
	struct arena *arena = arena_new();
	struct mailbox_log log;
	enum fault fault = mailbox_look(store, &actor_system, &beside->mailbox, arena, &log, why);

	*ret = fault == FAULT_NOT_FOUND;
	if (!fault)
		beside->head = log.head;
	if (!fault && id_is_zero(&beside->whose) &&
	    mailbox_look(store, &owner, &beside->mailbox, arena, &log, why) == FAULT_NOT_FOUND &&
	    mailbox_look(store, &actor_system, &beside->mailbox, arena, &log, why) == FAULT_NONE)
		fault = fault_set(why, FAULT_CORRUPT, "the mailbox is another account's");
	else if (fault == FAULT_NOT_FOUND || fault == FAULT_CORRUPT)
		fault = FAULT_NONE; /* a mailbox that does not read is told of itself */
	arena_free(arena);
	return fault;
}

static enum fault open_guest(struct fsck *fsck, const struct beside *beside, struct why *why)
{
	struct guest_mark mark;
	enum fault fault = guest_mark_read(beside->record, &mark, why);

	(void)fsck;
	if (fault)
		return fault;
	if (mark.seen.n && beside->head.uid_next && mark.uid_validity == beside->head.uid_validity &&
	    uid_set_max(&mark.seen) >= beside->head.uid_next)
		fault = fault_set(why, FAULT_CORRUPT, "it has seen messages that there never were");
	guest_mark_done(&mark);
	return fault;
}

static enum fault open_metadata(struct fsck *fsck, const struct beside *beside, struct why *why)
{
	struct arena *arena = arena_new();
	struct metadata metadata;
	const enum fault fault = metadata_read(fsck->owner.key, beside->record, arena, &metadata, why);

	arena_free(arena);
	return fault;
}

static enum fault open_url_key(struct fsck *fsck, const struct beside *beside, struct why *why)
{
	uint8_t key[TAG_KEY];
	const enum fault fault = url_key_read(fsck->owner.key, beside->record, key, why);

	secret_wipe(key, sizeof(key));
	return fault;
}

static const struct kind kinds[] = {
	{ COLL_GUESTS, "looking at guests", "what a guest has seen",
	  "fsck --drop takes it away, and all is unseen again", false, open_guest },
	{ COLL_METADATA, "looking at metadata", "metadata",
	  "a backup may have them, fsck --drop takes them away", true, open_metadata },
	{ COLL_URL_KEYS, "looking at keys of URLs", "the key of URLs",
	  "RESETKEY makes another, fsck --drop takes it away", true, open_url_key },
};

static enum fault look_at(struct fsck *fsck, struct beside *beside, struct why *why)
{
	bool gone = false;
	enum fault fault;

	if (!read_names(beside))
		return fault_set(why, FAULT_CORRUPT, "it is not whose, or not where, its name says");
	fault = find_owner(fsck, &beside->owner, why);
	if (!fault && fsck->owner.there && !id_is_zero(&beside->mailbox))
		fault = find_mailbox(fsck, beside, &gone, why);
	if (fault)
		return fault;
	if (gone || !fsck->owner.there) {
		fsck->result->left_over++;
		return FAULT_NONE;
	}
	if (beside->kind->sealed && !fsck->owner.key)
		return FAULT_NONE;
	fault = beside->kind->open(fsck, beside, why);
	fsck->result->seals_opened += beside->kind->sealed && !fault;
	return fault;
}

static enum fault drop(struct fsck *fsck, const struct beside *beside, struct why *why)
{
	const enum fault fault = record_del(fsck->stack->store, &actor_system, beside->kind->collection,
	                                    beside->record->key, beside->record->version, why);

	fsck->result->dropped += !fault;
	return fault == FAULT_STALE || fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

static enum fault tell(struct fsck *fsck, const struct beside *beside, struct why *why)
{
	const struct fsck_owner *owner = &fsck->owner;
	const bool named = owner->there && owner->account.login && id_eq(&owner->account.id, &beside->owner);

	fsck_problem(fsck, "%s: %s of mailbox %s: %s; %s",
	             named ? owner->account.login : id_print(&beside->owner).text, beside->kind->name,
	             id_print(&beside->mailbox).text, why->text,
	             fsck->how & FSCK_DROP ? "it is taken away" : beside->kind->mend);
	return fsck->how & FSCK_DROP ? drop(fsck, beside, why) : FAULT_NONE;
}

struct walk {
	struct fsck *fsck;
	const struct kind *kind;
};

static enum fault on_record(void *arg, const struct record *record, struct why *why)
{
	const struct walk *walk = arg;
	struct beside beside = { .kind = walk->kind, .record = record };
	enum fault fault;

	fsck_step(walk->fsck, walk->kind->doing);
	walk->fsck->result->beside++;
	fault = look_at(walk->fsck, &beside, why);
	return fault == FAULT_CORRUPT ? tell(walk->fsck, &beside, why) : fault;
}

enum fault fsck_beside(struct fsck *fsck, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && !fault; i++) {
		struct walk walk = { fsck, &kinds[i] };

		fault = walk_records(fsck->stack, kinds[i].collection, on_record, &walk, why);
	}
	owner_done(&fsck->owner);
	return fault;
}
