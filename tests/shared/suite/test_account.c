/* Accounts made, changed, deleted and listed (directory.h), and what is left of changes that were interrupted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

static const struct slice nowhere = { NULL, 0 };

static void an_account(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct account account;
	struct folders folders = fixture_folders(f, &alice);
	static const char *const standard[] = { "INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash" };

	assert_int_equal(folders.n, ARRAY_LEN(standard));
	for (size_t i = 0; i < folders.n; i++) {
		assert_string_equal(folders.list[i]->path, standard[i]);
		assert_true(folders.list[i]->row.meta.subscribed);
	}
	assert_int_equal(folders.list[0]->row.meta.special_use, USE_INBOX);
	assert_int_equal(folders.list[3]->row.meta.special_use, USE_JUNK);
	good(account_get(f->stack, &alice.account.id, f->arena, &account, WHY));
	assert_string_equal(account.login, "alice@example.org");
	assert_string_equal(account.domain, "example.org");
	assert_string_equal(account.name, "A Name");
	assert_true(id_eq(&account.inbox, &folders.list[0]->row.meta.id));
	assert_true(id_eq(&account.junk, &folders.list[3]->row.meta.id));
	assert_int_equal(account.state, ACCOUNT_ACTIVE);
	assert_int_equal(account.version, alice.account.version);
	assert_int_equal(account.generation, account_key_generation(alice.key));
	good(account_by_login(f->stack, SLICE("Alice@EXAMPLE.org"), f->arena, &account, WHY));
	assert_true(id_eq(&account.id, &alice.account.id));
	bad(FAULT_NOT_FOUND, account_by_login(f->stack, SLICE("bob@example.org"), f->arena, &account, WHY));
	bad(FAULT_NOT_FOUND, account_by_login(f->stack, SLICE("alice"), f->arena, &account, WHY));
	bad(FAULT_NOT_FOUND, account_by_login(f->stack, SLICE(""), f->arena, &account, WHY));
}

static void creating_refused(void **state)
{
	static const struct {
		const char *name, *address, *password, *full_name;
		enum fault fault;
	} cases[] = {
		{ "taken", "alice@example.org", PASSWORD, "", FAULT_EXISTS },
		{ "taken, other case", "ALICE@Example.ORG", PASSWORD, "", FAULT_EXISTS },
		{ "taken by an alias", "list@example.org", PASSWORD, "", FAULT_EXISTS },
		{ "domain not here", "alice@example.net", PASSWORD, "", FAULT_NOT_FOUND },
		{ "no address", "alice", PASSWORD, "", FAULT_INPUT },
		{ "empty", "", PASSWORD, "", FAULT_INPUT },
		{ "not UTF-8", "\xff@example.org", PASSWORD, "", FAULT_INPUT },
		{ "short password", "bob@example.org", "short", "", FAULT_INPUT },
		{ "its name as password", "bobbobbob@example.org", "bobbobbob@example.org", "", FAULT_INPUT },
		{ "name not UTF-8", "bob@example.org", PASSWORD, "B\xff", FAULT_INPUT },
		{ "name with a newline", "bob@example.org", PASSWORD, "Bob\nx", FAULT_INPUT },
	};
	static const char *const targets[] = { "x@example.net" };
	struct fixture *f = *state;
	struct account account, *list;
	size_t n;

	(void)fixture_alice(f);
	good(alias_put(f->stack, NULL, SLICE("list@example.org"), targets, 1, RECORD_NEW, WHY));
	wire_on(f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct account_new new = { slice_str(cases[i].address), slice_str(cases[i].password),
			                         slice_str(cases[i].full_name), 0 };

		print_message("%s\n", cases[i].name);
		bad(cases[i].fault, account_create(f->stack, &fixture_by, &new, f->arena, &account, WHY));
		assert_string_equal(wire_log(f), ""); /* and nothing was written */
	}
	wire_off(f);
	good(account_list(f->stack, nowhere, nowhere, 10, f->arena, &list, &n, WHY));
	assert_int_equal(n, 1);
}

