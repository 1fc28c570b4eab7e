/*
 * What is MongoDB's own in the store: documents as schemas/store says, round
 * trips, retries, deletion in steps.
 * What every backend promises is tests/contract/store_contract.c.
 */
#include "mongo_fixture.h"

#include "base/clock.h"
#include "store/mailbox.h"
#include "store/schema.h"

static struct actor owner_of(const struct id *account)
{
	return (struct actor){ .kind = ACTOR_OWNER, .account = *account };
}

/* ---- schemas ------------------------------------------------------------------------------------------------- */

static void read_schema(const char *collection, struct buf *out)
{
	char path[512];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/schemas/store/%s.json", SOURCE_DIR, collection);
	file = fopen(path, "r");
	if (!file)
		fail_msg("no %s", path);
	do {
		uint8_t *room = buf_room(out, 4096);

		n = fread(room, 1, 4096, file);
		out->len += n;
	} while (n);
	fclose(file);
}

static void put_validator(const char *collection)
{
	struct buf json;

	buf_init(&json, BUF_NO_LIMIT);
	buf_printf(&json, "{\"collMod\": \"%s\", \"validator\": {\"$jsonSchema\": ", collection);
	read_schema(collection, &json);
	buf_adds(&json, "}}");
	run_json(buf_slice(&json));
	buf_done(&json);
}

/* From here on the server itself holds what this program writes to the schemas. */
static int open_validated(void **state)
{
	open_fixture(state);
	for (int i = 0; i < COLL_COUNT; i++)
		put_validator(schema_collections[i].name);
	put_validator("mailboxes");
	put_validator("pages");
	put_validator("queue");
	put_validator("deleted_mailboxes");
	return 0;
}

static void the_validators_work(void **state)
{
	struct why why = { "" };
	struct buf reply;

	(void)state;
	buf_init(&reply, BUF_NO_LIMIT);
	assert_int_equal(mongo_test_run(store,
	                                SLICE("{\"findAndModify\": \"pages\", \"query\": {\"_id\": 1}, "
	                                      "\"update\": {\"$set\": {\"x\": 1}}, \"upsert\": true}"),
	                                &reply, &why),
	                 FAULT_CONFIG);
	buf_done(&reply);
}

/* Every optional field, once there and once not. */
static void records_are_as_their_schemas_say(void **state)
{
	(void)state;
	for (int c = 0; c < COLL_COUNT; c++) {
		const struct schema_collection *schema = &schema_collections[c];
		struct id id = id_new();
		struct id_text text = id_print(&id);
		bool by_id = c == COLL_ACCOUNTS || c == COLL_CONTENTS;
		struct record record = { .key = by_id ? id_slice(&id) : slice_str(text.text),
			                 .value = SLICE("\xff\x00 packed") };

		assert_good(store->ops->put(store, &system_actor, (enum collection)c, &record, why));
		record.version = 1;
		record.value = SLICE("{\"json\": \"é\"}");
		record.expires = clock_now() + 1000000;
		if (schema->has_accounts)
			record.accounts = id_slice(&id);
		if (schema->has_body)
			record.body = SLICE("body");
		for (int i = 0; i < RECORD_INDEXES && schema->index[i].name; i++)
			record.index[i] = c == COLL_GUESTS || c == COLL_METADATA || c == COLL_URL_KEYS ||
			                          (c == COLL_ADDRESSES && i == 1)
			                      ? id_slice(&id)
			                      : slice_str(text.text);
		assert_good(store->ops->put(store, &system_actor, (enum collection)c, &record, why));
		record.version = RECORD_ANY;
		record.accounts = record.body = record.index[0] = record.index[1] = (struct slice){ NULL, 0 };
		record.expires = 0;
		assert_good(store->ops->put(store, &system_actor, (enum collection)c, &record, why));
	}
}

