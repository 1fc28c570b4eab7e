/*
 * Pages: { _id: { mailbox, page }, account, modseq, columns, keys }. The id orders them
 * by number within a mailbox; index (account, _id.mailbox, modseq) finds what changed since.
 */
#include "store/access.h"
#include "store/mongo/head.h"
#include "store/mongo/ops.h"

#define BYTES_AT_ONCE (16 * 1024 * 1024) /* one command: the driver would send no more than 48 MB at a time */

static void page_id(bson_t *filter, const struct id *mailbox, uint32_t number)
{
	bson_t id;

	bson_append_document_begin(filter, "_id", -1, &id);
	doc_add_id(&id, "mailbox", mailbox);
	doc_add_num(&id, "page", number);
	bson_append_document_end(filter, &id);
}

static enum fault parse_page(struct call *call, struct slice raw, struct page_row *ret)
{
	struct page_row row;
	enum fault fault;
	struct doc doc, id;

	doc_open(&doc, raw);
	doc_sub(&doc, "_id", &id);
	row.number = (uint32_t)doc_num(&id, "page", UINT32_MAX);
	if (id.bad)
		doc.bad = "_id";
	row.modseq = doc_num(&doc, "modseq", INT64_MAX);
	row.columns = doc_bytes_or_none(&doc, "columns");
	row.keys = doc_bytes_or_none(&doc, "keys");
	fault = doc_check(&doc, PAGES, call->why);
	if (!fault)
		*ret = row;
	return fault;
}

/* A page carries its mailbox's account. NOT_FOUND: there is no such mailbox. */
static enum fault account_of(struct call *call, const struct actor *actor, const struct id *mailbox,
                             struct id *ret)
{
	struct arena *arena = arena_new();
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct id account;
	struct slice raw;
	enum fault fault;
	struct doc doc;

	head_walled(&filter, mailbox, actor);
	BSON_APPEND_INT32(&fields, "account", 1);
	fault = head_missing(call, call_find_one(call, MAILBOXES, &filter, &fields, arena, &raw));
	if (!fault) {
		doc_open(&doc, raw);
		account = doc_id(&doc, "account");
		fault = doc_check(&doc, MAILBOXES, call->why);
	}
	if (!fault)
		*ret = account;
	bson_destroy(&filter);
	bson_destroy(&fields);
	arena_free(arena);
	return fault;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct page_row *left = a, *right = b;

	return left->number < right->number ? -1 : left->number > right->number;
}

enum fault mongo_pages_read(struct store *store, const struct actor *actor, const struct id *mailbox,
                            uint64_t since, bool with_keys, struct arena *arena, struct page_row **ret,
                            size_t *ret_n, struct why *why)
{
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER, range;
	struct search search = { .collection = PAGES, .filter = &filter, .fields = &fields };
	struct page_row *rows = NULL;
	struct slice *docs;
	struct id account;
	struct call call;
	enum fault fault;
	size_t n = 0;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	call.reading = READ_LASTING;
	head_pages_filter(&filter, mailbox, wall_mailbox(actor));
	bson_append_document_begin(&filter, "modseq", -1, &range);
	doc_add_num(&range, "$gt", since);
	bson_append_document_end(&filter, &range);
	if (!with_keys)
		BSON_APPEND_INT32(&fields, "keys", 0);
	fault = call_find(&call, &search, arena, &docs, &n);
	/* a deletion removes the mailbox first: while that is there, its pages were all there */
	if (!fault)
		fault = account_of(&call, actor, mailbox, &account);
	if (!fault)
		rows = arena_array(arena, struct page_row, n);
	for (size_t i = 0; i < n && !fault; i++)
		fault = parse_page(&call, docs[i], &rows[i]);
	if (!fault) {
		/* here and not there: a server sorts no more than 100 MB in memory */
		if (n)
			qsort(rows, n, sizeof(*rows), by_number);
		*ret = rows;
		*ret_n = n;
	}
	bson_destroy(&filter);
	bson_destroy(&fields);
	return call_done(&call, fault);
}

