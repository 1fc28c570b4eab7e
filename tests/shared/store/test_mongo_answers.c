/*
 * Answers that a good server does not give on request, from one that only
 * pretends: refusals by code, writes that are not replicated yet, races, answers of the wrong shape.
 */
#include "mongo_fixture.h"

#include "pretend_mongo.h"

#define HELLO                                                                                                \
	"{\"ismaster\": true, \"isWritablePrimary\": true, \"setName\": \"rs0\", \"maxWireVersion\": 17, "   \
	"\"minWireVersion\": 0, \"maxBsonObjectSize\": 16777216, \"maxMessageSizeBytes\": 48000000, "        \
	"\"maxWriteBatchSize\": 100000, \"logicalSessionTimeoutMinutes\": 30, \"ok\": 1}"

static enum fault open_pretend(struct pretend *p, struct why *why)
{
	char uri[96];
	struct store_conf conf = { .mongo_uri = uri, .mongo_db = "pretend", .timeout_ms = 2000 };

	rand_start();
	pretend_start(p);
	snprintf(uri, sizeof(uri), "mongodb://127.0.0.1:%u/?directConnection=true", p->port);
	return store_mongo_open(&conf, &store, why);
}

/* ---- servers that will not do -------------------------------------------------------------------------------- */

static const struct hello_row {
	const char *name, *hello, *says;
	enum fault fault;
} hellos[] = {
	{ "a replica set", HELLO, "", FAULT_NONE },
	{ "a router",
	  "{\"ismaster\": true, \"msg\": \"isdbgrid\", \"maxWireVersion\": 21, \"minWireVersion\": 0, "
	  "\"logicalSessionTimeoutMinutes\": 30, \"ok\": 1}",
	  "", FAULT_NONE },
	{ "standing alone",
	  "{\"ismaster\": true, \"maxWireVersion\": 17, \"minWireVersion\": 0, "
	  "\"logicalSessionTimeoutMinutes\": 30, \"ok\": 1}",
	  "replica set", FAULT_CONFIG },
	{ "MongoDB 5",
	  "{\"ismaster\": true, \"setName\": \"rs0\", \"maxWireVersion\": 13, \"minWireVersion\": 0, "
	  "\"logicalSessionTimeoutMinutes\": 30, \"ok\": 1}",
	  "6.0", FAULT_CONFIG },
	{ "from the future",
	  "{\"ismaster\": true, \"setName\": \"rs0\", \"maxWireVersion\": 99, \"minWireVersion\": 90, "
	  "\"logicalSessionTimeoutMinutes\": 30, \"ok\": 1}",
	  "", FAULT_CONFIG },
};

static void servers_are_looked_at(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hellos); i++) {
		struct pretend p = { .hello = hellos[i].hello };
		struct why why = { "" };
		enum fault fault = open_pretend(&p, &why);

		if (fault != hellos[i].fault || !strstr(why.text, hellos[i].says))
			fail_msg("%s: %s %s", hellos[i].name, fault_name(fault), why.text);
		if (!fault)
			store->ops->close(store);
		pretend_stop(&p);
	}
}

/* ---- what comes of an answer --------------------------------------------------------------------------------- */

static enum fault put_new(struct why *why)
{
	struct record record = { .key = SLICE("k"), .value = SLICE("v") };

	return store->ops->put(store, &system_actor, COLL_SETTINGS, &record, why);
}

static enum fault put_second(struct why *why)
{
	struct record record = { .key = SLICE("k"), .value = SLICE("v"), .version = 1 };

	return store->ops->put(store, &system_actor, COLL_SETTINGS, &record, why);
}

static enum fault get_one(struct why *why)
{
	struct slice key = SLICE("k");
	struct record record;

	return store->ops->get(store, &system_actor, COLL_SETTINGS, &key, 1, false, arena, &record, why);
}

static enum fault commit_one(struct why *why)
{
	struct mailbox_change change = { .entry = SLICE("e"), .tag = { { 1 } } };
	struct commit commit = { .mailbox = { { 2 } }, .changes = &change, .n_changes = 1, .durable = true };
	struct mailbox_head head;

	return store->ops->commit(store, &system_actor, &commit, &head, why);
}

static enum fault commit_flags(struct why *why)
{
	struct mailbox_change change = { .entry = SLICE("e") };
	struct commit commit = { .mailbox = { { 2 } }, .changes = &change, .n_changes = 1, .if_modseq = 7 };
	struct mailbox_head head;

	return store->ops->commit(store, &system_actor, &commit, &head, why);
}

static enum fault read_mailbox(struct why *why)
{
	struct id mailbox = { { 2 } };
	struct mailbox_log log;

	return store->ops->read(store, &system_actor, &mailbox, 0, arena, &log, why);
}