static size_t records_of(struct fixture *f, enum collection collection)
{
	const struct record_query query = { .collection = collection, .index = -1, .limit = 1000 };
	const struct actor system = { .kind = ACTOR_SYSTEM };
	struct record *records;
	size_t n;

	good(record_find(f->stack->store, &system, &query, f->arena, &records, &n, WHY));
	return n;
}

/* Whichever write fails: nothing stays, and the name can be taken at once. */
static void creating_fails(void **state)
{
	static const struct {
		const char *name, *fail_on;
		unsigned skip;
		bool after;
	} cases[] = {
		{ "the record", "put accounts", 0, false },
		{ "the first mailbox", "create mailbox", 0, false },
		{ "the fourth mailbox", "create mailbox", 3, false },
		{ "the record with its INBOX", "put accounts", 1, false },
		{ "the address", "put addresses", 0, false },
		{ "the answer to a mailbox", "create mailbox", 2, true },
		{ "the answer to the record with its INBOX", "put accounts", 1, true },
		{ "the answer to the address", "put addresses", 0, true },
	};
	const struct account_new new = { SLICE("bob@example.org"), SLICE(PASSWORD), SLICE(""), 0 };
	struct fixture *f = *state;
	struct account account;

	fixture_domain(f, "example.org");
	wire_on(f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum found_as found;
		struct address_row row;

		print_message("%s\n", cases[i].name);
		wire_fail(cases[i].fail_on, cases[i].skip, 1, FAULT_TEMP);
		wire.after = cases[i].after;
		bad(FAULT_TEMP, account_create(f->stack, &fixture_by, &new, f->arena, &account, WHY));
		assert_int_equal(records_of(f, COLL_ACCOUNTS), 0);
		good(address_find(f->stack, SLICE("bob"), SLICE("example.org"), f->arena, &found, &row, WHY));
		assert_int_equal(found, FOUND_NOBODY);
	}
	wire_fail(NULL, 0, 0, FAULT_NONE);
	good(account_create(f->stack, &fixture_by, &new, f->arena, &account, WHY));
	wire_off(f);
}

static size_t mailboxes_of(struct fixture *f, const struct id *account)
{
	const struct actor admin = { ACTOR_ADMIN, *account };
	struct mailbox_row *rows;
	size_t n;

	good(mailbox_list(f->stack->store, &admin, account, f->arena, &rows, &n, WHY));
	return n;
}

/* By the records, since no address leads to it. */
static struct id find_account(struct fixture *f, const char *login)
{
	const struct record_query query = {
		.collection = COLL_ACCOUNTS, .index = 1, .equal = slice_str(login), .limit = 1
	};
	const struct actor system = { .kind = ACTOR_SYSTEM };
	struct record *records;
	struct id id;
	size_t n;

	good(record_find(f->stack->store, &system, &query, f->arena, &records, &n, WHY));
	assert_int_equal(n, 1);
	assert_true(id_from(records[0].key, &id));
	return id;
}

/* The record's "created" loses its first digit: some decades. */
static void make_old(struct fixture *f, const struct id *id)
{
	const struct actor system = { .kind = ACTOR_SYSTEM };
	struct record record;
	char *text, *at;

	good(
	    record_get(f->stack->store, &system, COLL_ACCOUNTS, id_slice(id), false, f->arena, &record, WHY));
	text = arena_strz(f->arena, record.value);
	at = strstr(text, "\"created\":");
	assert_non_null(at);
	at += strlen("\"created\":");
	memmove(at, at + 1, strlen(at));
	record.value = slice_str(text);
	good(record_put(f->stack->store, &system, COLL_ACCOUNTS, &record, WHY));
}

