/*
 * The sweeper (check.h): mark and sweep over contents and blobs.
 *
 * What makes it safe beside running daemons:
 *  1. Within an account the scan is repeated until no mailbox got a message since it was scanned, so that a
 *     message moved behind the scan's back is seen at one of its two places.
 *  2. What no mailbox names is only marked; it goes when a later sweep, `grace` after the mark, finds it
 *     unnamed still. A message that is being filed, and one that a session copies which another one has just
 *     expunged, stay inside the grace.
 *  3. Contents of an account that never came to rest are left alone this time.
 *  4. One address that does not read ends the sweep: whose mail it keeps is not known.
 */
#include "base/clock.h"
#include "base/map.h"
#include "store/acl.h"
#include "store/queue.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/guest.h"
#include "suite/move.h"
#include "suite/walk.h"

#define SCAN_ROUNDS     20
#define MARKS_A_RECORD  32768 /* 24 bytes each: below RECORD_VALUE_MAX */
#define MARK_RECORDS    64
#define QUEUE_ORPHAN_MS (60 * 60 * 1000)
#define HALF_MADE_MS    (60 * 60 * 1000)
#define BLOB_YOUNG_MS   (60 * 1000)

struct sweep {
	struct stack *stack;
	struct arena *arena; /* the restless accounts */
	struct map *named;   /* content ids that something names */
	struct map *busy;    /* accounts that did not come to rest */
	struct map *granted; /* accounts in ACLs, once they were looked for */
	struct map *marks;   /* content id -> when it was first unnamed, boxed in the arena */
	int64_t started, grace;
	bool dry_run;
	void (*on_progress)(void *, const struct walk_progress *);
	void *arg;
	struct walk_progress progress;
	struct sweep_result *result;
	struct buf fresh_marks;
	uint32_t n_fresh, marks_max, old_records;
};

static void step(struct sweep *sweep, const char *doing)
{
	sweep->progress.doing = doing;
	sweep->progress.done++;
	if (sweep->on_progress)
		sweep->on_progress(sweep->arg, &sweep->progress);
}

static void name_content(struct sweep *sweep, const struct id *content)
{
	map_put(sweep->named, id_slice(content), sweep);
}

/* ---- what is named ---- */

static enum fault name_mailbox(struct sweep *sweep, const struct id *mailbox, struct why *why)
{
	struct mailbox_state *state;
	enum fault fault = walk_mailbox(sweep->stack, mailbox, &state, why);

	if (fault)
		return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
	for (uint32_t i = 0; i < state->n; i++)
		name_content(sweep, &state->content[i]);
	mailbox_state_free(state);
	return FAULT_NONE;
}

/* An account goes out of all ACLs before it is gone: only one that was being granted something just then is left. */
static enum fault sweep_grant(struct sweep *sweep, const struct id *who, struct why *why)
{
	struct arena *arena = arena_new();
	struct record record;
	const enum fault fault = record_get(sweep->stack->store, &actor_system, COLL_ACCOUNTS, id_slice(who),
	                                    false, arena, &record, why);

	arena_free(arena);
	map_put(sweep->granted, id_slice(who), sweep);
	if (fault != FAULT_NOT_FOUND)
		return fault;
	sweep->result->grants_removed++;
	return sweep->dry_run ? FAULT_NONE : mailbox_unshare(sweep->stack->store, &actor_system, who, why);
}

static enum fault sweep_acl(struct sweep *sweep, const struct address_row *owner,
                            const struct mailbox_meta *meta, struct why *why)
{
	const struct id everyone = acl_everyone(directory_domain_of(slice_str(owner->address)));
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < meta->n_acl && !fault; i++)
		if (!id_eq(&meta->acl[i].who, &everyone) &&
		    !map_get(sweep->granted, id_slice(&meta->acl[i].who)))
			fault = sweep_grant(sweep, &meta->acl[i].who, why);
	return fault;
}

/* Scans the mailboxes whose uid_next moved since `seen`; false in *ret_moved when none had. */
static enum fault scan_moved(struct sweep *sweep, const struct address_row *owner, struct map *seen,
                             struct arena *arena, bool *ret_moved, struct why *why)
{
	struct mailbox_row *rows;
	size_t n;
	enum fault fault =
	    mailbox_list(sweep->stack->store, &actor_system, &owner->account, arena, &rows, &n, why);

	*ret_moved = false;
	for (size_t i = 0; i < n && !fault; i++) {
		uint32_t *at = map_get(seen, id_slice(&rows[i].meta.id));

		if (at && *at == rows[i].head.uid_next)
			continue;
		*ret_moved = true;
		fault = at ? FAULT_NONE : sweep_acl(sweep, owner, &rows[i].meta, why);
		if (!fault)
			fault = name_mailbox(sweep, &rows[i].meta.id, why);
		at = arena_make(arena, uint32_t);
		*at = rows[i].head.uid_next;
		map_put(seen, id_slice(&rows[i].meta.id), at);
	}
	return fault;
}