static void mailboxes_are_as_their_schemas_say(void **state)
{
	struct id account = id_new(), mailbox = new_mailbox(&account), tag = id_new();
	struct slice names[] = { SLICE("sealed one"), SLICE("sealed two") };
	struct mailbox_change change = { .entry = SLICE("flags"), .unseen = -1, .tag = id_new() };
	struct commit commit = { .mailbox = mailbox,
		                 .changes = &change,
		                 .n_changes = 1,
		                 .keywords = names,
		                 .n_keywords = 2,
		                 .move = SLICE("marker") };
	struct mailbox_meta meta = { .id = mailbox,
		                     .account = account,
		                     .parent = id_new(),
		                     .name = SLICE("renamed"),
		                     .name_hash = id_new(),
		                     .version = 1 };
	struct page_row page = {
		.number = 0, .modseq = 2, .columns = SLICE("packed"), .keys = SLICE("keys")
	};
	const struct acl_entry acl = { id_new(), 3 };
	struct move_row *moves;
	struct mailbox_log log;
	struct mailbox_head head;
	size_t n;

	(void)state;
	append(&mailbox, 3, &tag);
	assert_good(store->ops->commit(store, &system_actor, &commit, &head, why));
	assert_int_equal(head.keywords, 2);
	assert_good(store->ops->moves(store, &system_actor, 9, arena, &moves, &n, why));
	assert_true(n == 1 && slice_eq(moves[0].move, commit.move) && id_eq(&moves[0].tag, &change.tag));
	assert_good(store->ops->mailbox_update(store, &system_actor, &meta, why));
	meta.version = 2;
	meta.acl = &acl;
	meta.n_acl = 1;
	assert_good(store->ops->mailbox_set_acl(store, &system_actor, &meta, why));
	assert_good(store->ops->take_recent(store, &system_actor, &mailbox, 1, 4, why));
	assert_good(store->ops->pages_write(store, &system_actor, &mailbox, &page, 1, why));
	assert_good(store->ops->move_done(store, &system_actor, &mailbox, &change.tag, why));
	assert_good(store->ops->moves(store, &system_actor, 9, arena, &moves, &n, why));
	assert_int_equal(n, 0);
	assert_good(store->ops->trim(store, &system_actor, &mailbox, 1, 2, 0, &tag, why));
	assert_good(store->ops->read(store, &system_actor, &mailbox, 0, arena, &log, why));
	assert_int_equal(log.n, 1);
	assert_int_equal(log.head.log_base, 2);
	assert_int_equal(log.head.log_base_uid, 4);
	assert_int_equal(log.head.log_bytes, 5);
	assert_int_equal(log.head.recent_uid, 4);
	assert_true(id_eq(&log.head.history, &tag));
	assert_int_equal(log.changes[0].unseen, -1);
	assert_int_equal(log.head.messages, 3);
	assert_int_equal(log.head.unseen, 2);
	assert_true(slice_eq(log.keywords[1], names[1]));
	assert_good(store->ops->trim(store, &system_actor, &mailbox, 2, 3, 9, &account, why));
	assert_good(store->ops->read(store, &system_actor, &mailbox, 0, arena, &log, why));
	assert_int_equal(log.n, 0);
	assert_int_equal(log.head.log_bytes, 0);
	assert_int_equal(log.head.vanished_floor, 9);
	assert_good(store->ops->mailbox_delete(store, &system_actor, &mailbox, why));
	assert_fault(FAULT_NOT_FOUND, store->ops->mailbox_delete(store, &system_actor, &mailbox, why));
	assert_fault(FAULT_NOT_FOUND,
	             store->ops->page_get(store, &system_actor, &mailbox, 0, arena, &page, why));
}

static void queue_entries_are_as_their_schema_says(void **state)
{
	struct queue_entry put[2] = { new_entry(1, 100), new_entry(2, 200) }, *got;
	struct queue_outcome outcome = {
		.status = QUEUE_WAITING, .due = 500, .attempts = 1, .state = SLICE("after")
	};
	int64_t next;
	size_t n;

	(void)state;
	put[1].account = no_id;
	assert_good(store->ops->queue_put(store, &system_actor, put, 2, why));
	assert_good(store->ops->queue_put(store, &system_actor, put, 2, why));
	assert_good(store->ops->queue_next_due(store, &system_actor, &next, why));
	assert_int_equal(next, 100);
	assert_good(store->ops->queue_claim(store, &system_actor, 300, 50, 10, arena, &got, &n, why));
	assert_int_equal(n, 2);
	assert_true(id_eq(&got[0].id, &put[1].id));
	assert_int_equal(got[0].fence, 1);
	assert_int_equal(got[0].lease_until, 350);
	outcome.id = got[0].id;
	outcome.fence = 1;
	assert_good(store->ops->queue_renew(store, &system_actor, &outcome.id, 1, 400, why));
	assert_good(store->ops->queue_finish(store, &system_actor, &outcome, why));
	assert_fault(FAULT_STALE, store->ops->queue_renew(store, &system_actor, &outcome.id, 1, 600, why));
	assert_good(store->ops->queue_set(store, &system_actor, &outcome.id, 1, QUEUE_HELD, 700, why));
	assert_good(store->ops->queue_claim(store, &system_actor, 1000, 50, 1, arena, &got, &n, why));
	assert_int_equal(n, 1);
	assert_true(id_eq(&got[0].id, &put[0].id));
	assert_int_equal(got[0].fence, 2);
	outcome = (struct queue_outcome){ .id = put[0].id, .fence = 2, .remove = true };
	assert_good(store->ops->queue_finish(store, &system_actor, &outcome, why));
	assert_good(store->ops->queue_remove(store, &system_actor, &put[1].id, 1, why));
	assert_good(store->ops->queue_next_due(store, &system_actor, &next, why));
	assert_int_equal(next, 0);
}

