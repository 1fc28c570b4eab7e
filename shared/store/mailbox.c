/* Names and life of mailboxes, \Recent, and commits that depend on what was seen (mailbox.h). */
#include "store/mailbox.h"

#include <assert.h>
#include <time.h>

#include "base/clock.h"
#include "store/access.h"
#include "store/acl.h"
#include "store/front.h"
#include "store/log.h"
#include "store/schema.h"

/* ---- names and life ---- */

/* A guest may put a name only below a mailbox that lets him. Nobody is harmed when that is taken back just now. */
static enum fault check_parent(struct store *store, const struct actor *actor,
                               const struct mailbox_meta *meta, struct why *why)
{
	if (actor->kind != ACTOR_GUEST)
		return FAULT_NONE;
	if (id_is_zero(&meta->parent))
		return fault_set(why, FAULT_DENIED, "a guest makes no names at the top");
	return mailbox_granted(store, actor, &meta->parent, ACL_CREATE, why);
}

enum fault mailbox_create(struct store *store, const struct actor *actor, const struct mailbox_meta *meta,
                          uint32_t uid_validity, struct why *why)
{
	const struct actor inside = access_inside(actor);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_NAME, why);
	const struct id *wall;

	if (!fault)
		fault = check_parent(store, actor, meta, why);
	if (fault)
		return fault;
	wall = wall_mailbox(&inside);
	if (wall && !id_eq(wall, &meta->account))
		return fault_set(why, FAULT_DENIED, "mailbox of another account");
	assert(!id_is_zero(&meta->id) && !id_is_zero(&meta->account) && uid_validity != 0);
	return store->ops->mailbox_create(store, &inside, meta, uid_validity, why);
}

enum fault mailbox_update(struct store *store, const struct actor *actor, const struct mailbox_meta *meta,
                          struct why *why)
{
	const struct actor with = access_with(actor, ACL_DELETE_BOX);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_NAME, why);

	if (!fault)
		fault = check_parent(store, actor, meta, why);
	return fault ? fault : store->ops->mailbox_update(store, &with, meta, why);
}

enum fault mailbox_delete(struct store *store, const struct actor *actor, const struct id *mailbox,
                          struct why *why)
{
	const struct actor with = access_with(actor, ACL_DELETE_BOX);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_NAME, why);

	return fault ? fault : store->ops->mailbox_delete(store, &with, mailbox, why);
}

enum fault mailbox_list(struct store *store, const struct actor *actor, const struct id *account,
                        struct arena *arena, struct mailbox_row **ret, size_t *ret_n, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_MAILBOX_LIST, why);

	return fault ? fault : store->ops->mailbox_list(store, actor, account, arena, ret, ret_n, why);
}

enum fault mailbox_usage(struct store *store, const struct actor *actor, const struct id *account,
                         struct usage *ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct usage usage = { 0 };
	struct mailbox_row *rows;
	size_t n;
	enum fault fault = mailbox_list(store, actor, account, arena, &rows, &n, why);

	for (size_t i = 0; !fault && i < n; i++) {
		usage.bytes += rows[i].head.bytes;
		usage.messages += rows[i].head.messages;
	}
	arena_free(arena);
	if (!fault)
		*ret = usage;
	return fault;
}

enum fault mailbox_take_recent(struct store *store, const struct actor *actor, const struct id *mailbox,
                               const struct mailbox_head *head, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_MAILBOX_RECENT, why);

	assert(head->recent_uid < head->uid_next);
	return fault ? fault
	             : store->ops->take_recent(store, actor, mailbox, head->recent_uid, head->uid_next, why);
}

/* ---- lost answers ---- */

