/* Mailboxes by their names: create, update, list. Deleting is delete.c. */
#include "store/access.h"
#include "store/mongo/grant.h"
#include "store/mongo/head.h"
#include "store/mongo/ops.h"

static void add_meta(bson_t *doc, bson_t *unset, const struct mailbox_meta *meta)
{
	if (!id_is_zero(&meta->parent))
		doc_add_id(doc, "parent", &meta->parent);
	else if (unset)
		BSON_APPEND_BOOL(unset, "parent", true);
	doc_add_bytes(doc, "name", meta->name);
	doc_add_id(doc, "name_hash", &meta->name_hash);
	doc_add_num(doc, "special_use", meta->special_use);
	BSON_APPEND_BOOL(doc, "subscribed", meta->subscribed);
	BSON_APPEND_BOOL(doc, "no_select", meta->no_select);
}

static struct mailbox_meta parse_meta(struct doc *doc, struct arena *arena)
{
	struct mailbox_meta meta = {
		.id = doc_id(doc, "_id"),
		.account = doc_id(doc, "account"),
		.parent = doc_id_or_zero(doc, "parent"),
		.name = doc_bytes(doc, "name"),
		.name_hash = doc_id(doc, "name_hash"),
		.special_use = (uint32_t)doc_num(doc, "special_use", UINT32_MAX),
		.subscribed = doc_bool(doc, "subscribed"),
		.no_select = doc_bool(doc, "no_select"),
		.version = doc_num(doc, "version", INT64_MAX),
	};

	acl_parse_list(doc, arena, &meta);
	return meta;
}

/* ---- create -------------------------------------------------------------------------------------------------- */

static void new_mailbox(bson_t *doc, const struct mailbox_meta *meta, uint32_t uid_validity)
{
	static const struct {
		const char *name;
		uint64_t start;
	} numbers[] = {
		{ "uid_next", 1 },  { "modseq", 1 },         { "log_base", 1 },   { "log_base_uid", 1 },
		{ "log_bytes", 0 }, { "vanished_floor", 0 }, { "messages", 0 },   { "unseen", 0 },
		{ "bytes", 0 },     { "recent_uid", 1 },     { "n_keywords", 0 },
	};
	bson_t empty;

	doc_add_id(doc, "_id", &meta->id);
	doc_add_id(doc, "account", &meta->account);
	add_meta(doc, NULL, meta);
	acl_add(doc, meta);
	doc_add_num(doc, "version", 1);
	doc_add_num(doc, "uid_validity", uid_validity);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		doc_add_num(doc, numbers[i].name, numbers[i].start);
	bson_append_array_begin(doc, "keywords", -1, &empty);
	bson_append_array_end(doc, &empty);
	bson_append_array_begin(doc, "log", -1, &empty);
	bson_append_array_end(doc, &empty);
}

/* After a clash: NONE when it is this very mailbox, from an earlier try whose answer was lost. */
static enum fault created_before(struct call *call, const struct mailbox_meta *meta)
{
	struct arena *arena = arena_new();
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	struct mailbox_meta there;
	enum fault fault;
	struct slice raw;
	struct doc doc;

	head_filter(&filter, &meta->id, &meta->account);
	head_fields(&fields, true);
	fault = call_find_one(call, MAILBOXES, &filter, &fields, arena, &raw);
	if (!fault) {
		doc_open(&doc, raw);
		there = parse_meta(&doc, arena);
		fault = doc_check(&doc, MAILBOXES, call->why);
		if (!fault &&
		    (!id_eq(&there.parent, &meta->parent) || !id_eq(&there.name_hash, &meta->name_hash)))
			fault = FAULT_NOT_FOUND;
	}
	if (fault == FAULT_NOT_FOUND)
		fault = fault_set(call->why, FAULT_EXISTS, "mongo: a mailbox of that name or id exists");
	bson_destroy(&filter);
	bson_destroy(&fields);
	arena_free(arena);
	return fault;
}

enum fault mongo_mailbox_create(struct store *store, const struct actor *actor,
                                const struct mailbox_meta *meta, uint32_t uid_validity, struct why *why)
{
	const struct id *wall = wall_mailbox(actor);
	bson_t doc = BSON_INITIALIZER;
	struct call call;
	enum fault fault;

	if (wall && !id_eq(wall, &meta->account))
		return fault_set(why, FAULT_DENIED, "mongo: it would be another account's mailbox");
	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	new_mailbox(&doc, meta, uid_validity);
	fault = call_insert(&call, MAILBOXES, &doc);
	if (fault == FAULT_EXISTS)
		fault = created_before(&call, meta);
	bson_destroy(&doc);
	return call_done(&call, fault);
}

