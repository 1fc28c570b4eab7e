/*
 * Damaged documents: each field in turn is missing, of another type or out of
 * range. The answer is CORRUPT and names the collection; nothing crashes.
 */
#include "mongo_fixture.h"

static struct {
	struct id account, mailbox;
	struct queue_entry entry;
} damaged;

static enum fault see_mailbox(struct why *why)
{
	struct mailbox_log log;

	return store->ops->read(store, &system_actor, &damaged.mailbox, 0, arena, &log, why);
}

static enum fault see_list(struct why *why)
{
	struct mailbox_row *rows;
	size_t n;

	return store->ops->mailbox_list(store, &system_actor, &damaged.account, arena, &rows, &n, why);
}

static enum fault see_commit(struct why *why)
{
	struct mailbox_change change = new_change(1, &no_id);
	struct commit commit = { .mailbox = damaged.mailbox, .changes = &change, .n_changes = 1 };
	struct mailbox_head head;

	return store->ops->commit(store, &system_actor, &commit, &head, why);
}

static enum fault see_pages(struct why *why)
{
	struct page_row *rows;
	size_t n;

	return store->ops->pages_read(store, &system_actor, &damaged.mailbox, 0, true, arena, &rows, &n, why);
}

static enum fault see_page(struct why *why)
{
	struct page_row row;

	return store->ops->page_get(store, &system_actor, &damaged.mailbox, 0, arena, &row, why);
}

static enum fault see_entry(struct why *why)
{
	struct queue_entry entry;

	return store->ops->queue_get(store, &system_actor, &damaged.entry.id, arena, &entry, why);
}

static enum fault see_entries(struct why *why)
{
	struct queue_query query = { .limit = 10 };
	struct queue_entry *entries;
	size_t n;

	return store->ops->queue_list(store, &system_actor, &query, arena, &entries, &n, why);
}

static enum fault see_next(struct why *why)
{
	int64_t next;

	return store->ops->queue_next_due(store, &system_actor, &next, why);
}

static enum fault see_address(struct why *why)
{
	struct slice key = SLICE("damaged@example.org");
	struct record record;

	return store->ops->get(store, &system_actor, COLL_ADDRESSES, &key, 1, true, arena, &record, why);
}

static enum fault see_token(struct why *why)
{
	struct record_query query = { .collection = COLL_TOKENS, .index = 0, .limit = 10 };
	struct record *records;
	size_t n;

	return store->ops->find(store, &system_actor, &query, arena, &records, &n, why);
}

