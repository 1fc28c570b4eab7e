/* A queue entry's document (entry.h). */
#include "store/mongo/entry.h"

#include "store/mongo/ops.h"

static const char *const status_names[] = { [QUEUE_WAITING] = "waiting", [QUEUE_HELD] = "held" };

const char *entry_status(enum queue_status status)
{
	return status_names[status];
}

void entry_make(bson_t *doc, const struct queue_entry *entry)
{
	doc_add_id(doc, "_id", &entry->id);
	if (!id_is_zero(&entry->account))
		doc_add_id(doc, "account", &entry->account);
	doc_add_id(doc, "content", &entry->content);
	doc_add_text(doc, "domain", entry->domain);
	BSON_APPEND_UTF8(doc, "status", entry_status(entry->status));
	doc_add_num(doc, "priority", entry->priority);
	doc_add_time(doc, "created", entry->created);
	doc_add_time(doc, "due", entry->due);
	doc_add_num(doc, "attempts", entry->attempts);
	doc_add_num(doc, "size", entry->size);
	doc_add_num(doc, "fence", entry->fence);
	doc_add_time(doc, "ready", entry->due);
	doc_add_bytes(doc, "state", entry->state);
}

static enum queue_status parse_status(struct doc *doc)
{
	struct slice name = doc_bytes(doc, "status");

	for (size_t i = 0; i < ARRAY_LEN(status_names); i++)
		if (slice_eq(name, slice_str(status_names[i])))
			return (enum queue_status)i;
	doc->bad = "status";
	return QUEUE_HELD;
}

enum fault entry_parse(struct slice raw, struct queue_entry *ret, struct why *why)
{
	struct queue_entry entry;
	enum fault fault;
	struct doc doc;

	doc_open(&doc, raw);
	entry = (struct queue_entry){
		.id = doc_id(&doc, "_id"),
		.account = doc_id_or_zero(&doc, "account"),
		.content = doc_id(&doc, "content"),
		.domain = doc_bytes(&doc, "domain"),
		.status = parse_status(&doc),
		.priority = (uint8_t)doc_num(&doc, "priority", UINT8_MAX),
		.created = doc_time(&doc, "created"),
		.due = doc_time(&doc, "due"),
		.attempts = (uint32_t)doc_num(&doc, "attempts", UINT32_MAX),
		.size = doc_num(&doc, "size", INT64_MAX),
		.fence = doc_num(&doc, "fence", INT64_MAX),
		.lease_until = doc_time_or(&doc, "lease_until", 0),
		.state = doc_bytes(&doc, "state"),
	};
	fault = doc_check(&doc, QUEUE, why);
	if (!fault)
		*ret = entry;
	return fault;
}

enum fault entry_parse_all(const struct slice *docs, size_t n, struct arena *arena, struct queue_entry **ret,
                           struct why *why)
{
	struct queue_entry *entries = arena_array(arena, struct queue_entry, n);
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n && !fault; i++)
		fault = entry_parse(docs[i], &entries[i], why);
	if (!fault)
		*ret = entries;
	return fault;
}
