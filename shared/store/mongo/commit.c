/*
 * The commit: one findAndModify of the mailbox's document. Every condition is
 * in its filter, so that it happens wholly or not at all and no lock is held:
 *
 *   filter  { _id, account, (of a guest) acl, modseq, n_keywords, "log.t": { $nin: tags }, and room in the lists }
 *   update  { $push: { log: { $each }, keywords: { $each }, moving }, $inc: { modseq, uid_next, … } }
 *
 * When nothing matched, one read says which condition it was. Contents that
 * come with it are put first, so that nobody sees an entry before its content.
 */
#include "store/access.h"
#include "store/mongo/head.h"
#include "store/mongo/move.h"
#include "store/mongo/ops.h"
#include "store/mongo/put.h"
#include "store/schema.h"

#define TRIES 3 /* the read after a miss found nothing wrong any more: somebody folded in between */

struct committing {
	struct call call;
	const struct commit *commit;
	const struct actor *actor;
	uint64_t entry_bytes;
	uint32_t uids;
	int64_t messages, unseen, bytes;
	bool has_tags;
};

static void sum_up(struct committing *c)
{
	for (uint32_t i = 0; i < c->commit->n_changes; i++) {
		const struct mailbox_change *change = &c->commit->changes[i];

		c->entry_bytes += change->entry.len;
		c->uids += change->uids;
		c->messages += change->messages;
		c->unseen += change->unseen;
		c->bytes += change->bytes;
		c->has_tags |= !id_is_zero(&change->tag);
	}
}

/* A commit that names a tag twice would get past the filter, which looks at the log as it was. */
static bool repeats_a_tag(const struct commit *commit)
{
	for (uint32_t i = 1; i < commit->n_changes; i++)
		for (uint32_t j = 0; j < i && !id_is_zero(&commit->changes[i].tag); j++)
			if (id_eq(&commit->changes[i].tag, &commit->changes[j].tag))
				return true;
	return false;
}

/* ---- the filter ---------------------------------------------------------------------------------------------- */

static void add_at_most(bson_t *filter, const char *field, uint64_t most)
{
	bson_t range;

	bson_append_document_begin(filter, field, -1, &range);
	doc_add_num(&range, "$lte", most);
	bson_append_document_end(filter, &range);
}

static void add_no_such_element(bson_t *filter, const char *list, uint64_t element)
{
	char field[32];
	bson_t exists;

	snprintf(field, sizeof(field), "%s.%llu", list, (unsigned long long)element);
	bson_append_document_begin(filter, field, -1, &exists);
	BSON_APPEND_BOOL(&exists, "$exists", false);
	bson_append_document_end(filter, &exists);
}

static void add_tags(bson_t *filter, const struct commit *commit)
{
	struct doc_index index;
	bson_t none, list;
	size_t n = 0;

	bson_append_document_begin(filter, "log.t", -1, &none);
	bson_append_array_begin(&none, "$nin", -1, &list);
	for (uint32_t i = 0; i < commit->n_changes; i++)
		if (!id_is_zero(&commit->changes[i].tag))
			doc_add_id(&list, doc_index(&index, n++), &commit->changes[i].tag);
	bson_append_array_end(&none, &list);
	bson_append_document_end(filter, &none);
}

static bool can_ever_fit(const struct committing *c)
{
	return c->entry_bytes <= LOG_BYTES_MAX && c->commit->n_changes <= LOG_ENTRIES_MAX &&
	       c->uids <= UID_MAX;
}

static void make_filter(const struct committing *c, bson_t *filter)
{
	const struct commit *commit = c->commit;

	head_walled(filter, &commit->mailbox, c->actor);
	if (commit->if_modseq)
		doc_add_num(filter, "modseq", commit->if_modseq);
	if (commit->n_keywords)
		doc_add_num(filter, "n_keywords", commit->if_keywords);
	add_at_most(filter, "log_bytes", LOG_BYTES_MAX - c->entry_bytes);
	add_at_most(filter, "uid_next", (uint64_t)UID_MAX + 1 - c->uids);
	if (commit->n_changes)
		add_no_such_element(filter, "log", LOG_ENTRIES_MAX - commit->n_changes);
	if (commit->move.data)
		add_no_such_element(filter, "moving", MOVES_MAX - 1);
	if (c->has_tags)
		add_tags(filter, commit);
}

