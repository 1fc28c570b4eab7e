/* The head and the log of a mailbox: commit, read, trim, \Recent (store.h). */
#include "store/sqlite/sqlite_store.h"

struct committing {
	struct sqlite_store *store;
	const struct actor *actor;
	const struct commit *commit;
	struct mailbox_head head;
};

/* EXISTS when one of the tags is in the log, or twice in this commit. */
static enum fault check_tags(struct db *db, int64_t box, const struct commit *commit, struct why *why)
{
	for (uint32_t i = 0; i < commit->n_changes; i++) {
		const struct id *tag = &commit->changes[i].tag;
		struct query q;
		bool there;
		enum fault fault;

		if (id_is_zero(tag))
			continue;
		q = query(db, "SELECT 1 FROM log WHERE box = ? AND tag = ?");
		bind_int(&q, box);
		bind_id(&q, tag);
		there = query_row(&q);
		fault = query_done(&q, why);
		if (fault)
			return fault;
		for (uint32_t k = 0; k < i && !there; k++)
			there = id_eq(tag, &commit->changes[k].tag);
		if (there)
			return fault_set(why, FAULT_EXISTS, "a change with this tag is in the log");
	}
	return FAULT_NONE;
}

static enum fault check(struct db *db, int64_t box, const struct commit *commit,
                        const struct mailbox_head *head, struct why *why)
{
	uint64_t bytes = head->log_bytes, uids = head->uid_next;

	if (commit->if_modseq && commit->if_modseq != head->modseq)
		return fault_set(why, FAULT_STALE, "mailbox is at %llu, not %llu",
		                 (unsigned long long)head->modseq, (unsigned long long)commit->if_modseq);
	if (commit->n_keywords && commit->if_keywords != head->keywords)
		return fault_set(why, FAULT_STALE, "mailbox has %u keywords, not %u", head->keywords,
		                 commit->if_keywords);
	for (uint32_t i = 0; i < commit->n_changes; i++) {
		bytes += commit->changes[i].entry.len;
		uids += commit->changes[i].uids;
	}
	if (commit->n_changes && (bytes > LOG_BYTES_MAX || uids - 1 > UID_MAX ||
	                          head->modseq - head->log_base + commit->n_changes > LOG_ENTRIES_MAX))
		return fault_set(why, FAULT_LIMIT, "log of %u bytes is full", head->log_bytes);
	if (commit->move.data) {
		const enum fault fault = move_room(db, box, why);

		if (fault)
			return fault;
	}
	return check_tags(db, box, commit, why);
}

static enum fault add_changes(struct db *db, int64_t box, const struct commit *commit,
                              struct mailbox_head *head, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (uint32_t i = 0; !fault && i < commit->n_changes; i++) {
		const struct mailbox_change *change = &commit->changes[i];
		struct query q =
		    query(db, "INSERT INTO log (box, modseq, tag, messages, unseen, bytes, uids, entry) "
		              "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");

		head->modseq++;
		head->uid_next += change->uids;
		head->messages += (uint32_t)change->messages;
		head->unseen += (uint32_t)change->unseen;
		head->bytes += (uint64_t)change->bytes;
		head->log_bytes += (uint32_t)change->entry.len;
		bind_int(&q, box);
		bind_int(&q, (int64_t)head->modseq);
		bind_id(&q, id_is_zero(&change->tag) ? NULL : &change->tag);
		bind_int(&q, change->messages);
		bind_int(&q, change->unseen);
		bind_int(&q, change->bytes);
		bind_int(&q, change->uids);
		bind_bytes(&q, change->entry);
		fault = query_run(&q, why);
	}
	return fault;
}

static enum fault add_keywords(struct db *db, int64_t box, const struct commit *commit,
                               struct mailbox_head *head, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (uint32_t i = 0; !fault && i < commit->n_keywords; i++) {
		struct query q = query(db, "INSERT INTO keywords (box, n, name) VALUES (?, ?, ?)");

		bind_int(&q, box);
		bind_int(&q, head->keywords++);
		bind_bytes(&q, commit->keywords[i]);
		fault = query_run(&q, why);
	}
	return fault;
}