static enum fault read_pages(struct why *why)
{
	struct id mailbox = { { 2 } };
	struct page_row *pages;
	size_t n;

	return store->ops->pages_read(store, &system_actor, &mailbox, 0, false, arena, &pages, &n, why);
}

static enum fault read_page(struct why *why)
{
	struct id mailbox = { { 2 } };
	struct page_row page;

	return store->ops->page_get(store, &system_actor, &mailbox, 3, arena, &page, why);
}

static enum fault list_mailboxes(struct why *why)
{
	struct id account = { { 1 } };
	struct mailbox_row *mailboxes;
	size_t n;

	return store->ops->mailbox_list(store, &system_actor, &account, arena, &mailboxes, &n, why);
}

static enum fault write_page(struct why *why)
{
	struct page_row row = { .number = 3, .modseq = 20 };
	struct id mailbox = { { 2 } };

	return store->ops->pages_write(store, &system_actor, &mailbox, &row, 1, why);
}

static enum fault queue_one(struct why *why)
{
	struct queue_entry entry = { .id = { { 3 } }, .due = 1 };

	return store->ops->queue_put(store, &system_actor, &entry, 1, why);
}

#define OK(n)         "{\"ok\": 1, \"n\": " #n ", \"nModified\": " #n "}"
#define REFUSED(code) "{\"ok\": 0, \"code\": " #code ", \"errmsg\": \"refused\"}"
#define NO_PRIMARY                                                                                           \
	"{\"ok\": 0, \"code\": 10107, \"errmsg\": \"not primary\", \"errorLabels\": "                        \
	"[\"RetryableWriteError\"]}"
#define FAILED(code)                                                                                         \
	"{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": 0, \"code\": " #code ", \"errmsg\": \"no\"}]}"
#define NOT_REPLICATED                                                                                       \
	"\"writeConcernError\": {\"code\": 64, \"codeName\": \"WriteConcernFailed\", \"errmsg\": \"waiting " \
	"for replication timed out\"}}"
#define DUPLICATE_NOT_REPLICATED                                                                             \
	"{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": 0, \"code\": 11000, \"errmsg\": "               \
	"\"dup\"}], " NOT_REPLICATED
#define FOUND(doc) "{\"ok\": 1, \"cursor\": {\"id\": 0, \"ns\": \"pretend.x\", \"firstBatch\": [" doc "]}}"
#define THE_RECORD "{\"_id\": \"k\", \"version\": 1, \"value\": \"v\"}"
#define THE_OWNER                                                                                            \
	"{\"_id\": 0, \"account\": {\"$binary\": {\"base64\": \"AAAAAAAAAAAAAAAAAAAAAQ==\", \"subType\": "   \
	"\"04\"}}}"