/* ---- the update ---------------------------------------------------------------------------------------------- */

static void add_entry(bson_t *list, size_t n, const struct mailbox_change *change)
{
	struct doc_index index;
	bson_t entry;

	bson_append_document_begin(list, doc_index(&index, n), -1, &entry);
	doc_add_bytes(&entry, "e", change->entry);
	if (!id_is_zero(&change->tag))
		doc_add_id(&entry, "t", &change->tag);
	if (change->uids)
		doc_add_num(&entry, "n", change->uids);
	if (change->messages)
		BSON_APPEND_INT32(&entry, "m", change->messages);
	if (change->unseen)
		BSON_APPEND_INT32(&entry, "u", change->unseen);
	if (change->bytes)
		BSON_APPEND_INT64(&entry, "b", change->bytes);
	bson_append_document_end(list, &entry);
}

static void make_update(const struct committing *c, bson_t *update)
{
	const struct commit *commit = c->commit;
	bson_t push, field, list, inc;
	struct doc_index index;

	bson_append_document_begin(update, "$push", -1, &push);
	bson_append_document_begin(&push, "log", -1, &field);
	bson_append_array_begin(&field, "$each", -1, &list);
	for (uint32_t i = 0; i < commit->n_changes; i++)
		add_entry(&list, i, &commit->changes[i]);
	bson_append_array_end(&field, &list);
	bson_append_document_end(&push, &field);
	if (commit->n_keywords) {
		bson_append_document_begin(&push, "keywords", -1, &field);
		bson_append_array_begin(&field, "$each", -1, &list);
		for (uint32_t i = 0; i < commit->n_keywords; i++)
			doc_add_bytes(&list, doc_index(&index, i), commit->keywords[i]);
		bson_append_array_end(&field, &list);
		bson_append_document_end(&push, &field);
	}
	if (commit->move.data)
		move_add(&push, commit);
	bson_append_document_end(update, &push);

	bson_append_document_begin(update, "$inc", -1, &inc);
	doc_add_num(&inc, "modseq", commit->n_changes);
	doc_add_num(&inc, "uid_next", c->uids);
	doc_add_num(&inc, "log_bytes", c->entry_bytes);
	doc_add_num(&inc, "n_keywords", commit->n_keywords);
	BSON_APPEND_INT64(&inc, "messages", c->messages);
	BSON_APPEND_INT64(&inc, "unseen", c->unseen);
	BSON_APPEND_INT64(&inc, "bytes", c->bytes);
	bson_append_document_end(update, &inc);
}

/* ---- why nothing matched ------------------------------------------------------------------------------------- */

static bool is_own_tag(const struct commit *commit, const struct id *tag)
{
	for (uint32_t i = 0; i < commit->n_changes; i++)
		if (!id_is_zero(tag) && id_eq(&commit->changes[i].tag, tag))
			return true;
	return false;
}

static void count_log(const struct commit *commit, struct doc *doc, uint32_t *ret_entries, bool *ret_has_tag)
{
	bson_iter_t list, entry;
	struct id tag;

	*ret_entries = 0;
	*ret_has_tag = false;
	if (!doc_list(doc, "log", &list))
		return;
	while (bson_iter_next(&list)) {
		++*ret_entries;
		if (!BSON_ITER_HOLDS_DOCUMENT(&list) || !bson_iter_recurse(&list, &entry))
			doc->bad = "log";
		else if (bson_iter_find(&entry, "t") && doc_at_id(&entry, &tag) && is_own_tag(commit, &tag))
			*ret_has_tag = true;
	}
}

/* NONE: every condition holds again. */
static enum fault judge(struct committing *c, struct slice raw)
{
	const struct commit *commit = c->commit;
	struct why *why = c->call.why;
	struct mailbox_head head;
	enum fault fault;
	uint32_t entries;
	struct doc doc;
	bool has_tag;