static enum fault put_contents(struct db *db, const struct committing *c, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (uint32_t i = 0; !fault && i < c->commit->n_contents; i++)
		fault = sqlite_put_with(c->store, db, c->actor, COLL_CONTENTS, c->commit->contents[i], why);
	/* EXISTS is said of tags alone */
	return fault == FAULT_EXISTS ? fault_set(why, FAULT_CORRUPT, "a content's id is taken") : fault;
}

static enum fault run_commit(struct db *db, void *args, struct why *why)
{
	struct committing *c = args;
	struct mailbox_head head;
	int64_t box;
	enum fault fault = head_read(db, c->actor, &c->commit->mailbox, &box, &head, why);

	if (!fault)
		fault = check(db, box, c->commit, &head, why);
	if (!fault)
		fault = put_contents(db, c, why);
	if (!fault)
		fault = add_changes(db, box, c->commit, &head, why);
	if (!fault)
		fault = add_keywords(db, box, c->commit, &head, why);
	if (!fault && c->commit->move.data)
		fault = move_insert(db, box, c->commit, why);
	if (!fault)
		fault = head_write(db, box, &head, why);
	c->head = head;
	return fault;
}

enum fault sqlite_commit(struct store *base, const struct actor *actor, const struct commit *commit,
                         struct mailbox_head *ret_head, struct why *why)
{
	struct committing c = { .store = sqlite_of(base), .actor = actor, .commit = commit };
	enum fault fault = writer_do(&sqlite_of(base)->writer, commit->durable, run_commit, &c, why);

	if (!fault)
		*ret_head = c.head;
	return fault;
}

/* ---- reading ---- */

static enum fault read_changes(struct db *db, int64_t box, uint64_t since, struct arena *arena,
                               struct mailbox_log *log, struct why *why)
{
	uint64_t from = MIN_OF(MAX_OF(since, log->head.log_base), log->head.modseq);
	uint32_t n = (uint32_t)(log->head.modseq - from), i = 0;
	struct mailbox_change *changes = arena_array(arena, struct mailbox_change, n);
	struct query q =
	    query(db, "SELECT tag, messages, unseen, bytes, uids, entry FROM log WHERE box = ? AND "
	              "modseq > ? ORDER BY modseq");
	enum fault fault;

	bind_int(&q, box);
	bind_int(&q, (int64_t)from);
	for (; i < n && query_row(&q); i++) {
		changes[i].tag = column_id(&q);
		changes[i].messages = (int32_t)column_int(&q);
		changes[i].unseen = (int32_t)column_int(&q);
		changes[i].bytes = column_int(&q);
		changes[i].uids = (uint32_t)column_int(&q);
		changes[i].entry = column_bytes(&q, arena);
	}
	fault = query_done(&q, why);
	log->changes = changes;
	log->n = n;
	log->skipped = (uint32_t)(from - log->head.log_base);
	if (!fault && i < n)
		fault = fault_set(why, FAULT_CORRUPT, "mailbox lacks %u of %u log entries", n - i, n);
	return fault;
}

static enum fault read_keywords(struct db *db, int64_t box, struct arena *arena, struct mailbox_log *log,
                                struct why *why)
{
	uint32_t n = log->head.keywords, i = 0;
	struct slice *names = arena_array(arena, struct slice, n);
	struct query q = query(db, "SELECT name FROM keywords WHERE box = ? ORDER BY n");
	enum fault fault;

	bind_int(&q, box);
	while (i < n && query_row(&q))
		names[i++] = column_bytes(&q, arena);
	fault = query_done(&q, why);
	log->keywords = names;
	if (!fault && i < n)
		fault = fault_set(why, FAULT_CORRUPT, "mailbox lacks %u of %u keywords", n - i, n);
	return fault;
}

static enum fault read_log(struct db *db, const struct actor *actor, const struct id *mailbox, uint64_t since,
                           struct arena *arena, struct mailbox_log *log, struct why *why)
{
	int64_t box;
	enum fault fault = head_read(db, actor, mailbox, &box, &log->head, why);