static const struct answer_row {
	const char *name;
	enum fault (*run)(struct why *);
	enum fault fault;
	struct pretend_answer answers[4];
} rows[] = {
	{ "a put", put_new, FAULT_NONE, { { "insert", OK(1) } } },
	{ "a put that is not replicated",
	  put_new,
	  FAULT_TEMP,
	  { { "insert", "{\"ok\": 1, \"n\": 1, " NOT_REPLICATED } } },
	{ "a retried put",
	  put_new,
	  FAULT_NONE,
	  { { "insert", FAILED(11000) }, { "delete", OK(0) }, { "find", FOUND(THE_RECORD) } } },
	{ "a retried put that is not replicated yet",
	  put_new,
	  FAULT_TEMP,
	  { { "insert", DUPLICATE_NOT_REPLICATED } } },
	{ "a put on another",
	  put_new,
	  FAULT_EXISTS,
	  { { "insert", FAILED(11000) },
	    { "delete", OK(0) },
	    { "find", FOUND("{\"_id\": \"k\", \"version\": 1, \"value\": \"else\"}") } } },
	{ "a full disk", put_new, FAULT_FULL, { { "insert", REFUSED(14031) } } },
	{ "no rights", put_new, FAULT_CONFIG, { { "insert", REFUSED(13) } } },
	{ "a validator", put_new, FAULT_CONFIG, { { "insert", FAILED(121) } } },
	{ "too large", put_second, FAULT_TOO_BIG, { { "update", FAILED(10334) } } },
	{ "interrupted", get_one, FAULT_TEMP, { { "find", REFUSED(11601) } } },
	{ "out of time", get_one, FAULT_TEMP, { { "find", REFUSED(50) } } },
	{ "unknown command", commit_one, FAULT_UNSUPPORTED, { { "findAndModify", REFUSED(59) } } },
	{ "no primary, then one", put_new, FAULT_NONE, { { "insert", NO_PRIMARY }, { "insert", OK(1) } } },
	{ "no primary", put_new, FAULT_TEMP, { { "insert", NO_PRIMARY }, { "insert", NO_PRIMARY } } },
	{ "hung up, then not", put_new, FAULT_NONE, { { "insert", NULL }, { "insert", OK(1) } } },
	{ "hung up twice", put_new, FAULT_TEMP, { { "insert", NULL }, { "insert", NULL } } },
	{ "a commit that is not replicated",
	  commit_one,
	  FAULT_TEMP,
	  { { "findAndModify", "{\"ok\": 1, \"value\": null, " NOT_REPLICATED } } },
	{ "a commit on nothing",
	  commit_one,
	  FAULT_NOT_FOUND,
	  { { "findAndModify", "{\"ok\": 1, \"value\": null}" }, { "find", FOUND("") } } },
	{ "a commit that answers otherwise",
	  commit_one,
	  FAULT_CORRUPT,
	  { { "findAndModify", "{\"ok\": 1, \"value\": {\"x\": 1}}" } } },
	{ "a commit that answers with text",
	  commit_one,
	  FAULT_NOT_FOUND,
	  { { "findAndModify", "{\"ok\": 1, \"value\": \"x\"}" }, { "find", FOUND("") } } },
	{ "a find without a cursor", get_one, FAULT_TEMP, { { "find", "{\"ok\": 1}" } } },
	{ "a find whose cursor is a number",
	  get_one,
	  FAULT_TEMP,
	  { { "find", "{\"ok\": 1, \"cursor\": 5}" } } },
	{ "a find of numbers", get_one, FAULT_NONE, { { "find", FOUND("1, 2") } } },
	{ "a find of another key",
	  get_one,
	  FAULT_NONE,
	  { { "find", FOUND("{\"_id\": \"x\", \"version\": 1, \"value\": \"v\"}") } } },
	{ "a find of a damaged record", get_one, FAULT_CORRUPT, { { "find", FOUND("{\"_id\": \"k\"}") } } },
	{ "an update without counts",
	  put_second,
	  FAULT_STALE,
	  { { "update", "{\"ok\": 1}" }, { "find", FOUND("") } } },
	{ "entries that are there", queue_one, FAULT_NONE, { { "insert", FAILED(11000) } } },
	{ "entries that are not replicated",
	  queue_one,
	  FAULT_TEMP,
	  { { "insert", DUPLICATE_NOT_REPLICATED } } },
	{ "one entry there, one refused",
	  queue_one,
	  FAULT_FULL,
	  { { "insert",
	      "{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": 0, \"code\": 11000, \"errmsg\": \"dup\"}, "
	      "{\"index\": 1, \"code\": 14031, \"errmsg\": \"full\"}]}" } } },
	/* somebody else wrote that page for the first time just now, and older: ours must still get in */
	{ "a page that lost a race",
	  write_page,
	  FAULT_NONE,
	  { { "find", FOUND(THE_OWNER) }, { "update", FAILED(11000) }, { "update", OK(1) } } },
	{ "a page that is newer",
	  write_page,
	  FAULT_NONE,
	  { { "find", FOUND(THE_OWNER) }, { "update", FAILED(11000) }, { "update", OK(0) } } },
	{ "a page of nobody", write_page, FAULT_NOT_FOUND, { { "find", FOUND("") } } },
	/* what a session was told of a mailbox must outlast a failover, or its mod-sequences would name other changes */
	{ "flags are written to a majority",
	  commit_flags,
	  FAULT_NOT_FOUND,
	  { { "findAndModify", "{\"ok\": 1, \"value\": null}", "majority" },
	    { "find", FOUND(""), "linearizable" } } },
	{ "a mailbox is read as it will last",
	  read_mailbox,
	  FAULT_NOT_FOUND,
	  { { "find", FOUND(""), "majority" } } },
	{ "so are its pages",
	  read_pages,
	  FAULT_NONE,
	  { { "find", FOUND(""), "majority" }, { "find", FOUND(THE_OWNER), "majority" } } },
	{ "so is one of them", read_page, FAULT_NOT_FOUND, { { "find", FOUND(""), "majority" } } },
	{ "so is the list", list_mailboxes, FAULT_NONE, { { "find", FOUND(""), "majority" } } },
};

static void answers_become_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pretend p = { .hello = HELLO, .answers = rows[i].answers };
		struct why said = { "" };
		enum fault fault;

		while (p.n < ARRAY_LEN(rows[i].answers) && rows[i].answers[p.n].command)
			p.n++;
		arena = arena_new();
		assert_good(open_pretend(&p, why));
		fault = rows[i].run(&said);
		if (fault != rows[i].fault || p.next != p.n)
			fail_msg("%s: %s after %zu answers: %s", rows[i].name, fault_name(fault),
			         (size_t)p.next, said.text);
		store->ops->close(store);
		pretend_stop(&p);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_looked_at),
		cmocka_unit_test(answers_become_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
