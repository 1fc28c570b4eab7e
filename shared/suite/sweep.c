/*
 * The sweeper (check.h): mark and sweep over contents and blobs.
 *
 * What makes it safe beside running daemons:
 *  1. Within an account the scan is repeated until no mailbox got a message since it was scanned, so that a
 *     message moved behind the scan's back is seen at one of its two places.
 *  2. What no mailbox names is only marked; it goes when a later sweep, `grace` after the mark, finds it
 *     unnamed still. A session that copies a message which another one has just expunged stays inside the grace.
 *  3. Contents of an account that never came to rest are left alone this time.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "store/queue.h"
#include "store/record.h"
#include "suite/walk.h"

#define SCAN_ROUNDS     20
#define MARKS_MAX       32768
#define MARKS_KEY       SLICE("sweep-marks")
#define QUEUE_ORPHAN_MS (60 * 60 * 1000)

struct sweep {
	struct stack *stack;
	struct arena *arena; /* the restless accounts */
	struct map *named;   /* content ids that something names */
	struct map *busy;    /* accounts that did not come to rest */
	struct map *marks;   /* content id -> when it was first unnamed, boxed in the arena */
	int64_t started, grace;
	bool dry_run;
	void (*on_progress)(void *, const struct walk_progress *);
	void *arg;
	struct walk_progress progress;
	struct sweep_result *result;
	struct buf fresh_marks;
	uint32_t n_fresh;
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

/* Scans the mailboxes whose uid_next moved since `seen`; false in *ret_moved when none had. */
static enum fault scan_moved(struct sweep *sweep, const struct id *account, struct map *seen,
                             struct arena *arena, bool *ret_moved, struct why *why)
{
	struct mailbox_row *rows;
	size_t n;
	enum fault fault = mailbox_list(sweep->stack->store, &actor_system, account, arena, &rows, &n, why);

	*ret_moved = false;
	for (size_t i = 0; i < n && !fault; i++) {
		uint32_t *at = map_get(seen, id_slice(&rows[i].meta.id));

		if (at && *at == rows[i].head.uid_next)
			continue;
		*ret_moved = true;
		fault = name_mailbox(sweep, &rows[i].meta.id, why);
		at = arena_make(arena, uint32_t);
		*at = rows[i].head.uid_next;
		map_put(seen, id_slice(&rows[i].meta.id), at);
	}
	return fault;
}

static enum fault on_account(void *arg, const struct account *account, struct why *why)
{
	struct sweep *sweep = arg;
	struct arena *arena = arena_new();
	struct map *seen = map_new();
	enum fault fault = FAULT_NONE;
	bool moved = true;

	step(sweep, "marking what mailboxes show");
	for (int round = 0; round < SCAN_ROUNDS && moved && !fault; round++)
		fault = scan_moved(sweep, &account->id, seen, arena, &moved, why);
	if (!fault && moved)
		map_put(sweep->busy, id_slice(&account->id), sweep);
	map_free(seen);
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

/* ---- marks of earlier sweeps ---- */

static enum fault read_marks(struct sweep *sweep, struct why *why)
{
	struct record record;
	struct reader reader;
	enum fault fault = record_get(sweep->stack->store, &actor_system, COLL_SETTINGS, MARKS_KEY, false,
	                              sweep->arena, &record, why);

	if (fault)
		return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
	reader = reader_of(record.value);
	while (!reader.bad && reader.rest.len) {
		struct slice id = read_bytes(&reader, sizeof(struct id));
		int64_t *since = arena_make(sweep->arena, int64_t);

		*since = (int64_t)read_u64(&reader);
		if (!reader.bad)
			map_put(sweep->marks, id, since);
	}
	return FAULT_NONE;
}

static enum fault write_marks(struct sweep *sweep, struct why *why)
{
	const struct record record = {
		.key = MARKS_KEY,
		.version = RECORD_ANY,
		.value = buf_slice(&sweep->fresh_marks),
	};

	return sweep->dry_run ? FAULT_NONE
	                      : record_put(sweep->stack->store, &actor_system, COLL_SETTINGS, &record, why);
}

/* When the content was first found unnamed: now, unless an earlier sweep marked it. */
static int64_t mark(struct sweep *sweep, const struct id *content)
{
	const int64_t *earlier = map_get(sweep->marks, id_slice(content));
	int64_t since = earlier ? *earlier : sweep->started;

	if (sweep->n_fresh < MARKS_MAX) {
		buf_add_slice(&sweep->fresh_marks, id_slice(content));
		buf_add_u64(&sweep->fresh_marks, (uint64_t)since);
		sweep->n_fresh++;
	}
	return since;
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

static enum fault sweep_content(struct sweep *sweep, const struct record *record, struct why *why)
{
	struct id content;
	enum fault fault;

	sweep->result->contents++;
	if (!id_from(record->key, &content) || map_get(sweep->named, record->key) ||
	    belongs_to_busy(sweep, record->accounts) || mark(sweep, &content) > sweep->started - sweep->grace)
		return FAULT_NONE;
	sweep->result->contents_removed++;
	sweep->result->bytes_removed += record->value.len + record->body.len;
	if (sweep->dry_run)
		return FAULT_NONE;
	fault = record_del(sweep->stack->store, &actor_system, COLL_CONTENTS, record->key, RECORD_ANY, why);
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

static enum fault sweep_contents(struct sweep *sweep, struct why *why)
{
	struct record_query query = { .collection = COLL_CONTENTS, .index = -1, .limit = WALK_BATCH };
	struct arena *arena = arena_new(), *after = arena_new();
	size_t n = WALK_BATCH;
	enum fault fault = FAULT_NONE;

	while (n == WALK_BATCH && !fault) {
		struct record *records;

		fault = record_find(sweep->stack->store, &actor_system, &query, arena, &records, &n, why);
		for (size_t i = 0; i < n && !fault; i++) {
			step(sweep, "sweeping contents");
			fault = sweep_content(sweep, &records[i], why);
		}
		if (!fault && n) {
			arena_reset(after);
			query.after_key = arena_copy(after, records[n - 1].key);
		}
		arena_reset(arena);
	}
	arena_free(arena);
	arena_free(after);
	return fault;
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
		    blobs[i].created > sweep->started - MAX_OF(sweep->grace, (int64_t)1000))
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
		fault = sweep->stack->store->ops->expire(sweep->stack->store, sweep->started, WALK_BATCH, &n,
		                                         why);
	return fault;
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
		.marks = map_new(),
		.started = clock_now(),
		.grace = grace_ms,
		.dry_run = dry_run,
		.on_progress = on_progress,
		.arg = arg,
		.result = &result,
	};
	enum fault fault;

	buf_init(&sweep.fresh_marks, BUF_NO_LIMIT);
	fault = read_marks(&sweep, why);
	if (!fault)
		fault = walk_queue(stack, on_entry, &sweep, why);
	if (!fault)
		fault = walk_accounts(stack, on_account, &sweep, why);
	if (!fault)
		fault = sweep_contents(&sweep, why);
	if (!fault)
		fault = write_marks(&sweep, why);
	if (!fault)
		fault = sweep_blobs(&sweep, why);
	if (!fault)
		fault = expire_records(&sweep, why);
	buf_done(&sweep.fresh_marks);
	map_free(sweep.named);
	map_free(sweep.busy);
	map_free(sweep.marks);
	arena_free(sweep.arena);
	if (!fault)
		*ret = result;
	return fault;
}