static const struct damage_row {
	const char *collection, *update;
	enum fault (*see)(struct why *);
} damages[] = {
	{ "mailboxes", "{\"$unset\": {\"modseq\": 1}}", see_mailbox },
	{ "mailboxes", "{\"$unset\": {\"log\": 1}}", see_mailbox },
	{ "mailboxes", "{\"$unset\": {\"keywords\": 1}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"modseq\": \"5\"}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"modseq\": 1.5}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"modseq\": 1}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"modseq\": {\"$numberLong\": \"9223372036854775807\"}}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log_base\": 2}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"uid_next\": {\"$numberLong\": \"4294967296\"}}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"messages\": -1}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"n_keywords\": 4000000}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"n_keywords\": 1}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"keywords\": [1], \"n_keywords\": 1}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log\": {}}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log\": [1]}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log\": [{}]}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log\": []}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log.0.e\": 1}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log.0.t\": \"0123456789abcdef\"}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log.0.n\": -1}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log.0.m\": {\"$numberLong\": \"2147483648\"}}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log.0.u\": \"x\"}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"log.0.b\": \"x\"}}", see_mailbox },
	{ "mailboxes", "{\"$set\": {\"account\": \"x\"}}", see_mailbox /* its head does not say */ },
	{ "mailboxes", "{\"$set\": {\"name\": 7}}", see_list },
	{ "mailboxes",
	  "{\"$set\": {\"name_hash\": {\"$binary\": {\"base64\": \"AA==\", \"subType\": \"00\"}}}}",
	  see_list },
	{ "mailboxes", "{\"$set\": {\"parent\": 7}}", see_list },
	{ "mailboxes", "{\"$set\": {\"subscribed\": 1}}", see_list },
	{ "mailboxes", "{\"$unset\": {\"uid_validity\": 1}}", see_commit },
	{ "mailboxes", "{\"$set\": {\"recent_uid\": \"x\"}}", see_mailbox },
	{ "pages", "{\"$unset\": {\"modseq\": 1}}", see_page },
	{ "pages", "{\"$set\": {\"columns\": 1}}", see_pages },
	{ "pages", "{\"$set\": {\"keys\": []}}", see_page },
	{ "queue", "{\"$set\": {\"status\": \"else\"}}", see_entry },
	{ "queue", "{\"$set\": {\"status\": 0}}", see_entries },
	{ "queue", "{\"$set\": {\"priority\": 256}}", see_entry },
	{ "queue", "{\"$set\": {\"due\": 5}}", see_entry },
	{ "queue", "{\"$set\": {\"lease_until\": 5}}", see_entry },
	{ "queue", "{\"$unset\": {\"content\": 1}}", see_entry },
	{ "queue", "{\"$unset\": {\"state\": 1}}", see_entries },
	{ "queue", "{\"$set\": {\"ready\": 5}}", see_next },
	{ "addresses", "{\"$unset\": {\"value\": 1}}", see_address },
	{ "addresses", "{\"$set\": {\"version\": -1}}", see_address },
	{ "addresses", "{\"$set\": {\"accounts\": 1}}", see_address },
	{ "addresses", "{\"$set\": {\"accounts\": [1]}}", see_address },
	{ "addresses", "{\"$set\": {\"account\": 1}}", see_address },
	{ "addresses", "{\"$set\": {\"body\": 1}}", see_address },
	{ "addresses", "{\"$set\": {\"expires\": 1}}", see_address },
	{ "tokens", "{\"$unset\": {\"version\": 1}}", see_token },
};

static void make_things_to_damage(void)
{
	struct id tag = id_new();
	struct page_row page = { .modseq = 2, .columns = SLICE("x"), .keys = SLICE("y") };
	struct record record = { .key = SLICE("damaged@example.org"), .value = SLICE("v") };

	static const char *const used[] = { "mailboxes", "pages", "queue", "addresses", "tokens" };

	for (size_t i = 0; i < ARRAY_LEN(used); i++) {
		run_command("{\"delete\": \"%s\", \"deletes\": [{\"q\": {}, \"limit\": 0}]}", used[i]);
	}
	damaged.account = id_new();
	damaged.mailbox = new_mailbox(&damaged.account);
	append(&damaged.mailbox, 1, &tag);
	assert_good(store->ops->pages_write(store, &system_actor, &damaged.mailbox, &page, 1, why));
	damaged.entry = new_entry(1, 1);
	assert_good(store->ops->queue_put(store, &system_actor, &damaged.entry, 1, why));
	assert_good(store->ops->put(store, &system_actor, COLL_ADDRESSES, &record, why));
	record.key = SLICE("hash");
	record.index[0] = SLICE("name");
	assert_good(store->ops->put(store, &system_actor, COLL_TOKENS, &record, why));
}

static void damaged_documents_are_corrupt(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		const struct damage_row *row = &damages[i];
		struct why why = { "" };
		enum fault fault, want = FAULT_CORRUPT;

		/* a head is complete without the account, and a date that is none is not in the past */
		if (strstr(row->update, "\"account\": \"x\""))
			want = FAULT_NONE;
		make_things_to_damage();
		run_command("{\"update\": \"%s\", \"updates\": [{\"q\": {}, \"u\": %s}]}", row->collection,
		            row->update);
		fault = row->see(&why);
		if (fault != want)
			fail_msg("%s %s: %s %s", row->collection, row->update, fault_name(fault), why.text);
		if (want)
			assert_non_null(strstr(why.text, row->collection));
	}
	run_command(
	    "{\"update\": \"tokens\", \"updates\": [{\"q\": {}, \"u\": {\"$unset\": {\"name\": 1}}}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_documents_are_corrupt),
	};

	return run_on_mongo("test_mongo_damage", tests, ARRAY_LEN(tests), open_fixture);
}