enum fault mongo_page_get(struct store *store, const struct actor *actor, const struct id *mailbox,
                          uint32_t number, struct arena *arena, struct page_row *ret, struct why *why)
{
	bson_t filter = BSON_INITIALIZER;
	struct id account;
	struct call call;
	enum fault fault;
	struct slice raw;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	call.reading = READ_LASTING;
	page_id(&filter, mailbox, number);
	if (wall_mailbox(actor))
		doc_add_id(&filter, "account", wall_mailbox(actor));
	fault = call_find_one(&call, PAGES, &filter, NULL, arena, &raw);
	if (!fault && wall_rights(actor)) /* a page does not say who may read it */
		fault = account_of(&call, actor, mailbox, &account);
	if (!fault)
		fault = parse_page(&call, raw, ret);
	else if (fault == FAULT_NOT_FOUND)
		fault_set(why, fault, "mongo: no such page");
	bson_destroy(&filter);
	return call_done(&call, fault);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* Only over an older one. Where a newer one is, the filter misses and the upsert clashes with its id. */
static bson_t *older_filter(const struct id *account, const struct id *mailbox, const struct page_row *row)
{
	bson_t *filter = bson_new(), range;

	page_id(filter, mailbox, row->number);
	doc_add_id(filter, "account", account); /* an insert takes it from here */
	bson_append_document_begin(filter, "modseq", -1, &range);
	doc_add_num(&range, "$lt", row->modseq);
	bson_append_document_end(filter, &range);
	return filter;
}

static bson_t *page_update(const struct page_row *row)
{
	bson_t *update = bson_new(), set;

	bson_append_document_begin(update, "$set", -1, &set);
	doc_add_num(&set, "modseq", row->modseq);
	doc_add_bytes(&set, "columns", row->columns);
	if (row->keys.data)
		doc_add_bytes(&set, "keys", row->keys);
	bson_append_document_end(update, &set);
	return update;
}

/* A clash may also mean that somebody else was the first to write that page, and wrote an older one. The page is
 * there now, so a second try without the upsert knows: what does not match then is newer. */
static enum fault write_twice(struct call *call, struct changes *changes)
{
	struct changed changed;
	enum fault fault;

	changes->upsert = true;
	fault = call_update_each(call, changes, &changed);
	if (fault || !changed.clashed)
		return fault;
	changes->upsert = false;
	return call_update_each(call, changes, &changed);
}

static enum fault write_some(struct call *call, const struct id *account, const struct id *mailbox,
                             const struct page_row *rows, size_t n)
{
	struct changes changes = { .collection = PAGES, .n = n };
	enum fault fault;

	changes.filters = xmalloc(n * sizeof(bson_t *));
	changes.updates = xmalloc(n * sizeof(bson_t *));
	for (size_t i = 0; i < n; i++) {
		changes.filters[i] = older_filter(account, mailbox, &rows[i]);
		changes.updates[i] = page_update(&rows[i]);
	}
	fault = write_twice(call, &changes);
	for (size_t i = 0; i < n; i++) {
		bson_destroy(changes.filters[i]);
		bson_destroy(changes.updates[i]);
	}
	free(changes.filters);
	free(changes.updates);
	return fault;
}

/* How many of the rows go into one command, at least one. */
static size_t how_many(const struct page_row *rows, size_t n)
{
	size_t bytes = 0, i;

	for (i = 0; i < n && i < 1000; i++) {
		bytes += rows[i].columns.len + rows[i].keys.len;
		if (i && bytes > BYTES_AT_ONCE)
			break;
	}
	return i;
}

enum fault mongo_pages_write(struct store *store, const struct actor *actor, const struct id *mailbox,
                             const struct page_row *rows, size_t n, struct why *why)
{
	struct id account;
	struct call call;
	enum fault fault;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	fault = account_of(&call, actor, mailbox, &account);
	while (n && !fault) {
		size_t some = how_many(rows, n);

		fault = write_some(&call, &account, mailbox, rows, some);
		rows += some;
		n -= some;
	}
	return call_done(&call, fault);
}