	doc_open(&doc, raw);
	head = head_parse(&doc);
	count_log(commit, &doc, &entries, &has_tag);
	fault = doc_check(&doc, MAILBOXES, why);
	if (fault)
		return fault;
	if (has_tag)
		return fault_set(why, FAULT_EXISTS, "mongo: a change with this tag is in the log");
	if (commit->if_modseq && head.modseq != commit->if_modseq)
		return fault_set(why, FAULT_STALE, "mongo: the mailbox is at mod-sequence %llu, not %llu",
		                 (unsigned long long)head.modseq, (unsigned long long)commit->if_modseq);
	if (commit->n_keywords && head.keywords != commit->if_keywords)
		return fault_set(why, FAULT_STALE, "mongo: the mailbox has %u keywords, not %u",
		                 head.keywords, commit->if_keywords);
	if (entries + commit->n_changes > LOG_ENTRIES_MAX || head.log_bytes + c->entry_bytes > LOG_BYTES_MAX)
		return fault_set(why, FAULT_LIMIT, "mongo: the mailbox's log is full, fold it");
	if (commit->move.data && move_count(&doc) >= MOVES_MAX)
		return fault_set(why, FAULT_LIMIT, "mongo: %d moves into the mailbox are half done",
		                 MOVES_MAX);
	if ((uint64_t)head.uid_next + c->uids > (uint64_t)UID_MAX + 1)
		return fault_set(why, FAULT_LIMIT, "mongo: the mailbox has no UIDs left");
	return FAULT_NONE;
}

/* Whoever is told STALE or EXISTS reads the mailbox next, as it will last: there it has to be. */
static enum fault look_why(struct committing *c, struct arena *arena)
{
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	enum fault fault;
	struct slice raw;

	head_walled(&filter, &c->commit->mailbox, c->actor);
	BSON_APPEND_INT32(&fields, "log.e", 0);
	BSON_APPEND_INT32(&fields, "keywords", 0);
	c->call.reading = READ_SETTLED;
	fault = head_missing(&c->call, call_find_one(&c->call, MAILBOXES, &filter, &fields, arena, &raw));
	c->call.reading = READ_NEWEST;
	if (!fault)
		fault = judge(c, raw);
	bson_destroy(&filter);
	bson_destroy(&fields);
	return fault;
}

/* ---- the call ------------------------------------------------------------------------------------------------ */

static enum fault run(struct committing *c, struct arena *arena, struct slice *ret)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct change change = { MAILBOXES, &filter, &update, &fields };
	enum fault fault = FAULT_NOT_FOUND;

	make_filter(c, &filter);
	make_update(c, &update);
	head_fields(&fields, false);
	for (int i = 0; i < TRIES && fault == FAULT_NOT_FOUND; i++) {
		fault = call_modify(&c->call, &change, arena, ret);
		if (fault != FAULT_NOT_FOUND)
			break;
		fault = look_why(c, arena);
		if (fault)
			break;
		fault = FAULT_NOT_FOUND;
	}
	bson_destroy(&filter);
	bson_destroy(&update);
	bson_destroy(&fields);
	return fault;
}

static enum fault run_all(struct committing *c, struct mailbox_head *ret_head)
{
	struct arena *arena = arena_new();
	struct mailbox_head head;
	enum fault fault;
	struct slice raw;
	struct doc doc;

	fault = run(c, arena, &raw);
	if (!fault) {
		doc_open(&doc, raw);
		head = head_parse(&doc);
		fault = doc_check(&doc, MAILBOXES, c->call.why);
	}
	if (!fault)
		*ret_head = head;
	arena_free(arena);
	return fault;
}

enum fault mongo_commit(struct store *store, const struct actor *actor, const struct commit *commit,
                        struct mailbox_head *ret_head, struct why *why)
{
	struct committing c = { .commit = commit, .actor = actor };
	enum fault fault;

	sum_up(&c);
	if (repeats_a_tag(commit))
		return fault_set(why, FAULT_EXISTS, "mongo: two changes have one tag");
	if (!can_ever_fit(&c))
		return fault_set(why, FAULT_LIMIT, "mongo: larger than any log");
	fault = call_start(&c.call, store, why);
	if (fault)
		return fault;
	fault = put_contents(&c.call, actor, commit->contents, commit->n_contents);
	return call_done(&c.call, fault ? fault : run_all(&c, ret_head));
}
