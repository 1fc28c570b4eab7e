/*
 * Appending to a mailbox, and group commit (mailbox.h).
 *
 * Appends to one mailbox that wait at the same time go as one commit: whoever
 * comes first leads, takes the others that wait (of the same actor: the wall is
 * the commit's), commits for all, and hands the lead to the next. Each call is one log entry
 * under one tag, so each is all or nothing, and one that got lost is found again by itself. Contents that are
 * not stored yet go with the commit: one wait for the disk instead of two.
 *
 * States of a caller: WAITING -> LEADING -> DONE, or WAITING -> DONE by its leader's hand.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "store/access.h"
#include "store/acl.h"
#include "store/front.h"
#include "store/move.h"
#include "store/page.h"
#include "store/record.h"
#include "store/schema.h"

#define GROUP_MAX       64
#define GROUP_BYTES_MAX (1024 * 1024)
#define LOST_PAGES      4  /* pages, from the newest back, in which a lost append is looked for */
#define ROUNDS_MAX      64 /* commits of one group, whatever the faults */

struct store_front {
	pthread_mutex_t lock;
	struct map *lanes; /* mailbox id -> struct lane */
};

struct lane { /* one mailbox that is being appended to; there while anybody is in it */
	struct list waiting;
	bool led;
};

struct appending { /* one call, on its caller's stack */
	struct list node;
	enum { WAITING, LEADING, DONE } state;
	pthread_cond_t wake;
	const struct actor *actor;
	struct mailbox_change change; /* uids 0: only to be found again */
	const struct mailbox_append *appends;
	size_t n_appends;
	struct slice move; /* a marker, encoded: who has one goes alone, since there may be no room for it */
	int64_t deadline;
	enum fault fault;
	struct why why;
	uint32_t first_uid;
	struct mailbox_head head;
};

struct group {
	struct store *store;
	const struct id *mailbox;
	struct appending *members[GROUP_MAX];
	size_t n;
	bool folded;
};

struct store_front *front_new(void)
{
	struct store_front *front = xzalloc(sizeof(*front));

	pthread_mutex_init(&front->lock, NULL);
	front->lanes = map_new();
	return front;
}

void front_free(struct store_front *front)
{
	if (!front)
		return;
	assert(map_count(front->lanes) == 0);
	map_free(front->lanes);
	pthread_mutex_destroy(&front->lock);
	free(front);
}

/* ---- the outcome of members ---- */

static void settle(struct group *group, size_t i, uint32_t first_uid, const struct mailbox_head *head)
{
	struct appending *member = group->members[i];

	member->fault = FAULT_NONE;
	member->first_uid = first_uid;
	member->head = *head;
	group->members[i] = group->members[--group->n];
}

static void fail_all(struct group *group, enum fault fault, const struct why *why)
{
	for (size_t i = 0; i < group->n; i++) {
		group->members[i]->fault = fault;
		group->members[i]->why = *why;
	}
	group->n = 0;
}

/* ---- lost answers ---- */

static void find_in_log(struct group *group, const struct mailbox_log *log)
{
	struct mailbox_head head;
	uint32_t at;

	for (size_t i = group->n; i-- > 0;) {
		const struct mailbox_change *change = &group->members[i]->change;

		if (!log_find_tag(log, &change->tag, &at))
			continue;
		head = log_head_after(log, at);
		if (!change->uids || log->changes[at].uids == change->uids) {
			settle(group, i, head.uid_next - log->changes[at].uids, &head);
			continue;
		}
		group->members[i]->fault =
		    fault_set(&group->members[i]->why, FAULT_EXISTS, "tag is that of another append");
		group->members[i] = group->members[--group->n];
	}
}

static void find_in_page(struct group *group, const struct page *page, const struct mailbox_head *head)
{
	for (uint32_t at = 0; at < page->n; at++)
		for (size_t i = group->n; i-- > 0;)
			if (id_eq(&page->tag[at], &group->members[i]->change.tag))
				settle(group, i, page->uid[at], head);
}

/* Settles the members whose entries are there already. The head of one that was folded away meanwhile is the present. */
static enum fault find_lost(struct group *group, struct why *why)
{
	const struct store_ops *ops = group->store->ops;
	const struct actor actor = access_inside(group->members[0]->actor);
	struct arena *arena = arena_new();
	struct page *page = page_new(arena);
	struct page_row row;
	struct mailbox_log log;
	uint32_t number;
	enum fault fault = ops->read(group->store, &actor, group->mailbox, 0, arena, &log, why);

	if (!fault)
		find_in_log(group, &log);
	number = !fault && log.head.log_base_uid > 1 ? page_of(log.head.log_base_uid - 1) + 1 : 0;
	for (int i = 0; !fault && group->n && number > 0 && i < LOST_PAGES; i++) {
		fault = ops->page_get(group->store, &actor, group->mailbox, --number, arena, &row, why);
		if (!fault)
			fault = page_unpack(page, &row, why);
		if (!fault)
			find_in_page(group, page, &log.head);
		else if (fault == FAULT_NOT_FOUND)
			fault = FAULT_NONE;
	}
	arena_free(arena);
	return fault;
}