bool retry_wait(unsigned tries, int64_t deadline)
{
	int64_t ms = rand_jitter(MIN_OF(20 << MIN_OF(tries, 6u), 1000));
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	if (clock_mono_ms() + ms >= deadline)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

bool log_find_tag(const struct mailbox_log *log, const struct id *tag, uint32_t *ret)
{
	for (uint32_t i = log->n; i-- > 0;) {
		if (!id_eq(&log->changes[i].tag, tag))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

struct mailbox_head log_head_after(const struct mailbox_log *log, uint32_t at)
{
	struct mailbox_head head = log->head;

	for (uint32_t i = log->n; i-- > at + 1;) {
		const struct mailbox_change *later = &log->changes[i];

		head.modseq--;
		head.uid_next -= later->uids;
		head.messages -= (uint32_t)later->messages;
		head.unseen -= (uint32_t)later->unseen;
		head.bytes -= (uint64_t)later->bytes;
		head.log_bytes -= (uint32_t)later->entry.len;
	}
	return head;
}

/* ---- conditional commits ---- */

struct committing {
	struct store *store;
	const struct actor *actor;
	struct commit commit;
	int64_t deadline;
	bool folded;
};

/* The answer to a commit was lost. NONE: it had happened, ret_head is set. TEMP: it had not, and may be tried again. */
static enum fault look_again(const struct committing *c, struct mailbox_head *ret_head, struct why *why)
{
	struct arena *arena = arena_new();
	const struct actor inside = access_inside(c->actor);
	struct mailbox_log log;
	uint32_t at;
	enum fault fault = c->store->ops->read(c->store, &inside, &c->commit.mailbox, 0, arena, &log, why);

	if (!fault && c->commit.n_changes && log_find_tag(&log, &c->commit.changes[0].tag, &at))
		*ret_head = log_head_after(&log, at + c->commit.n_changes - 1);
	else if (!fault && c->commit.if_modseq && log.head.modseq != c->commit.if_modseq)
		fault = fault_set(why, FAULT_STALE, "changed while the answer to a commit was lost");
	else if (!fault)
		fault = FAULT_TEMP;
	arena_free(arena);
	return fault;
}

/* TEMP: once more. Anything else is the outcome. */
static enum fault commit_once(struct committing *c, struct mailbox_head *ret_head, struct why *why)
{
	enum fault fault = c->store->ops->commit(c->store, c->actor, &c->commit, ret_head, why);

	if (fault == FAULT_LIMIT && !c->folded) {
		c->folded = true;
		fault = mailbox_fold(c->store, c->actor, &c->commit.mailbox, NULL, why);
		return fault ? fault : commit_once(c, ret_head, why);
	}
	/* EXISTS: an earlier try was only late */
	return fault == FAULT_TEMP || fault == FAULT_EXISTS ? look_again(c, ret_head, why) : fault;
}

static enum fault commit_until(struct committing *c, struct mailbox_head *ret_head, struct why *why)
{
	enum fault fault = commit_once(c, ret_head, why);

	for (unsigned tries = 0; fault == FAULT_TEMP && retry_wait(tries, c->deadline); tries++)
		fault = commit_once(c, ret_head, why);
	return fault;
}

/* What a guest needs for one edit; setting flags may touch all of them. */
static uint32_t edit_needs(const struct mailbox_edit *edit)
{
	const uint32_t flags = edit->op == FLAGS_SET ? FLAG_ALL : edit->flags;
	uint32_t rights = 0;

	if (edit->expunge)
		return ACL_EXPUNGE;
	if (flags & FLAG_SEEN)
		rights |= ACL_SEEN;
	if (flags & FLAG_DELETED)
		rights |= ACL_DELETE;
	if ((flags & ~(uint32_t)(FLAG_SEEN | FLAG_DELETED)) || edit->keywords || edit->op == FLAGS_SET)
		rights |= ACL_WRITE;
	return rights ? rights
	              : ACL_SEEN; /* flags stay as they are: a mark that something changed beside them */
}

static uint32_t commit_needs(const struct mailbox_commit *commit)
{
	uint32_t rights = (commit->n_keywords ? ACL_WRITE : 0) |
	                  (commit->n_appends ? append_needs(commit->appends, commit->n_appends) : 0);

	for (uint32_t i = 0; i < commit->n_edits; i++)
		rights |= edit_needs(&commit->edits[i]);
	return rights;
}

/* The appends' contents that are not stored yet. */
static void take_contents(struct commit *commit, const struct mailbox_commit *request, struct arena *arena)
{
	const struct record **contents = arena_array(arena, const struct record *, request->n_appends);

	for (uint32_t i = 0; i < request->n_appends; i++)
		if (request->appends[i].record)
			contents[commit->n_contents++] = request->appends[i].record;
	commit->contents = contents;
}

static void make_changes(struct commit *commit, const struct mailbox_commit *request, struct arena *arena)
{
	struct mailbox_change *changes = arena_array(arena, struct mailbox_change, request->n_edits + 1);
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	if (request->n_appends) {
		assert(!request->appends[0].move);
		changes[0] = append_change(request->appends, request->n_appends, &out);
		changes[0].entry = arena_copy(arena, buf_slice(&out));
		commit->n_changes = 1;
		take_contents(commit, request, arena);
	}
	for (uint32_t i = 0; i < request->n_edits; i++) {
		buf_clear(&out);
		entry_encode_edit(&out, &request->edits[i]);
		changes[commit->n_changes] = (struct mailbox_change){
			.entry = arena_copy(arena, buf_slice(&out)),
			.tag = commit->n_changes == 0 ? id_new() : (struct id){ { 0 } },
			.messages = request->edits[i].messages,
			.unseen = request->edits[i].unseen,
			.bytes = request->edits[i].bytes,
		};
		commit->n_changes++;
	}
	buf_done(&out);
	commit->changes = changes;
}

enum fault mailbox_commit(struct store *store, const struct actor *actor, const struct mailbox_commit *commit,
                          struct mailbox_head *ret_head, struct why *why)
{
	const struct actor with = access_with(actor, commit_needs(commit));
	struct committing c = {
		.store = store,
		.actor = &with,
		.commit = {
			.mailbox = commit->mailbox,
			.if_modseq = commit->if_modseq,
			.keywords = commit->keywords,
			.n_keywords = commit->n_keywords,
			.if_keywords = commit->if_keywords,
			.durable = commit->durable || commit->n_appends,
		},
		.deadline = clock_mono_ms() + RETRY_MS,
	};
	struct arena *arena;
	enum fault fault = access_check_act(actor, ACT_MAILBOX_CHANGE, why);

	if (!fault && commit->n_appends)
		fault = append_check(actor, commit->appends, commit->n_appends, why);
	if (fault)
		return fault;
	if (commit->if_keywords + commit->n_keywords > MAILBOX_KEYWORDS_MAX)
		return fault_set(why, FAULT_LIMIT, "more than %d keywords", MAILBOX_KEYWORDS_MAX);
	arena = arena_new();
	make_changes(&c.commit, commit, arena);
	fault = commit_until(&c, ret_head, why);
	arena_free(arena);
	return fault;
}

enum fault mailbox_touch(struct store *store, const struct actor *actor, const struct id *mailbox,
                         struct mailbox_head *ret_head, struct why *why)
{
	struct mailbox_edit nothing = { .op = FLAGS_ADD };
	const struct mailbox_commit commit = {
		.mailbox = *mailbox, .edits = &nothing, .n_edits = 1, .durable = true
	};
	struct uid_set uids;
	enum fault fault;

	uid_set_init(&uids);
	uid_set_add(&uids, UID_MAX); /* which no message has */
	nothing.uids = &uids;
	fault = mailbox_commit(store, actor, &commit, ret_head, why);
	uid_set_done(&uids);
	return fault;
}