static enum fault name_account(struct sweep *sweep, const struct address_row *owner, struct why *why)
{
	struct arena *arena = arena_new();
	struct map *seen = map_new();
	enum fault fault = FAULT_NONE;
	bool moved = true;

	step(sweep, "marking what mailboxes show");
	for (int round = 0; round < SCAN_ROUNDS && moved && !fault; round++)
		fault = scan_moved(sweep, owner, seen, arena, &moved, why);
	if (!fault && moved)
		map_put(sweep->busy, id_slice(&owner->account), sweep);
	map_free(seen);
	arena_free(arena);
	return fault;
}

static enum fault on_address(void *arg, const struct record *record, struct why *why)
{
	struct sweep *sweep = arg;
	struct arena *arena = arena_new();
	struct address_row row;
	enum fault fault = address_read(record, arena, &row, why);

	if (!fault && row.kind == ADDRESS_ACCOUNT)
		fault = name_account(sweep, &row, why);
	arena_free(arena);
	return fault;
}

/* An entry whose content never came was never accepted. */
static enum fault drop_orphan(struct sweep *sweep, const struct queue_entry *entry, struct why *why)
{
	struct arena *arena = arena_new();
	struct record record;
	enum fault fault = record_get(sweep->stack->store, &actor_system, COLL_CONTENTS,
	                              id_slice(&entry->content), false, arena, &record, why);

	arena_free(arena);
	if (fault != FAULT_NOT_FOUND)
		return fault;
	sweep->result->queue_removed++;
	if (sweep->dry_run)
		return FAULT_NONE;
	fault = queue_remove(sweep->stack->store, &actor_system, &entry->id, entry->fence, why);
	return fault == FAULT_STALE || fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

static enum fault on_entry(void *arg, const struct queue_entry *entry, struct why *why)
{
	struct sweep *sweep = arg;

	step(sweep, "marking what is queued");
	name_content(sweep, &entry->content);
	return entry->created < sweep->started - QUEUE_ORPHAN_MS ? drop_orphan(sweep, entry, why)
	                                                         : FAULT_NONE;
}

/* ---- accounts that were never finished, or never wholly deleted ---- */

static enum fault on_account(void *arg, const struct record *record, struct why *why)
{
	struct sweep *sweep = arg;
	struct arena *arena = arena_new();
	struct account account;
	bool leftover = false;
	enum fault fault = account_read(record, arena, &account, why);