/* ---- committing ---- */

static void add_contents(const struct appending *member, struct buf *contents)
{
	for (size_t i = 0; i < member->n_appends; i++)
		if (member->appends[i].record)
			buf_add(contents, &member->appends[i].record, sizeof(member->appends[i].record));
}

static enum fault commit_group(struct group *group, struct why *why)
{
	struct mailbox_change changes[GROUP_MAX];
	struct commit commit = { .mailbox = *group->mailbox,
		                 .changes = changes,
		                 .move = group->members[0]->move,
		                 .durable = true };
	struct mailbox_head head;
	struct buf contents;
	uint32_t uid;
	enum fault fault;

	buf_init(&contents, BUF_NO_LIMIT);
	for (size_t i = 0; i < group->n; i++) {
		changes[commit.n_changes++] = group->members[i]->change;
		add_contents(group->members[i], &contents);
	}
	commit.contents = (const struct record *const *)contents.data;
	commit.n_contents = (uint32_t)(contents.len / sizeof(commit.contents[0]));
	fault = group->store->ops->commit(group->store, group->members[0]->actor, &commit, &head, why);
	buf_done(&contents);
	if (fault)
		return fault;
	uid = head.uid_next;
	while (group->n) {
		uid -= group->members[group->n - 1]->change.uids;
		settle(group, group->n - 1, uid, &head);
	}
	return FAULT_NONE;
}

/* What stands between this group and its commit is put away. NONE: try again with who is left. */
static enum fault recover(struct group *group, enum fault fault, unsigned round, int64_t deadline,
                          struct why *why)
{
	switch (fault) {
	case FAULT_LIMIT:
		if (group->folded)
			return fault;
		group->folded = true;
		return mailbox_fold(group->store, group->members[0]->actor, group->mailbox, NULL, why);
	case FAULT_TEMP:
		/* never a second commit before a look whether the first one happened */
		do {
			if (!retry_wait(round++, deadline))
				return FAULT_TEMP;
			fault = find_lost(group, why);
		} while (fault == FAULT_TEMP);
		return fault;
	case FAULT_EXISTS:
		return find_lost(group, why);
	default:
		return fault;
	}
}

static void run_group(struct group *group, int64_t deadline)
{
	struct why why = { "" };
	enum fault fault;

	for (unsigned round = 0; group->n; round++) {
		fault = round < ROUNDS_MAX ? commit_group(group, &why)
		                           : fault_set(&why, FAULT_TEMP,
		                                       "append did not come through in %d tries", ROUNDS_MAX);
		if (fault)
			fault = round < ROUNDS_MAX ? recover(group, fault, round, deadline, &why) : fault;
		if (fault)
			fail_all(group, fault, &why);
	}
}

/* ---- lanes ---- */

static struct lane *lane_of(struct store_front *front, const struct id *mailbox)
{
	struct lane *lane = map_get(front->lanes, id_slice(mailbox));

	if (lane)
		return lane;
	lane = xzalloc(sizeof(*lane));
	list_init(&lane->waiting);
	map_put(front->lanes, id_slice(mailbox), lane);
	return lane;
}

static bool is_same_actor(const struct actor *a, const struct actor *b)
{
	return a->kind == b->kind && id_eq(&a->account, &b->account) && id_eq(&a->guest, &b->guest) &&
	       id_eq(&a->everyone, &b->everyone) && a->needs == b->needs;
}

static bool may_join(const struct group *group, const struct appending *one, size_t bytes)
{
	const struct actor *actor = group->members[0]->actor;

	if (!is_same_actor(one->actor, actor) || group->n == GROUP_MAX || one->move.data ||
	    group->members[0]->move.data || bytes + one->change.entry.len > GROUP_BYTES_MAX)
		return false;
	/* a retry beside its first try would make the commit fail for all */
	for (size_t i = 0; i < group->n; i++)
		if (id_eq(&group->members[i]->change.tag, &one->change.tag))
			return false;
	return true;
}

/* The leader, and in their order all others that may go with it. */
static void take_group(struct lane *lane, struct appending *leader, struct group *group)
{
	size_t bytes = leader->change.entry.len;

	list_del(&leader->node);
	group->members[group->n++] = leader;
	list_each (&lane->waiting, node) {
		struct appending *one = list_item(node, struct appending, node);

		if (!may_join(group, one, bytes))
			continue;
		list_del(node);
		bytes += one->change.entry.len;
		group->members[group->n++] = one;
	}
}

/* Called and left with the lock held. */
static void lead(struct store_front *front, struct lane *lane, struct group *group, struct appending *self)
{
	struct appending *members[GROUP_MAX];
	size_t n;

	take_group(lane, self, group);
	for (n = 0; n < group->n; n++)
		members[n] = group->members[n];
	pthread_mutex_unlock(&front->lock);
	run_group(group, self->deadline);
	pthread_mutex_lock(&front->lock);
	for (size_t i = 0; i < n; i++) {
		members[i]->state = DONE;
		if (members[i] != self)
			pthread_cond_signal(&members[i]->wake);
	}
	if (!list_empty(&lane->waiting)) {
		struct appending *next = list_item(lane->waiting.next, struct appending, node);

		next->state = LEADING;
		pthread_cond_signal(&next->wake);
		return;
	}
	map_del(front->lanes, id_slice(group->mailbox));
	free(lane);
}