/* ---- round trips --------------------------------------------------------------------------------------------- */

static struct {
	struct id account, mailbox, content;
	struct actor owner;
} trip;

static void insert_content(void)
{
	struct record record = { .value = SLICE("summary"), .body = SLICE("body") };

	trip.content = id_new();
	record.key = id_slice(&trip.content);
	record.accounts = id_slice(&trip.account);
	assert_good(store->ops->put(store, &trip.owner, COLL_CONTENTS, &record, why));
}

static void look_up_address(void)
{
	struct slice key = SLICE("someone@example.org");
	struct record record;

	assert_good(
	    store->ops->get(store, &system_actor, COLL_ADDRESSES, &key, 1, false, arena, &record, why));
}

static void look_up_many(void)
{
	struct slice keys[] = { SLICE("a"), SLICE("b"), SLICE("c") };
	struct record records[3];

	assert_good(
	    store->ops->get(store, &system_actor, COLL_ADDRESSES, keys, 3, false, arena, records, why));
}

static void commit_one(void)
{
	struct id tag = id_new();

	append(&trip.mailbox, 1, &tag);
}

static void commit_with_contents(void)
{
	struct id ids[2] = { id_new(), id_new() }, tag = id_new();
	struct record records[2];
	const struct record *contents[2] = { &records[0], &records[1] };
	struct mailbox_change change = new_change(2, &tag);
	struct commit commit = { .mailbox = trip.mailbox,
		                 .changes = &change,
		                 .n_changes = 1,
		                 .contents = contents,
		                 .n_contents = 2 };
	struct mailbox_head head;

	for (int i = 0; i < 2; i++)
		records[i] = (struct record){ .key = id_slice(&ids[i]),
			                      .accounts = id_slice(&trip.account),
			                      .value = SLICE("summary"),
			                      .body = SLICE("body") };
	assert_good(store->ops->commit(store, &trip.owner, &commit, &head, why));
}

static void read_mailbox(void)
{
	struct mailbox_log log;

	assert_good(store->ops->read(store, &trip.owner, &trip.mailbox, 0, arena, &log, why));
}

static void read_pages(void)
{
	struct page_row *rows;
	size_t n;

	assert_good(
	    store->ops->pages_read(store, &trip.owner, &trip.mailbox, 0, true, arena, &rows, &n, why));
	assert_int_equal(n, 150);
}

static void list_mailboxes(void)
{
	struct mailbox_row *rows;
	size_t n;

	assert_good(store->ops->mailbox_list(store, &trip.owner, &trip.account, arena, &rows, &n, why));
	assert_int_equal(n, 1);
}

static void put_entries(void)
{
	struct queue_entry entries[3] = { new_entry(1, 1), new_entry(1, 1), new_entry(1, 1) };

	assert_good(store->ops->queue_put(store, &system_actor, entries, 3, why));
}

static void claim_one(void)
{
	struct queue_entry *got;
	size_t n;

	assert_good(store->ops->queue_claim(store, &system_actor, 10, 1, 1, arena, &got, &n, why));
	assert_int_equal(n, 1);
}

static void claim_all(void)
{
	struct queue_entry *got;
	size_t n;

	assert_good(store->ops->queue_claim(store, &system_actor, 20, 1, 100, arena, &got, &n, why));
	assert_int_equal(n, 3);
}

static void next_due(void)
{
	int64_t due;

	assert_good(store->ops->queue_next_due(store, &system_actor, &due, why));
}