	if (!fault && log->head.modseq - log->head.log_base > LOG_ENTRIES_MAX)
		fault = fault_set(why, FAULT_CORRUPT, "mailbox's log base is wrong");
	if (!fault)
		fault = read_changes(db, box, since, arena, log, why);
	if (!fault && log->head.keywords)
		fault = read_keywords(db, box, arena, log, why);
	return fault;
}

enum fault sqlite_read(struct store *base, const struct actor *actor, const struct id *mailbox,
                       uint64_t since, struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct reader_db *reader;
	struct mailbox_log log = { .n = 0 };
	struct query q;
	enum fault fault = readers_take(readers, &reader, why);

	if (fault)
		return fault;
	/* one snapshot for the three of them */
	q = query(&reader->db, "BEGIN");
	fault = query_run(&q, why);
	if (!fault) {
		fault = read_log(&reader->db, actor, mailbox, since, arena, &log, why);
		q = query(&reader->db, "COMMIT");
		(void)query_run(&q, NULL);
	}
	readers_give(readers, reader);
	if (!fault)
		*ret = log;
	return fault;
}

/* ---- \Recent and trimming ---- */

struct heading {
	const struct actor *actor;
	const struct id *mailbox;
	uint64_t base, upto, floor;
	struct id history;
	uint32_t first, next;
};

static enum fault run_take_recent(struct db *db, void *args, struct why *why)
{
	struct heading *h = args;
	struct mailbox_head head;
	int64_t box;
	enum fault fault = head_read(db, h->actor, h->mailbox, &box, &head, why);

	if (!fault && head.recent_uid != h->first)
		fault = fault_set(why, FAULT_STALE, "\\Recent was taken by somebody else");
	if (fault)
		return fault;
	head.recent_uid = h->next;
	return head_write(db, box, &head, why);
}

enum fault sqlite_take_recent(struct store *base, const struct actor *actor, const struct id *mailbox,
                              uint32_t first, uint32_t next, struct why *why)
{
	struct heading h = { .actor = actor, .mailbox = mailbox, .first = first, .next = next };

	return writer_do(&sqlite_of(base)->writer, false, run_take_recent, &h, why);
}

static enum fault run_trim(struct db *db, void *args, struct why *why)
{
	const struct heading *h = args;
	struct mailbox_head head;
	struct query q;
	int64_t box;
	enum fault fault = head_read(db, h->actor, h->mailbox, &box, &head, why);

	if (!fault && (head.log_base != h->base || h->upto < h->base || h->upto > head.modseq))
		fault = fault_set(why, FAULT_STALE, "the log was trimmed by somebody else");
	if (fault)
		return fault;
	q = query(db, "SELECT sum(uids), sum(length(entry)) FROM log WHERE box = ? AND modseq <= ?");
	bind_int(&q, box);
	bind_int(&q, (int64_t)h->upto);
	if (query_row(&q)) {
		head.log_base_uid += (uint32_t)column_int(&q);
		head.log_bytes -= (uint32_t)column_int(&q);
	}
	fault = query_done(&q, why);
	if (fault)
		return fault;
	head.log_base = h->upto;
	head.vanished_floor = MAX_OF(head.vanished_floor, h->floor);
	head.history = h->history;
	q = query(db, "DELETE FROM log WHERE box = ? AND modseq <= ?");
	bind_int(&q, box);
	bind_int(&q, (int64_t)h->upto);
	fault = query_run(&q, why);
	return fault ? fault : head_write(db, box, &head, why);
}

enum fault sqlite_trim(struct store *base, const struct actor *actor, const struct id *mailbox,
                       uint64_t base_modseq, uint64_t upto, uint64_t vanished_floor, const struct id *history,
                       struct why *why)
{
	struct heading h = {
		.actor = actor,
		.mailbox = mailbox,
		.base = base_modseq,
		.upto = upto,
		.floor = vanished_floor,
		.history = *history,
	};

	return writer_do(&sqlite_of(base)->writer, false, run_trim, &h, why);
}
