/* Deleting mailboxes (delete.h). */
#include "store/mongo/delete.h"

#include "base/clock.h"
#include "store/access.h"
#include "store/mongo/head.h"
#include "store/mongo/ops.h"

#define LEAVE_MS (60 * 60 * 1000)

static enum fault note(struct call *call, const struct id *mailbox)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, set;
	struct change change = { DELETED_MAILBOXES, .filter = &filter, .update = &update, .upsert = true };
	enum fault fault;
	size_t matched;

	doc_add_id(&filter, "_id", mailbox);
	bson_append_document_begin(&update, "$set", -1, &set);
	doc_add_time(&set, "at", clock_now());
	bson_append_document_end(&update, &set);
	fault = call_update(call, &change, &matched);
	bson_destroy(&filter);
	bson_destroy(&update);
	/* two at a time may clash: then there is a note */
	return fault == FAULT_EXISTS ? FAULT_NONE : fault;
}

static enum fault delete_pages(struct call *call, const struct id *mailbox, const struct id *wall)
{
	bson_t filter = BSON_INITIALIZER;
	enum fault fault;
	size_t deleted;

	head_pages_filter(&filter, mailbox, wall);
	fault = call_delete(call, PAGES, &filter, true, &deleted);
	bson_destroy(&filter);
	return fault;
}

enum fault mongo_mailbox_delete(struct store *store, const struct actor *actor, const struct id *mailbox,
                                struct why *why)
{
	bson_t filter = BSON_INITIALIZER;
	struct call call;
	enum fault fault;
	size_t deleted;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	head_walled(&filter, mailbox, actor);
	fault = note(&call, mailbox);
	if (!fault)
		fault = call_delete(&call, MAILBOXES, &filter, false, &deleted);
	/* also when there was none: its pages may be what an earlier try left */
	if (!fault)
		fault = delete_pages(&call, mailbox, wall_mailbox(actor));
	if (!fault && !deleted)
		fault = fault_set(why, FAULT_NOT_FOUND, "mongo: no such mailbox");
	bson_destroy(&filter);
	return call_done(&call, fault);
}

/* ---- what was left ------------------------------------------------------------------------------------------- */

/* A note whose mailbox is there was made by a delete that got no further, or by somebody else's account. */
static enum fault finish(struct call *call, const struct id *mailbox, struct arena *arena)
{
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct slice doc;
	enum fault fault;
	size_t deleted;

	doc_add_id(&filter, "_id", mailbox);
	BSON_APPEND_INT32(&fields, "_id", 1);
	fault = call_find_one(call, MAILBOXES, &filter, &fields, arena, &doc);
	if (fault == FAULT_NOT_FOUND)
		fault = delete_pages(call, mailbox, NULL);
	if (!fault)
		fault = call_delete(call, DELETED_MAILBOXES, &filter, false, &deleted);
	bson_destroy(&filter);
	bson_destroy(&fields);
	return fault;
}

enum fault delete_left_over(struct call *call, int64_t now, size_t max)
{
	struct arena *arena = arena_new();
	bson_t filter = BSON_INITIALIZER, limit;
	struct search search = { .collection = DELETED_MAILBOXES, .filter = &filter, .limit = max };
	enum fault fault;
	struct slice *docs;
	size_t n = 0;

	bson_append_document_begin(&filter, "at", -1, &limit);
	doc_add_time(&limit, "$lte", now - LEAVE_MS);
	bson_append_document_end(&filter, &limit);
	fault = call_find(call, &search, arena, &docs, &n);
	for (size_t i = 0; i < n && !fault; i++) {
		struct id mailbox;
		struct doc doc;

		doc_open(&doc, docs[i]);
		mailbox = doc_id(&doc, "_id");
		fault = doc_check(&doc, DELETED_MAILBOXES, call->why);
		if (!fault)
			fault = finish(call, &mailbox, arena);
	}
	bson_destroy(&filter);
	arena_free(arena);
	return fault;
}
