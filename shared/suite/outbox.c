/* Bringing the Outbox in step with the queue (outbox.h). */
#include "suite/outbox.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "store/record.h"
#include "suite/message.h"
#include "suite/nudge.h"
#include "suite/outbox_entry.h"
#include "suite/walk.h"

#define ROUNDS       8   /* others may change the mailbox meanwhile */
#define APPENDS_ONCE 500 /* messages in one commit */

struct id outbox_mailbox(const struct id *account)
{
	return id_derive(account, SLICE("outbox"));
}

enum fault outbox_make(struct stack *stack, const struct actor *actor, const struct account_key *key,
                       const struct folders *folders, bool *ret_made, struct why *why)
{
	static const char *const names[] = { "Outbox",
		                             "Outbox (queue)" }; /* the second when a user has the first */
	const struct id id = outbox_mailbox(&actor->account);
	enum fault fault = FAULT_NONE;

	*ret_made = false;
	if (folders_by_id(folders, &id))
		return FAULT_NONE;
	for (size_t i = 0; i < ARRAY_LEN(names) && !*ret_made && !fault; i++) {
		if (folders_find(folders, names[i]))
			continue;
		fault = folder_make(stack, actor, key, folders, names[i], &id, why);
		*ret_made = !fault;
	}
	return fault;
}

/* ---- states ---- */

enum { STATE_QUEUED, STATE_SENDING, STATE_DEFERRED, STATE_HELD, STATES };

static const char *const state_names[STATES] = {
	[STATE_QUEUED] = "$Queued",
	[STATE_SENDING] = "$Sending",
	[STATE_DEFERRED] = "$Deferred",
	[STATE_HELD] = "$Held",
};

static int state_of(const struct outbox_entry *entry)
{
	if (entry->lease_until)
		return STATE_SENDING;
	if (entry->status == QUEUE_HELD)
		return STATE_HELD;
	return entry->attempts ? STATE_DEFERRED : STATE_QUEUED;
}

uint64_t outbox_states(const struct keywords *names)
{
	uint64_t mask = 0;

	for (int i = 0; i < STATES; i++) {
		int at = keywords_find(names, state_names[i]);

		mask |= at >= 0 ? UINT64_C(1) << at : 0;
	}
	return mask;
}

/* ---- one round ---- */

struct sync {
	struct stack *stack;
	const struct actor *actor;
	const struct account_key *key;
	struct id mailbox;
	struct arena *arena;
	struct mailbox_log look;
	struct mailbox_state *state;
	struct mailbox_head head;
	struct outbox_entries entries;
	uint64_t bits[STATES]; /* keyword of each state; 0: the mailbox has no room for it */
};

static uint64_t wanted(const struct sync *sync, const struct outbox_entry *entries, size_t n)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < n; i++)
		mask |= sync->bits[state_of(&entries[i])];
	return mask;
}

/* STALE: names were added, so it begins again. What a client has filled with names of its own goes without. */
static enum fault find_bits(struct sync *sync, struct why *why)
{
	struct mailbox_head head;
	struct keywords names;
	enum fault fault =
	    keywords_open(sync->key, sync->look.keywords, sync->look.head.keywords, sync->arena, &names, why);
	bool all = true;

	for (int i = 0; i < STATES && !fault; i++) {
		int at = keywords_find(&names, state_names[i]);

		sync->bits[i] = at >= 0 ? UINT64_C(1) << at : 0;
		all = all && at >= 0;
	}
	if (fault || all || !sync->entries.n || names.n + STATES > MAILBOX_KEYWORDS_MAX)
		return fault;
	fault = keywords_ensure(sync->stack, sync->actor, sync->key, &sync->mailbox, state_names, STATES,
	                        sync->arena, &names, &head, why);
	return fault ? fault : fault_set(why, FAULT_STALE, "the keywords were just made");
}

static enum fault read_both(struct sync *sync, struct why *why)
{
	/* the mailbox first: what is in it and not on the queue behind that has left the queue for good */
	enum fault fault = walk_mailbox_as(sync->stack, sync->actor, &sync->mailbox, sync->arena, &sync->look,
	                                   &sync->state, why);