/* The store goes away in the middle and does not come back for the undoing: as when the process is killed. */
static void creating_interrupted(void **state)
{
	const struct account_new new = { SLICE("bob@example.org"), SLICE(PASSWORD), SLICE(""), 0 };
	struct fixture *f = *state;
	struct account account;
	struct id left;

	fixture_domain(f, "example.org");
	(void)fixture_account(f, "alice@example.org");
	wire_on(f);
	wire_fail("", 3, 1000, FAULT_TEMP); /* record, two mailboxes, then nothing more */
	bad(FAULT_TEMP, account_create(f->stack, &fixture_by, &new, f->arena, &account, WHY));
	wire_off(f);
	assert_int_equal(records_of(f, COLL_ACCOUNTS), 2);

	/* it might be under way in another process */
	bad(FAULT_EXISTS, account_create(f->stack, &fixture_by, &new, f->arena, &account, WHY));

	/* later it is known to be left over: made old here */
	left = find_account(f, "bob@example.org");
	assert_int_equal(mailboxes_of(f, &left), 2);
	make_old(f, &left);
	good(account_create(f->stack, &fixture_by, &new, f->arena, &account, WHY));
	assert_false(id_eq(&account.id, &left));
	assert_int_equal(mailboxes_of(f, &left), 0);
	assert_int_equal(mailboxes_of(f, &account.id), 6);
	assert_int_equal(records_of(f, COLL_ACCOUNTS), 2);
}

static void deleting(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct account account;
	enum found_as found;
	struct address_row row;

	wire_on(f);
	good(account_delete(f->stack, &fixture_by, &alice.account.id, WHY));
	assert_string_equal(wire_log(f), "del addresses\nput accounts\ndelete mailbox\ndelete mailbox\n"
	                                 "delete mailbox\ndelete mailbox\ndelete mailbox\ndelete mailbox\n"
	                                 "del accounts\nput audit\n");
	wire_off(f);
	bad(FAULT_NOT_FOUND, account_get(f->stack, &alice.account.id, f->arena, &account, WHY));
	bad(FAULT_NOT_FOUND, account_delete(f->stack, &fixture_by, &alice.account.id, WHY));
	good(address_find(f->stack, SLICE("alice"), SLICE("example.org"), f->arena, &found, &row, WHY));
	assert_int_equal(found, FOUND_NOBODY);
	assert_int_equal(mailboxes_of(f, &alice.account.id), 0);
	(void)fixture_account(f, "alice@example.org");
}

/* Wherever it stops: the keys are gone early, and asking again finishes it. */
static void deleting_interrupted(void **state)
{
	struct fixture *f = *state;

	fixture_domain(f, "example.org");
	wire_on(f);
	for (unsigned writes = 0; writes < 9; writes++) {
		struct person person = fixture_person(f, "alice@example.org");
		struct account account;
		struct account_key *key;

		wire_fail("", writes, 1000, FAULT_TEMP);
		bad(FAULT_TEMP, account_delete(f->stack, &fixture_by, &person.account.id, WHY));
		wire_fail(NULL, 0, 0, FAULT_NONE);
		good(account_get(f->stack, &person.account.id, f->arena, &account, WHY));
		if (writes >= 2) {
			assert_int_equal(account.state, ACCOUNT_SUSPENDED);
			bad(FAULT_CORRUPT, account_unlock(f->stack, &account, &key, WHY));
			bad(FAULT_AUTH, (fault_set(&fixture_why, FAULT_AUTH, "x"),
			                 password_check(account.password.argon, SLICE(PASSWORD))));
		}
		good(account_delete(f->stack, &fixture_by, &person.account.id, WHY));
		assert_int_equal(mailboxes_of(f, &person.account.id), 0);
		assert_int_equal(records_of(f, COLL_ACCOUNTS), 0);
	}
	wire_off(f);
}

