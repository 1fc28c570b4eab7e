/*
 * Indexes. Those of mailboxes and pages begin with the account, which is what
 * they are sharded by: { account: 1, parent: 1, name_hash: 1 } and { account: 1, "_id.mailbox": 1, modseq: 1 }.
 */
#include "store/mongo/layout.h"

#include "store/mongo/ops.h"
#include "store/schema.h"

struct index {
	const char *collection;
	const char *fields[4]; /* "-field": descending */
	bool unique, sparse;
};

static const struct index fixed[] = {
	{ MAILBOXES, { "account", "parent", "name_hash" }, .unique = true },
	{ MAILBOXES, { "acl" } }, /* what is shared with somebody: by whomever, so on every shard */
	{ MAILBOXES,
	  { "moving.t" },
	  .sparse = true }, /* moves that are half done: everybody's, so on every shard */
	{ PAGES, { "account", "_id.mailbox", "modseq" } },
	{ DELETED_MAILBOXES, { "at" } },
	{ QUEUE, { "status", "-priority", "due", "ready" } }, /* claim */
	{ QUEUE, { "status", "ready" } },                     /* next due */
	{ QUEUE, { "account", "_id" } },
	{ QUEUE, { "domain", "_id" } },
};

static enum fault create(struct call *call, const char *collection, const bson_t *keys, const bson_t *options)
{
	bson_t command = BSON_INITIALIZER, list, spec;
	enum fault fault = FAULT_NONE;
	bson_error_t error;
	char *name = mongoc_collection_keys_to_index_string(keys);

	BSON_APPEND_UTF8(&command, "createIndexes", collection);
	bson_append_array_begin(&command, "indexes", -1, &list);
	bson_append_document_begin(&list, "0", -1, &spec);
	BSON_APPEND_DOCUMENT(&spec, "key", keys);
	BSON_APPEND_UTF8(&spec, "name", name);
	bson_concat(&spec, options);
	bson_append_document_end(&list, &spec);
	bson_append_array_end(&command, &list);
	if (!mongoc_client_write_command_with_opts(call->client, call->mongo->db, &command,
	                                           call->mongo->durable, NULL, &error))
		fault = call_fault(call, &error, collection);
	bson_free(name);
	bson_destroy(&command);
	return fault;
}

static enum fault create_fixed(struct call *call, const struct index *index)
{
	bson_t keys = BSON_INITIALIZER, options = BSON_INITIALIZER;
	enum fault fault;

	for (size_t i = 0; i < ARRAY_LEN(index->fields) && index->fields[i]; i++) {
		bool down = index->fields[i][0] == '-';

		BSON_APPEND_INT32(&keys, index->fields[i] + down, down ? -1 : 1);
	}
	if (index->unique)
		BSON_APPEND_BOOL(&options, "unique", true);
	if (index->sparse)
		BSON_APPEND_BOOL(&options, "sparse", true);
	fault = create(call, index->collection, &keys, &options);
	bson_destroy(&keys);
	bson_destroy(&options);
	return fault;
}

/* A unique one leaves out the records without the field; the others end in _id, for find() to go on behind a record. */
static enum fault create_for_records(struct call *call, const char *collection,
                                     const struct schema_index *index)
{
	bson_t keys = BSON_INITIALIZER, options = BSON_INITIALIZER;
	enum fault fault;

	BSON_APPEND_INT32(&keys, index->name, 1);
	if (index->unique) {
		BSON_APPEND_BOOL(&options, "unique", true);
		BSON_APPEND_BOOL(&options, "sparse", true);
	} else {
		BSON_APPEND_INT32(&keys, "_id", 1);
	}
	fault = create(call, collection, &keys, &options);
	bson_destroy(&keys);
	bson_destroy(&options);
	return fault;
}

/* The server removes what expired by itself, an hour late: expire() comes first, and counts. */
static enum fault create_expiry(struct call *call, const char *collection)
{
	bson_t keys = BSON_INITIALIZER, options = BSON_INITIALIZER;
	enum fault fault;

	BSON_APPEND_INT32(&keys, "expires", 1);
	BSON_APPEND_INT32(&options, "expireAfterSeconds", 3600);
	fault = create(call, collection, &keys, &options);
	bson_destroy(&keys);
	bson_destroy(&options);
	return fault;
}

enum fault layout_make(struct call *call)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < ARRAY_LEN(fixed) && !fault; i++)
		fault = create_fixed(call, &fixed[i]);
	for (int c = 0; c < COLL_COUNT && !fault; c++) {
		const struct schema_collection *collection = &schema_collections[c];

		fault = create_expiry(call, collection->name);
		for (int i = 0; i < RECORD_INDEXES && !fault && collection->index[i].name; i++)
			fault = create_for_records(call, collection->name, &collection->index[i]);
	}
	return fault;
}