static void join(struct store *store, const struct id *mailbox, struct appending *self)
{
	struct store_front *front = store->front;
	struct group group = { .store = store, .mailbox = mailbox };
	struct lane *lane;

	pthread_cond_init(&self->wake, NULL);
	pthread_mutex_lock(&front->lock);
	lane = lane_of(front, mailbox);
	list_add_tail(&lane->waiting, &self->node);
	if (!lane->led) {
		lane->led = true;
		self->state = LEADING;
	}
	while (self->state == WAITING)
		pthread_cond_wait(&self->wake, &front->lock);
	if (self->state == LEADING)
		lead(front, lane, &group, self);
	pthread_mutex_unlock(&front->lock);
	pthread_cond_destroy(&self->wake);
}

/* ---- the calls ---- */

enum fault append_check(const struct actor *actor, const struct mailbox_append *appends, size_t n,
                        struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_MAILBOX_APPEND, why);

	for (size_t i = 0; i < n && !fault; i++)
		if (appends[i].record)
			fault = record_check(actor, COLL_CONTENTS, appends[i].record, why);
	if (!fault && n > ENTRY_APPENDS_MAX)
		return fault_set(why, FAULT_LIMIT, "%zu messages in one append, at most %d", n,
		                 ENTRY_APPENDS_MAX);
	return fault;
}

struct mailbox_change append_change(const struct mailbox_append *appends, size_t n, struct buf *out)
{
	struct mailbox_change change = { .messages = (int32_t)n, .uids = (uint32_t)n };

	for (size_t i = 0; i < n; i++) {
		change.unseen += !(appends[i].flags & FLAG_SEEN);
		change.bytes += appends[i].size;
	}
	entry_encode_append(out, appends, n);
	change.entry = buf_slice(out);
	change.tag = id_is_zero(&appends[0].tag) ? id_new() : appends[0].tag;
	return change;
}

static enum fault outcome(const struct appending *self, struct mailbox_appended *ret, struct why *why)
{
	if (self->fault) {
		if (why)
			*why = self->why;
		return self->fault;
	}
	*ret = (struct mailbox_appended){
		.uid_validity = self->head.uid_validity,
		.first_uid = self->first_uid,
		.head = self->head,
	};
	return FAULT_NONE;
}

uint32_t append_needs(const struct mailbox_append *appends, size_t n)
{
	uint32_t rights = ACL_INSERT;

	for (size_t i = 0; i < n; i++)
		rights |= (appends[i].flags & FLAG_SEEN ? ACL_SEEN : 0) |
		          (appends[i].flags & FLAG_DELETED ? ACL_DELETE : 0) |
		          (appends[i].flags & ~(uint32_t)(FLAG_SEEN | FLAG_DELETED) || appends[i].keywords
		               ? ACL_WRITE
		               : 0);
	return rights;
}

enum fault mailbox_append(struct store *store, const struct actor *actor, const struct id *mailbox,
                          const struct mailbox_append *appends, size_t n, struct mailbox_appended *ret,
                          struct why *why)
{
	const struct actor with = access_with(actor, append_needs(appends, n));
	struct appending self = {
		.actor = &with, .deadline = clock_mono_ms() + RETRY_MS, .appends = appends, .n_appends = n
	};
	const struct mailbox_move *move = n ? appends[0].move : NULL;
	struct buf out, marker;
	enum fault fault = append_check(actor, appends, n, why);

	assert(n >= 1 && (!move || id_eq(&move->tag, &appends[0].tag)));
	if (fault)
		return fault;
	buf_init(&out, BUF_NO_LIMIT);
	buf_init(&marker, BUF_NO_LIMIT);
	if (move)
		move_encode(&marker, move);
	self.change = append_change(appends, n, &out);
	self.move = buf_slice(&marker);
	join(store, mailbox, &self);
	buf_done(&out);
	buf_done(&marker);
	return outcome(&self, ret, why);
}

enum fault mailbox_find_append(struct store *store, const struct actor *actor, const struct id *mailbox,
                               const struct id *tag, struct mailbox_appended *ret, struct why *why)
{
	struct appending self = { .actor = actor, .change = { .tag = *tag } };
	struct group group = { .store = store, .mailbox = mailbox, .members = { &self }, .n = 1 };
	enum fault fault = access_check_act(actor, ACT_MAILBOX_READ, why);

	assert(!id_is_zero(tag));
	if (!fault)
		fault = mailbox_granted(store, actor, mailbox, ACL_INSERT, why);
	if (!fault)
		fault = find_lost(&group, why);
	if (!fault && group.n)
		fault = fault_set(why, FAULT_NOT_FOUND, "no append under this tag");
	return fault ? fault : outcome(&self, ret, why);
}