/* What a deleting left is no obstacle to the next account of that name. */
static void deleted_and_made_again(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct account fresh;

	wire_on(f);
	wire_fail("", 3, 1000, FAULT_TEMP); /* the address and the keys are gone, the mailboxes not yet */
	bad(FAULT_TEMP, account_delete(f->stack, &fixture_by, &alice.account.id, WHY));
	wire_off(f);
	fresh = fixture_account(f, "alice@example.org");
	assert_false(id_eq(&fresh.id, &alice.account.id));
	assert_int_equal(mailboxes_of(f, &alice.account.id), 0);
	assert_int_equal(records_of(f, COLL_ACCOUNTS), 1);
}

static struct address_row row_of(struct fixture *f, const char *local)
{
	enum found_as found;
	struct address_row row;

	good(address_find(f->stack, slice_str(local), SLICE("example.org"), f->arena, &found, &row, WHY));
	assert_int_equal(found, FOUND_EXACT);
	return row;
}

static void changing(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct account account = fixture_get(f, &alice.account.id), stale = account;

	account.state = ACCOUNT_SUSPENDED;
	account.quota = 12345;
	account.name = "Another Name";
	good(account_put(f->stack, &fixture_by, &account, WHY));
	account = fixture_get(f, &alice.account.id);
	assert_int_equal(account.state, ACCOUNT_SUSPENDED);
	assert_int_equal(account.quota, 12345);
	assert_string_equal(account.name, "Another Name");
	assert_int_equal(account.version, stale.version + 1);
	assert_true(row_of(f, "alice").suspended);
	assert_int_equal(row_of(f, "alice").quota, 12345);
	bad(FAULT_STALE, account_put(f->stack, &fixture_by, &stale, WHY));
	assert_int_equal(row_of(f, "alice").quota, 12345);
	account.name = "\xfe";
	bad(FAULT_INPUT, account_put(f->stack, &fixture_by, &account, WHY));
}

/* The address follows at the next change when writing it failed; and never comes back behind a deletion. */
static void address_follows(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct account account = fixture_get(f, &alice.account.id);
	enum found_as found;
	struct address_row row;

	wire_on(f);
	wire_fail("put addresses", 0, 1, FAULT_TEMP);
	account.quota = 7;
	bad(FAULT_TEMP, account_put(f->stack, &fixture_by, &account, WHY));
	assert_int_equal(row_of(f, "alice").quota, 0);
	account = fixture_get(f, &alice.account.id);
	assert_int_equal(account.quota, 7);
	good(account_put(f->stack, &fixture_by, &account, WHY));
	assert_int_equal(row_of(f, "alice").quota, 7);
	/* somebody else changes the row while we do: decided again */
	wire_fail("put addresses", 0, 3, FAULT_STALE);
	account = fixture_get(f, &alice.account.id);
	account.quota = 8;
	good(account_put(f->stack, &fixture_by, &account, WHY));
	assert_int_equal(row_of(f, "alice").quota, 8);
	/* its deletion was interrupted behind the address */
	wire_fail("", 1, 1000, FAULT_TEMP);
	bad(FAULT_TEMP, account_delete(f->stack, &fixture_by, &alice.account.id, WHY));
	wire_fail(NULL, 0, 0, FAULT_NONE);
	account = fixture_get(f, &alice.account.id);
	bad(FAULT_NOT_FOUND, account_put(f->stack, &fixture_by, &account, WHY));
	good(address_find(f->stack, SLICE("alice"), SLICE("example.org"), f->arena, &found, &row, WHY));
	assert_int_equal(found, FOUND_NOBODY);
	wire_off(f);
}