	step(sweep, "looking for what is left of accounts");
	if (!fault)
		fault = account_is_leftover(sweep->stack, &account, HALF_MADE_MS, &leftover, why);
	if (!fault && leftover) {
		sweep->result->accounts_removed++;
		if (!sweep->dry_run)
			fault = account_remove_leftover(sweep->stack, &account, why);
	}
	arena_free(arena);
	return fault == FAULT_CORRUPT ? FAULT_NONE
	                              : fault; /* fsck tells of it; it is no rubbish for certain */
}

/* ---- what is kept beside mailboxes that are gone ---- */

/* Guests' marks, and what has keys like theirs (guest.h): the account, or the mailbox, is gone. */
static enum fault sweep_beside(struct sweep *sweep, enum collection collection, const struct record *record,
                               uint64_t *removed, struct why *why)
{
	struct arena *arena = arena_new();
	struct id mailbox, whose, owner;
	struct account account;
	struct mailbox_log log;
	enum fault fault = FAULT_NONE;

	if (guest_key_read(record->key, &mailbox, &whose) &&
	    id_from(slice_first(record->accounts, sizeof(owner)), &owner)) {
		fault = account_get(sweep->stack, &owner, arena, &account, why);
		if (!fault && !id_is_zero(&mailbox))
			fault = mailbox_look(sweep->stack->store, &actor_system, &mailbox, arena, &log, why);
	}
	arena_free(arena);
	if (fault != FAULT_NOT_FOUND)
		return fault == FAULT_CORRUPT ? FAULT_NONE : fault;
	++*removed;
	if (sweep->dry_run)
		return FAULT_NONE;
	fault = record_del(sweep->stack->store, &actor_system, collection, record->key, record->version, why);
	return fault == FAULT_STALE || fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

static enum fault on_guest(void *arg, const struct record *record, struct why *why)
{
	struct sweep *sweep = arg;

	step(sweep, "looking for what guests have left");
	return sweep_beside(sweep, COLL_GUESTS, record, &sweep->result->guests_removed, why);
}

static enum fault on_metadata(void *arg, const struct record *record, struct why *why)
{
	struct sweep *sweep = arg;

	step(sweep, "looking for what is left of metadata");
	return sweep_beside(sweep, COLL_METADATA, record, &sweep->result->metadata_removed, why);
}

static enum fault on_url_key(void *arg, const struct record *record, struct why *why)
{
	struct sweep *sweep = arg;

	step(sweep, "looking for what is left of URLs");
	return sweep_beside(sweep, COLL_URL_KEYS, record, &sweep->result->url_keys_removed, why);
}

/* ---- marks of earlier sweeps ---- */

static struct slice marks_key(struct sweep *sweep, uint32_t number)
{
	return slice_str(number ? arena_printf(sweep->arena, "sweep-marks-%u", number) : "sweep-marks");
}

static void take_marks(struct sweep *sweep, struct slice packed)
{
	struct reader reader = reader_of(packed);

	while (!reader.bad && reader.rest.len) {
		struct slice id = read_bytes(&reader, sizeof(struct id));
		int64_t *since = arena_make(sweep->arena, int64_t);

		*since = (int64_t)read_u64(&reader);
		if (!reader.bad)
			map_put(sweep->marks, id, since);
	}
}

static enum fault read_marks(struct sweep *sweep, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (uint32_t i = 0; i < MARK_RECORDS && !fault; i++) {
		struct arena *arena = arena_new();
		struct record record;

		fault = record_get(sweep->stack->store, &actor_system, COLL_SETTINGS, marks_key(sweep, i),
		                   false, arena, &record, why);
		if (!fault) {
			take_marks(sweep, record.value);
			sweep->old_records++;
		}
		arena_free(arena);
	}
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

/* As many records as it takes, and away with those that are not needed any more. */
static enum fault write_marks(struct sweep *sweep, struct why *why)
{
	const size_t most = MARKS_A_RECORD * (sizeof(struct id) + sizeof(int64_t));
	struct slice rest = buf_slice(&sweep->fresh_marks);
	enum fault fault = FAULT_NONE;
	uint32_t n = 0;

	for (; rest.len && !fault; rest = slice_from(rest, most)) {
		const struct record record = {
			.key = marks_key(sweep, n++),
			.version = RECORD_ANY,
			.value = slice_first(rest, most),
		};

		fault = record_put(sweep->stack->store, &actor_system, COLL_SETTINGS, &record, why);
	}
	for (; n < sweep->old_records && !fault; n++) {
		fault = record_del(sweep->stack->store, &actor_system, COLL_SETTINGS, marks_key(sweep, n),
		                   RECORD_ANY, why);
		if (fault == FAULT_NOT_FOUND)
			fault = FAULT_NONE;
	}
	return fault;
}

/* Unnamed since an earlier sweep, for the whole grace: it may go. Otherwise it is marked. What finds no room among the
 * marks waits until others are gone. */
static bool is_ripe(struct sweep *sweep, struct slice content)
{
	const int64_t *earlier = map_get(sweep->marks, content);

	if (earlier && *earlier <= sweep->started - sweep->grace)
		return true;
	if (sweep->n_fresh < sweep->marks_max) {
		buf_add_slice(&sweep->fresh_marks, content);
		buf_add_u64(&sweep->fresh_marks, (uint64_t)(earlier ? *earlier : sweep->started));
		sweep->n_fresh++;
	}
	return false;
}

/* ---- sweeping ---- */

static bool belongs_to_busy(const struct sweep *sweep, struct slice accounts)
{
	for (size_t at = 0; at + sizeof(struct id) <= accounts.len; at += sizeof(struct id)) {
		if (map_get(sweep->busy, slice_of(accounts.data + at, sizeof(struct id))))
			return true;
	}
	return false;
}

static enum fault on_content(void *arg, const struct record *record, struct why *why)
{
	struct sweep *sweep = arg;
	enum fault fault;

	step(sweep, "sweeping contents");
	sweep->result->contents++;
	if (map_get(sweep->named, record->key) || belongs_to_busy(sweep, record->accounts) ||
	    !is_ripe(sweep, record->key))
		return FAULT_NONE;
	sweep->result->contents_removed++;
	sweep->result->bytes_removed += record->value.len;
	if (sweep->dry_run)
		return FAULT_NONE;
	fault = record_del(sweep->stack->store, &actor_system, COLL_CONTENTS, record->key, RECORD_ANY, why);
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

/* A blob belongs to the content of the same id: without one it goes. It is written before its content, so young ones stay. */
static enum fault sweep_blob_batch(struct sweep *sweep, const struct blob_info *blobs, size_t n,
                                   struct arena *arena, struct why *why)
{
	struct slice *keys = arena_array(arena, struct slice, n);
	struct record *records = arena_array(arena, struct record, n);
	enum fault fault;

	for (size_t i = 0; i < n; i++)
		keys[i] = id_slice(&blobs[i].id);
	fault = record_get_many(sweep->stack->store, &actor_system, COLL_CONTENTS, keys, n, false, arena,
	                        records, why);
	for (size_t i = 0; i < n && !fault; i++) {
		step(sweep, "sweeping blobs");
		sweep->result->blobs++;
		if (records[i].key.data ||
		    blobs[i].created > sweep->started - MAX_OF(sweep->grace, (int64_t)BLOB_YOUNG_MS))
			continue;
		sweep->result->blobs_removed++;
		sweep->result->bytes_removed += blobs[i].size;
		if (!sweep->dry_run)
			fault = blob_del(sweep->stack->blobs, &blobs[i].id, why);
	}
	return fault;
}

static enum fault sweep_blobs(struct sweep *sweep, struct why *why)
{
	struct arena *arena = arena_new();
	struct id after = { { 0 } };
	size_t n = WALK_BATCH;
	bool first = true;
	enum fault fault = FAULT_NONE;

	while (n == WALK_BATCH && !fault) {
		struct blob_info *blobs;

		fault =
		    blob_list(sweep->stack->blobs, first ? NULL : &after, WALK_BATCH, arena, &blobs, &n, why);
		if (!fault)
			fault = sweep_blob_batch(sweep, blobs, n, arena, why);
		if (!fault && n)
			after = blobs[n - 1].id;
		first = false;
		arena_reset(arena);
	}
	arena_free(arena);
	return fault;
}

static enum fault expire_records(struct sweep *sweep, struct why *why)
{
	size_t n = WALK_BATCH;
	enum fault fault = FAULT_NONE;

	while (n == WALK_BATCH && !fault && !sweep->dry_run)
		fault = store_expire(sweep->stack->store, sweep->started, WALK_BATCH, &n, why);
	return fault;
}

/* Before anything is named: what is finished is in one mailbox. */
static enum fault finish_moves(struct sweep *sweep, struct why *why)
{
	struct moves_result moves;
	const enum fault fault =
	    sweep->dry_run ? FAULT_NONE
	                   : moves_finish(sweep->stack, sweep->started - MOVE_GRACE_MS, &moves, why);

	if (!fault && !sweep->dry_run)
		sweep->result->moves_finished = moves.finished;
	return fault;
}

static enum fault sweep_all(struct sweep *sweep, struct why *why)
{
	struct stack *stack = sweep->stack;
	enum fault fault = read_marks(sweep, why);

	if (!fault)
		fault = finish_moves(sweep, why);
	if (!fault)
		fault = walk_records(stack, COLL_ACCOUNTS, on_account, sweep, why);
	if (!fault)
		fault = walk_records(stack, COLL_GUESTS, on_guest, sweep, why);
	if (!fault)
		fault = walk_records(stack, COLL_METADATA, on_metadata, sweep, why);
	if (!fault)
		fault = walk_records(stack, COLL_URL_KEYS, on_url_key, sweep, why);
	if (!fault) /* the queue first: mail goes from there to mailboxes, never back */
		fault = walk_queue(stack, on_entry, sweep, why);
	if (!fault)
		fault = walk_records(stack, COLL_ADDRESSES, on_address, sweep, why);
	if (!fault)
		fault = walk_records(stack, COLL_CONTENTS, on_content, sweep, why);
	if (!fault && !sweep->dry_run)
		fault = write_marks(sweep, why);
	if (!fault)
		fault = sweep_blobs(sweep, why);
	return fault ? fault : expire_records(sweep, why);
}

enum fault sweep_run(struct stack *stack, int64_t grace_ms, bool dry_run,
                     void (*on_progress)(void *, const struct walk_progress *), void *arg,
                     struct sweep_result *ret, struct why *why)
{
	struct sweep_result result = { 0 };
	struct sweep sweep = {
		.stack = stack,
		.arena = arena_new(),
		.named = map_new(),
		.busy = map_new(),
		.granted = map_new(),
		.marks = map_new(),
		.started = clock_now(),
		.grace = grace_ms,
		.marks_max = MARKS_A_RECORD * MARK_RECORDS,
		.dry_run = dry_run,
		.on_progress = on_progress,
		.arg = arg,
		.result = &result,
	};
	enum fault fault;

	buf_init(&sweep.fresh_marks, BUF_NO_LIMIT);
	fault = sweep_all(&sweep, why);
	buf_done(&sweep.fresh_marks);
	map_free(sweep.named);
	map_free(sweep.busy);
	map_free(sweep.granted);
	map_free(sweep.marks);
	arena_free(sweep.arena);
	if (!fault)
		*ret = result;
	return fault;
}