	if (!fault)
		fault = outbox_entries(sync->stack, sync->actor, sync->arena, &sync->entries, why);
	if (fault)
		return fault;
	sync->head = sync->state->head;
	return find_bits(sync, why);
}

/* ---- what is new ---- */

static enum fault append_for(const struct sync *sync, const struct outbox_entry *entry, size_t n,
                             struct mailbox_append *ret, struct why *why)
{
	struct content_key key;
	enum fault fault = content_key_open(sync->key, &entry->content, &entry->key, &key, why);

	if (fault)
		return fault;
	*ret = (struct mailbox_append){
		.content = entry->content,
		.size = (uint32_t)entry->size,
		.internal_date = entry->created,
		.save_date = clock_now(),
		.flags = FLAG_SEEN,
		.keywords = wanted(sync, entry, n),
	};
	content_key_wrap(sync->key, &entry->content, &key, &ret->key);
	secret_wipe(&key, sizeof(key));
	return FAULT_NONE;
}

static enum fault append_some(struct sync *sync, const struct mailbox_append *appends, size_t n,
                              struct why *why)
{
	const struct mailbox_commit commit = {
		.mailbox = sync->mailbox,
		.if_modseq = sync->head.modseq,
		.appends = appends,
		.n_appends = (uint32_t)n,
	};

	return mailbox_commit(sync->stack->store, sync->actor, &commit, &sync->head, why);
}

/* An entry is there before its content, and a submission only with both. */
static enum fault keep_stored(const struct sync *sync, struct mailbox_append *appends, size_t *n,
                              struct why *why)
{
	struct slice *keys = arena_array(sync->arena, struct slice, *n + 1);
	struct record *records = arena_array(sync->arena, struct record, *n + 1);
	size_t kept = 0;
	enum fault fault;

	for (size_t i = 0; i < *n; i++)
		keys[i] = id_slice(&appends[i].content);
	fault = record_get_many(sync->stack->store, sync->actor, COLL_CONTENTS, keys, *n, false, sync->arena,
	                        records, why);
	for (size_t i = 0; i < *n && !fault; i++) {
		if (records[i].key.data)
			appends[kept++] = appends[i];
	}
	*n = kept;
	return fault;
}

static int by_date(const void *a, const void *b)
{
	const struct mailbox_append *x = a, *y = b;

	return (x->internal_date > y->internal_date) - (x->internal_date < y->internal_date);
}

static bool is_shown(const struct map *shown, const struct outbox_entry *entry)
{
	return entry->key.kind == WRAPPED_NONE || map_get(shown, id_slice(&entry->content));
}

/* In order of submission, as far as one commit takes them; *ret_more: there are others. */
static enum fault add_new(struct sync *sync, struct map *shown, bool *ret_more, struct why *why)
{
	struct mailbox_append *appends = arena_array(sync->arena, struct mailbox_append, APPENDS_ONCE);
	size_t n = 0;
	enum fault fault;

	for (size_t i = 0, many; i < sync->entries.n && n < APPENDS_ONCE; i += many) {
		struct outbox_entry *entry =
		    outbox_entries_of(&sync->entries, &sync->entries.list[i].content, &many);

		if (is_shown(shown, entry))
			continue;
		map_put(shown, id_slice(&entry->content), entry);
		if (!append_for(sync, entry, many, &appends[n], why))
			n++; /* what this account's key does not open it cannot show */
	}
	*ret_more = n == APPENDS_ONCE;
	if (!n)
		return FAULT_NONE;
	fault = keep_stored(sync, appends, &n, why);
	if (!fault && n)
		qsort(appends, n, sizeof(*appends), by_date);
	return fault || !n ? fault : append_some(sync, appends, n, why);
}

static enum fault add_all_new(struct sync *sync, struct why *why)
{
	struct map *shown = map_new();
	bool more = true;
	enum fault fault = FAULT_NONE;

	for (uint32_t i = 0; i < sync->state->n; i++)
		map_put(shown, id_slice(&sync->state->content[i]), sync);
	while (more && !fault)
		fault = add_new(sync, shown, &more, why);
	map_free(shown);
	return fault;
}

/* ---- what has changed, or is gone ---- */

enum { EDIT_ADD, EDIT_REMOVE = STATES, EDIT_EXPUNGE = 2 * STATES, EDITS };