static void passwords(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct account before = fixture_get(f, &alice.account.id), after;

	assert_int_equal(password_check(before.password.argon, SLICE(PASSWORD)), FAULT_NONE);
	bad(FAULT_INPUT, account_set_password(f->stack, &fixture_by, &alice.account.id, SLICE("short"), WHY));
	good(account_set_password(f->stack, &fixture_by, &alice.account.id, SLICE("battery staple"), WHY));
	after = fixture_get(f, &alice.account.id);
	assert_int_equal(password_check(after.password.argon, SLICE("battery staple")), FAULT_NONE);
	assert_int_equal(password_check(after.password.argon, SLICE(PASSWORD)), FAULT_AUTH);
	assert_memory_not_equal(after.password.scram.stored_key, before.password.scram.stored_key, 32);
	assert_int_equal(after.password.scram.iterations, SCRAM_ITERATIONS);
	/* the key is not the password's */
	assert_int_equal(after.wrapped.len, before.wrapped.len);
	assert_memory_equal(after.wrapped.data, before.wrapped.data, before.wrapped.len);
}

static void unlocking(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct stack *ringless = fixture_stack(f, 0);
	struct account mixed = alice.account;
	struct account_public public;
	struct account_key *key = NULL;
	struct account made;
	const struct account_new new = { SLICE("c@example.org"), SLICE(PASSWORD), SLICE(""), 0 };

	account_key_public(alice.key, &public);
	assert_memory_equal(public.raw, alice.account.public_key.raw, sizeof(public.raw));
	mixed.wrapped = bob.account.wrapped; /* bound to its owner */
	bad(FAULT_CORRUPT, account_unlock(f->stack, &mixed, &key, WHY));
	bad(FAULT_DENIED, account_unlock(ringless, &alice.account, &key, WHY));
	bad(FAULT_DENIED, account_create(ringless, &fixture_by, &new, f->arena, &made, WHY));
	assert_null(key);
	stack_close(ringless);
}

/* ---- lists ---- */

static void account_lists(void **state)
{
	static const char *const targets[] = { "x@example.net" };
	struct fixture *f = *state;
	struct account *list;
	const struct actor system = { .kind = ACTOR_SYSTEM };
	struct slice after = nowhere;
	struct account gone;
	size_t n, all = 0;

	fixture_domain(f, "a.example");
	fixture_domain(f, "b.example");
	for (int i = 0; i < 3; i++) {
		(void)fixture_account(f, arena_printf(f->arena, "u%d@a.example", i));
		(void)fixture_account(f, arena_printf(f->arena, "u%d@b.example", i));
		good(alias_put(f->stack, NULL, slice_str(arena_printf(f->arena, "t%d@a.example", i)), targets,
		               1, RECORD_NEW, WHY));
	}
	good(account_list(f->stack, SLICE("a.example"), nowhere, 10, f->arena, &list, &n, WHY));
	assert_int_equal(n, 3);
	assert_string_equal(list[2].login, "u2@a.example");
	do {
		good(account_list(f->stack, nowhere, after, 2, f->arena, &list, &n, WHY));
		all += n;
		if (n)
			after = slice_str(list[n - 1].login);
	} while (n == 2);
	assert_int_equal(all, 6);

	/* an address whose account is gone does not end the list before its time */
	good(account_list(f->stack, nowhere, nowhere, 1, f->arena, &list, &n, WHY));
	gone = list[0];
	good(record_del(f->stack->store, &system, COLL_ACCOUNTS, id_slice(&gone.id), RECORD_ANY, WHY));
	good(account_list(f->stack, nowhere, nowhere, 2, f->arena, &list, &n, WHY));
	assert_int_equal(n, 2);
	assert_string_equal(list[0].login, "u1@a.example");
	good(account_list(f->stack, nowhere, nowhere, 10, f->arena, &list, &n, WHY));
	assert_int_equal(n, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(an_account),
		case_of(creating_refused),
		case_of(creating_fails),
		case_of(creating_interrupted),
		case_of(deleting),
		case_of(deleting_interrupted),
		case_of(deleted_and_made_again),
		case_of(changing),
		case_of(address_follows),
		case_of(passwords),
		case_of(unlocking),
		case_of(account_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
