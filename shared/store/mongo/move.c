/* Markers of moves (move.h): they come with a commit, and go by themselves or with their mailbox. */
#include "store/mongo/move.h"

#include "base/buf.h"
#include "store/access.h"
#include "store/mongo/head.h"
#include "store/mongo/ops.h"

void move_add(bson_t *push, const struct commit *commit)
{
	bson_t moving;

	bson_append_document_begin(push, "moving", -1, &moving);
	doc_add_id(&moving, "t", &commit->changes[0].tag);
	doc_add_bytes(&moving, "m", commit->move);
	bson_append_document_end(push, &moving);
}

size_t move_count(const struct doc *doc)
{
	bson_iter_t at, list;
	size_t n = 0;

	if (bson_iter_init_find(&at, &doc->bson, "moving") && BSON_ITER_HOLDS_ARRAY(&at) &&
	    bson_iter_recurse(&at, &list))
		while (bson_iter_next(&list))
			n++;
	return n;
}

/* ---- done ---------------------------------------------------------------------------------------------------- */

/* Nothing matched: is it the marker that is gone, or the mailbox? */
static enum fault is_there(struct call *call, const struct id *mailbox, const struct actor *actor)
{
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct arena *arena = arena_new();
	struct slice raw;
	enum fault fault;

	head_walled(&filter, mailbox, actor);
	BSON_APPEND_INT32(&fields, "_id", 1);
	fault = head_missing(call, call_find_one(call, MAILBOXES, &filter, &fields, arena, &raw));
	bson_destroy(&filter);
	bson_destroy(&fields);
	arena_free(arena);
	return fault;
}

enum fault mongo_move_done(struct store *store, const struct actor *actor, const struct id *mailbox,
                           const struct id *tag, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, pull, which;
	struct change change = { MAILBOXES, .filter = &filter, .update = &update, .loose = true };
	struct call call;
	size_t matched = 0;
	enum fault fault = call_start(&call, store, why);

	if (fault)
		return fault;
	head_walled(&filter, mailbox, actor);
	doc_add_id(&filter, "moving.t", tag);
	bson_append_document_begin(&update, "$pull", -1, &pull);
	bson_append_document_begin(&pull, "moving", -1, &which);
	doc_add_id(&which, "t", tag);
	bson_append_document_end(&pull, &which);
	bson_append_document_end(&update, &pull);
	fault = call_update(&call, &change, &matched);
	if (!fault && !matched)
		fault = is_there(&call, mailbox, actor);
	bson_destroy(&filter);
	bson_destroy(&update);
	return call_done(&call, fault);
}

/* ---- all of them --------------------------------------------------------------------------------------------- */

static void parse_one(struct doc *doc, const bson_iter_t *element, struct move_row *row)
{
	bson_iter_t at;
	bool has_tag = false, has_move = false;

	if (BSON_ITER_HOLDS_DOCUMENT(element) && bson_iter_recurse(element, &at)) {
		while (bson_iter_next(&at)) {
			if (strcmp(bson_iter_key(&at), "t") == 0)
				has_tag = doc_at_id(&at, &row->tag);
			else if (strcmp(bson_iter_key(&at), "m") == 0)
				has_move = doc_at_bytes(&at, &row->move);
		}
	}
	if (!has_tag || !has_move)
		doc->bad = "moving";
}

static enum fault parse(struct call *call, struct slice raw, struct buf *rows)
{
	struct move_row row;
	bson_iter_t list;
	struct doc doc;

	doc_open(&doc, raw);
	row.mailbox = doc_id(&doc, "_id");
	row.account = doc_id(&doc, "account");
	if (doc_list(&doc, "moving", &list)) {
		while (bson_iter_next(&list)) {
			parse_one(&doc, &list, &row);
			buf_add(rows, &row, sizeof(row));
		}
	}
	return doc_check(&doc, MAILBOXES, call->why);
}

/* Mailboxes that have one, by its index: any tag is above the zero one. */
static enum fault find(struct call *call, const struct actor *actor, size_t max, struct arena *arena,
                       struct slice **ret, size_t *ret_n)
{
	const struct id *wall = wall_mailbox(actor), none = { { 0 } };
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER, any;
	const struct search search = {
		.collection = MAILBOXES, .filter = &filter, .fields = &fields, .limit = max
	};
	enum fault fault;

	if (wall)
		doc_add_id(&filter, "account", wall);
	bson_append_document_begin(&filter, "moving.t", -1, &any);
	doc_add_id(&any, "$gte", &none);
	bson_append_document_end(&filter, &any);
	BSON_APPEND_INT32(&fields, "account", 1);
	BSON_APPEND_INT32(&fields, "moving", 1);
	fault = call_find(call, &search, arena, ret, ret_n);
	bson_destroy(&filter);
	bson_destroy(&fields);
	return fault;
}

enum fault mongo_moves(struct store *store, const struct actor *actor, size_t max, struct arena *arena,
                       struct move_row **ret, size_t *ret_n, struct why *why)
{
	struct slice *docs;
	struct call call;
	struct buf rows;
	size_t n = 0;
	enum fault fault = call_start(&call, store, why);

	if (fault)
		return fault;
	call.reading = READ_LASTING; /* what may be taken back is no reason to expunge */
	buf_init(&rows, BUF_NO_LIMIT);
	fault = find(&call, actor, max, arena, &docs, &n);
	for (size_t i = 0; i < n && !fault; i++)
		fault = parse(&call, docs[i], &rows);
	if (!fault) {
		*ret_n = MIN_OF(rows.len / sizeof(**ret), max);
		*ret = arena_array(arena, struct move_row, *ret_n);
		if (*ret_n)
			memcpy(*ret, rows.data, *ret_n * sizeof(**ret));
	}
	buf_done(&rows);
	return call_done(&call, fault);
}