struct edits {
	struct mailbox_edit edits[EDITS];
	struct uid_set uids[EDITS];
};

static void edits_init(const struct sync *sync, struct edits *edits)
{
	for (int i = 0; i < EDITS; i++) {
		uid_set_init(&edits->uids[i]);
		edits->edits[i] = (struct mailbox_edit){
			.op = i < EDIT_REMOVE ? FLAGS_ADD : FLAGS_REMOVE,
			.keywords = i < EDIT_EXPUNGE ? sync->bits[i % STATES] : 0,
			.expunge = i == EDIT_EXPUNGE,
		};
	}
}

static void edits_done(struct edits *edits)
{
	for (int i = 0; i < EDITS; i++)
		uid_set_done(&edits->uids[i]);
}

static void note_states(const struct sync *sync, struct edits *edits, uint32_t at, uint64_t mask)
{
	for (int i = 0; i < STATES; i++) {
		const uint64_t has = sync->state->keywords[at] & sync->bits[i], wants = mask & sync->bits[i];

		if (has != wants)
			uid_set_add(&edits->uids[wants ? EDIT_ADD + i : EDIT_REMOVE + i],
			            sync->state->uid[at]);
	}
}

static void note_gone(const struct sync *sync, struct edits *edits, uint32_t at)
{
	struct mailbox_edit *edit = &edits->edits[EDIT_EXPUNGE];

	uid_set_add(&edits->uids[EDIT_EXPUNGE], sync->state->uid[at]);
	edit->messages--;
	edit->unseen -= !(sync->state->flags[at] & FLAG_SEEN);
	edit->bytes -= sync->state->size[at];
}

static void note_all(const struct sync *sync, struct edits *edits)
{
	for (uint32_t i = 0; i < sync->state->n; i++) {
		const struct outbox_entry *entries;
		size_t n;

		entries = outbox_entries_of(&sync->entries, &sync->state->content[i], &n);
		if (entries)
			note_states(sync, edits, i, wanted(sync, entries, n));
		else
			note_gone(sync, edits, i);
	}
}

static enum fault commit_edits(struct sync *sync, const struct edits *all, struct why *why)
{
	struct mailbox_edit edits[EDITS];
	struct mailbox_commit commit = {
		.mailbox = sync->mailbox,
		.if_modseq = sync->head.modseq,
		.edits = edits,
		.durable = !uid_set_is_empty(&all->uids[EDIT_EXPUNGE]),
	};

	for (int i = 0; i < EDITS; i++) {
		if (uid_set_is_empty(&all->uids[i]))
			continue;
		edits[commit.n_edits] = all->edits[i];
		edits[commit.n_edits++].uids = &all->uids[i];
	}
	if (!commit.n_edits)
		return FAULT_NONE;
	return mailbox_commit(sync->stack->store, sync->actor, &commit, &sync->head, why);
}

static enum fault change_old(struct sync *sync, struct why *why)
{
	struct edits edits;
	enum fault fault;

	edits_init(sync, &edits);
	note_all(sync, &edits);
	fault = commit_edits(sync, &edits, why);
	edits_done(&edits);
	return fault;
}

static enum fault sync_once(struct sync *sync, struct why *why)
{
	enum fault fault = read_both(sync, why);

	if (!fault)
		fault = change_old(sync, why);
	if (!fault)
		fault = add_all_new(sync, why);
	if (!fault && sync->head.modseq != sync->state->head.modseq)
		nudge_mailbox(sync->stack, sync->actor, &sync->mailbox, sync->head.modseq);
	mailbox_state_free(sync->state);
	sync->state = NULL;
	return fault;
}

enum fault outbox_sync(struct stack *stack, const struct actor *actor, const struct account_key *key,
                       struct mailbox_head *ret, struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int round = 0; fault == FAULT_STALE && round < ROUNDS; round++) {
		struct sync sync = {
			.stack = stack,
			.actor = actor,
			.key = key,
			.mailbox = outbox_mailbox(&actor->account),
			.arena = arena_new(),
		};

		fault = sync_once(&sync, why);
		if (!fault)
			*ret = sync.head;
		arena_free(sync.arena);
	}
	return fault == FAULT_STALE ? fault_set(why, FAULT_TEMP, "others kept changing the Outbox") : fault;
}