/* ---- update -------------------------------------------------------------------------------------------------- */

static void meta_update(bson_t *update, const struct mailbox_meta *meta)
{
	bson_t set = BSON_INITIALIZER, unset = BSON_INITIALIZER;

	add_meta(&set, &unset, meta);
	BSON_APPEND_DOCUMENT(update, "$set", &set);
	if (!bson_empty(&unset))
		BSON_APPEND_DOCUMENT(update, "$unset", &unset);
	bson_destroy(&set);
	bson_destroy(&unset);
}

/* Why an update on a version matched nothing: NOT_FOUND, STALE. */
static enum fault not_updated(struct call *call, const struct id *mailbox, const struct actor *actor)
{
	struct arena *arena = arena_new();
	bson_t filter = BSON_INITIALIZER, fields = BSON_INITIALIZER;
	enum fault fault;
	struct slice raw;

	head_walled(&filter, mailbox, actor);
	BSON_APPEND_INT32(&fields, "_id", 1);
	call->reading = READ_SETTLED; /* the caller will list mailboxes again, as they will last */
	fault = head_missing(call, call_find_one(call, MAILBOXES, &filter, &fields, arena, &raw));
	call->reading = READ_NEWEST;
	if (!fault)
		fault = fault_set(call->why, FAULT_STALE, "mongo: the mailbox's name was changed");
	bson_destroy(&filter);
	bson_destroy(&fields);
	arena_free(arena);
	return fault;
}

enum fault head_update_meta(struct store *store, const struct actor *actor, const struct mailbox_meta *meta,
                            bson_t *update, struct why *why)
{
	bson_t filter = BSON_INITIALIZER;
	struct change change = { MAILBOXES, .filter = &filter, .update = update };
	struct call call;
	enum fault fault;
	size_t matched;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	head_walled(&filter, &meta->id, actor);
	doc_add_num(&filter, "version", meta->version);
	doc_add_inc(update, "version");
	fault = call_update(&call, &change, &matched);
	if (fault == FAULT_EXISTS)
		fault_set(why, fault, "mongo: a mailbox of that name exists");
	else if (!fault && !matched)
		fault = not_updated(&call, &meta->id, actor);
	bson_destroy(&filter);
	return call_done(&call, fault);
}

enum fault mongo_mailbox_update(struct store *store, const struct actor *actor,
                                const struct mailbox_meta *meta, struct why *why)
{
	bson_t update = BSON_INITIALIZER;
	enum fault fault;

	meta_update(&update, meta);
	fault = head_update_meta(store, actor, meta, &update, why);
	bson_destroy(&update);
	return fault;
}

/* ---- list ---------------------------------------------------------------------------------------------------- */

enum fault head_rows(struct call *call, const bson_t *filter, struct arena *arena, struct mailbox_row **ret,
                     size_t *ret_n)
{
	bson_t fields = BSON_INITIALIZER;
	struct search search = { .collection = MAILBOXES, .filter = filter, .fields = &fields };
	struct mailbox_row *rows = NULL;
	struct slice *docs;
	enum fault fault;
	size_t n = 0;

	head_fields(&fields, true);
	fault = call_find(call, &search, arena, &docs, &n);
	if (!fault)
		rows = arena_array(arena, struct mailbox_row, n);
	for (size_t i = 0; i < n && !fault; i++) {
		struct doc doc;

		doc_open(&doc, docs[i]);
		rows[i] = (struct mailbox_row){ parse_meta(&doc, arena), head_parse(&doc) };
		fault = doc_check(&doc, MAILBOXES, call->why);
	}
	bson_destroy(&fields);
	if (!fault) {
		*ret = rows;
		*ret_n = n;
	}
	return fault;
}

enum fault mongo_mailbox_list(struct store *store, const struct actor *actor, const struct id *account,
                              struct arena *arena, struct mailbox_row **ret, size_t *ret_n, struct why *why)
{
	const struct id *wall = wall_mailbox(actor);
	bson_t filter = BSON_INITIALIZER;
	struct call call;
	enum fault fault;

	if (wall && !id_eq(wall, account)) {
		*ret_n = 0;
		return FAULT_NONE;
	}
	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	call.reading = READ_LASTING;
	doc_add_id(&filter, "account", account);
	fault = head_rows(&call, &filter, arena, ret, ret_n);
	bson_destroy(&filter);
	return call_done(&call, fault);
}
