/* A mailbox's document (head.h). */
#include "store/mongo/head.h"

#include "store/access.h"
#include "store/mongo/grant.h"
#include "store/mongo/ops.h"

void head_filter(bson_t *filter, const struct id *mailbox, const struct id *wall)
{
	doc_add_id(filter, "_id", mailbox);
	if (wall)
		doc_add_id(filter, "account", wall);
}

void head_walled(bson_t *filter, const struct id *mailbox, const struct actor *actor)
{
	head_filter(filter, mailbox, wall_mailbox(actor));
	acl_filter(filter, actor);
}

static void add_page_id(bson_t *range, const char *op, const struct id *mailbox, uint64_t number)
{
	bson_t id;

	bson_append_document_begin(range, op, -1, &id);
	doc_add_id(&id, "mailbox", mailbox);
	doc_add_num(&id, "page", number);
	bson_append_document_end(range, &id);
}

void head_pages_filter(bson_t *filter, const struct id *mailbox, const struct id *wall)
{
	bson_t range;

	bson_append_document_begin(filter, "_id", -1, &range);
	add_page_id(&range, "$gte", mailbox, 0);
	add_page_id(&range, "$lte", mailbox, UINT32_MAX);
	bson_append_document_end(filter, &range);
	if (wall)
		doc_add_id(filter, "account", wall);
}

void head_fields(bson_t *fields, bool with_meta)
{
	BSON_APPEND_INT32(fields, "log", 0);
	BSON_APPEND_INT32(fields, "keywords", 0);
	if (!with_meta)
		BSON_APPEND_INT32(fields, "name", 0);
}

struct mailbox_head head_parse(struct doc *doc)
{
	return (struct mailbox_head){
		.uid_validity = (uint32_t)doc_num(doc, "uid_validity", UINT32_MAX),
		.uid_next = (uint32_t)doc_num(doc, "uid_next", UINT32_MAX),
		.modseq = doc_num(doc, "modseq", INT64_MAX),
		.log_base = doc_num(doc, "log_base", INT64_MAX),
		.log_base_uid = (uint32_t)doc_num(doc, "log_base_uid", UINT32_MAX),
		.log_bytes = (uint32_t)doc_num(doc, "log_bytes", UINT32_MAX),
		.vanished_floor = doc_num(doc, "vanished_floor", INT64_MAX),
		.messages = (uint32_t)doc_num(doc, "messages", UINT32_MAX),
		.unseen = (uint32_t)doc_num(doc, "unseen", UINT32_MAX),
		.bytes = doc_num(doc, "bytes", INT64_MAX),
		.recent_uid = (uint32_t)doc_num(doc, "recent_uid", UINT32_MAX),
		.keywords = (uint32_t)doc_num(doc, "n_keywords", UINT32_MAX),
		.history = doc_id_or_zero(doc, "history"),
	};
}

enum fault head_missing(struct call *call, enum fault fault)
{
	return fault == FAULT_NOT_FOUND ? fault_set(call->why, fault, "mongo: no such mailbox") : fault;
}