static const struct trip_row {
	const char *name;
	void (*run)(void);
	unsigned commands;
} trips[] = {
	{ "a content is put", insert_content, 1 },
	{ "an address is looked up", look_up_address, 1 },
	{ "three addresses are looked up", look_up_many, 1 },
	{ "a message is appended", commit_one, 1 },
	{ "two messages are appended with their contents", commit_with_contents, 2 },
	{ "a mailbox is read", read_mailbox, 1 },
	{ "150 pages are read", read_pages, 2 },
	{ "mailboxes are listed", list_mailboxes, 1 },
	{ "three entries are queued", put_entries, 1 },
	{ "one entry is claimed", claim_one, 1 },
	{ "a batch is claimed", claim_all, 2 },
	{ "next due", next_due, 1 },
};

static void round_trips_are_counted(void **state)
{
	struct page_row pages[150];

	(void)state;
	trip.account = id_new();
	trip.owner = owner_of(&trip.account);
	trip.mailbox = new_mailbox(&trip.account);
	for (uint32_t i = 0; i < 150; i++)
		pages[i] = (struct page_row){
			.number = i, .modseq = 1, .columns = SLICE("columns"), .keys = SLICE("keys")
		};
	assert_good(store->ops->pages_write(store, &trip.owner, &trip.mailbox, pages, 150, why));
	for (size_t i = 0; i < ARRAY_LEN(trips); i++) {
		uint64_t before = commands_sent();

		trips[i].run();
		if (commands_sent() - before != trips[i].commands)
			fail_msg("%s: %llu commands, not %u", trips[i].name,
			         (unsigned long long)(commands_sent() - before), trips[i].commands);
	}
	run_command("{\"delete\": \"queue\", \"deletes\": [{\"q\": {}, \"limit\": 0}]}");
}

/* ---- retries ------------------------------------------------------------------------------------------------- */

static void a_second_try_finds_the_first(void **state)
{
	struct id account = id_new(), mailbox = new_mailbox(&account), tag = id_new(), key = id_new();
	struct mailbox_change change = new_change(1, &tag);
	struct commit commit = { .mailbox = mailbox, .changes = &change, .n_changes = 1, .if_modseq = 1 };
	struct mailbox_meta meta = {
		.id = id_new(), .account = account, .name = SLICE("x"), .name_hash = id_new()
	};
	struct record record = { .key = id_slice(&key),
		                 .value = SLICE("value"),
		                 .index = { SLICE("example.org"), SLICE("joe@example.org") } };
	struct mailbox_head head;

	(void)state;
	assert_good(store->ops->commit(store, &system_actor, &commit, &head, why));
	assert_fault(FAULT_EXISTS, store->ops->commit(store, &system_actor, &commit, &head, why));
	assert_good(store->ops->mailbox_create(store, &system_actor, &meta, 1, why));
	assert_good(store->ops->mailbox_create(store, &system_actor, &meta, 1, why));
	meta.id = id_new();
	assert_fault(FAULT_EXISTS, store->ops->mailbox_create(store, &system_actor, &meta, 1, why));
	assert_good(store->ops->put(store, &system_actor, COLL_ACCOUNTS, &record, why));
	assert_good(store->ops->put(store, &system_actor, COLL_ACCOUNTS, &record, why));
	record.value = SLICE("another");
	assert_fault(FAULT_EXISTS, store->ops->put(store, &system_actor, COLL_ACCOUNTS, &record, why));
}

/* The login of an account that expired but is still stored is free, and so is its key. */
static void what_expired_is_in_nobodys_way(void **state)
{
	struct id old = id_new(), new = id_new();
	struct record record = { .key = id_slice(&old),
		                 .value = SLICE("old"),
		                 .index = { { NULL, 0 }, SLICE("gone@example.org") },
		                 .expires = clock_now() - 1 };
	struct slice key = id_slice(&old);
	size_t n;

	(void)state;
	assert_good(store->ops->put(store, &system_actor, COLL_ACCOUNTS, &record, why));
	record.expires = 0;
	record.key = id_slice(&new);
	record.value = SLICE("new");
	assert_good(store->ops->put(store, &system_actor, COLL_ACCOUNTS, &record, why));
	assert_good(store->ops->expire(store, clock_now(), 10, &n, why));
	assert_int_equal(n, 0);
	record = (struct record){ .key = key, .value = SLICE("a"), .expires = clock_now() - 1 };
	assert_good(store->ops->put(store, &system_actor, COLL_ACCOUNTS, &record, why));
	record.value = SLICE("b");
	assert_good(store->ops->put(store, &system_actor, COLL_ACCOUNTS, &record, why));
	assert_good(store->ops->expire(store, clock_now(), 10, &n, why));
	assert_int_equal(n, 1);
}

/* ---- a mailbox that was deleted ------------------------------------------------------------------------------ */

#define ID_ONE "{\"$binary\": {\"base64\": \"AAAAAAAAAAAAAAAAAAAAAQ==\", \"subType\": \"04\"}}"

static enum fault see_page_of_one(void)
{
	const struct id one = { { [15] = 1 } };
	struct page_row row;

	return store->ops->page_get(store, &system_actor, &one, 0, arena, &row, NULL);
}

/* A delete that died after its first steps; then a fold that began before it and ends after it. */
static void pages_of_deleted_mailboxes_go(void **state)
{
	struct mailbox_meta meta = {
		.id = { { [15] = 1 } }, .account = { { [15] = 1 } }, .name = SLICE("x"), .name_hash = id_new()
	};
	struct page_row page = { .modseq = 2 };
	size_t n;

	(void)state;
	assert_good(store->ops->mailbox_create(store, &system_actor, &meta, 1, why));
	assert_good(store->ops->pages_write(store, &system_actor, &meta.id, &page, 1, why));
	run_command("{\"delete\": \"mailboxes\", \"deletes\": [{\"q\": {\"_id\": " ID_ONE
	            "}, \"limit\": 1}]}");
	assert_int_equal(see_page_of_one(), FAULT_NONE);
	assert_fault(FAULT_NOT_FOUND, store->ops->mailbox_delete(store, &system_actor, &meta.id, why));
	assert_int_equal(see_page_of_one(), FAULT_NOT_FOUND);

	run_command("{\"insert\": \"pages\", \"documents\": [{\"_id\": {\"mailbox\": " ID_ONE
	            ", \"page\": {\"$numberLong\": \"0\"}}, \"account\": " ID_ONE
	            ", \"modseq\": {\"$numberLong\": \"1\"}, "
	            "\"columns\": {\"$binary\": {\"base64\": \"\", \"subType\": \"00\"}}}]}");
	assert_good(store->ops->expire(store, clock_now(), 10, &n, why));
	assert_int_equal(see_page_of_one(), FAULT_NONE);
	assert_good(store->ops->expire(store, clock_now() + 3700 * 1000, 10, &n, why));
	assert_int_equal(see_page_of_one(), FAULT_NOT_FOUND);
}

/* A note without a deletion behind it does no harm. */
static void a_mailbox_that_was_only_noted_stays(void **state)
{
	struct mailbox_meta meta = {
		.id = { { [15] = 1 } }, .account = { { [15] = 1 } }, .name = SLICE("x"), .name_hash = id_new()
	};
	struct page_row page = { .modseq = 2 };
	size_t n;

	(void)state;
	assert_good(store->ops->mailbox_create(store, &system_actor, &meta, 1, why));
	assert_good(store->ops->pages_write(store, &system_actor, &meta.id, &page, 1, why));
	run_command("{\"insert\": \"deleted_mailboxes\", \"documents\": [{\"_id\": " ID_ONE
	            ", \"at\": {\"$date\": {\"$numberLong\": \"1\"}}}]}");
	assert_good(store->ops->expire(store, clock_now(), 10, &n, why));
	assert_int_equal(see_page_of_one(), FAULT_NONE);
	assert_good(store->ops->mailbox_delete(store, &system_actor, &meta.id, why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_validators_work),
		cmocka_unit_test(records_are_as_their_schemas_say),
		cmocka_unit_test(mailboxes_are_as_their_schemas_say),
		cmocka_unit_test(queue_entries_are_as_their_schema_says),
		cmocka_unit_test(round_trips_are_counted),
		cmocka_unit_test(a_second_try_finds_the_first),
		cmocka_unit_test(what_expired_is_in_nobodys_way),
		cmocka_unit_test(pages_of_deleted_mailboxes_go),
		cmocka_unit_test(a_mailbox_that_was_only_noted_stays),
	};

	return run_on_mongo("test_mongo", tests, ARRAY_LEN(tests), open_validated);
}
