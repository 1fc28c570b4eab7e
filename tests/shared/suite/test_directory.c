/* directory.h: domains, accounts, aliases, addresses, the audit trail, and what is left of changes that were interrupted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

static const struct slice nowhere = { NULL, 0 };

/* ---- domains ---- */

static void domains(void **state)
{
	struct fixture *f = *state;
	struct domain domain, again, *list;
	size_t n;

	good(domain_create(f->stack, &fixture_by, SLICE("Büro.Example"), f->arena, &domain, WHY));
	assert_string_equal(domain.name, "xn--bro-hoa.example");
	assert_int_equal(domain.n_selectors, 2);
	bad(FAULT_EXISTS, domain_create(f->stack, &fixture_by, SLICE("BÜRO.example"), f->arena, &again, WHY));
	bad(FAULT_INPUT, domain_create(f->stack, &fixture_by, SLICE("example"), f->arena, &again, WHY));
	bad(FAULT_INPUT, domain_create(f->stack, &fixture_by, SLICE("a..b"), f->arena, &again, WHY));
	bad(FAULT_INPUT, domain_create(f->stack, &fixture_by, SLICE("\xff.example"), f->arena, &again, WHY));

	good(domain_get(f->stack, SLICE("xn--bro-hoa.example"), f->arena, &again, WHY));
	assert_int_equal(again.n_selectors, 2);
	assert_int_equal(again.selectors[0].algorithm, DKIM_RSA_SHA256);
	assert_int_equal(again.selectors[1].algorithm, DKIM_ED25519_SHA256);
	assert_true(again.selectors[0].active);
	assert_string_equal(again.selectors[1].public_txt, domain.selectors[1].public_txt);
	assert_true(slice_starts(slice_str(again.selectors[0].public_txt), "v=DKIM1; k=rsa; p=MII"));
	assert_true(slice_starts(slice_str(again.selectors[1].public_txt), "v=DKIM1; k=ed25519; p="));
	assert_int_equal(strlen(again.selectors[1].public_txt), strlen("v=DKIM1; k=ed25519; p=") + 44);
	bad(FAULT_NOT_FOUND, domain_get(f->stack, SLICE("other.example"), f->arena, &again, WHY));
	bad(FAULT_NOT_FOUND, domain_get(f->stack, SLICE("\xff"), f->arena, &again, WHY));

	fixture_domain(f, "a.example");
	good(domain_list(f->stack, nowhere, 10, f->arena, &list, &n, WHY));
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "a.example");
	good(domain_list(f->stack, SLICE("a.example"), 10, f->arena, &list, &n, WHY));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "xn--bro-hoa.example");
}

/* The private key opens with the queue's key alone, and is the one that is published. */
static void dkim_keys(void **state)
{
	struct fixture *f = *state;
	struct domain domain = { .name = "example.org", .created = 1 };
	struct account_key *queue, *other = account_key_new(1);
	struct buf pem;

	good(domain_add_selector(f->stack, f->arena, &domain, "one", DKIM_ED25519_SHA256, WHY));
	bad(FAULT_EXISTS, domain_add_selector(f->stack, f->arena, &domain, "one", DKIM_ED25519_SHA256, WHY));
	assert_int_equal(domain.n_selectors, 1);
	static const char *const wrong[] = {
		"",    "-a",  "a-",       "A",
		"a.b", "a b", "\xc3\xa4", "0123456789012345678901234567890123456789012345678901234567890123"
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		bad(FAULT_INPUT,
		    domain_add_selector(f->stack, f->arena, &domain, wrong[i], DKIM_ED25519_SHA256, WHY));
	good(queue_private_key(f->stack, &queue, WHY));
	buf_init(&pem, 4096);
	bad(FAULT_CORRUPT, public_open(other, domain.selectors[0].sealed, &pem, WHY));
	good(public_open(queue, domain.selectors[0].sealed, &pem, WHY));
	assert_true(slice_starts(buf_slice(&pem), "-----BEGIN PRIVATE KEY-----"));
	buf_done(&pem);
	account_key_unref(queue);
	account_key_unref(other);
}

static void domain_changes(void **state)
{
	struct fixture *f = *state;
	struct domain domain, stale;

	fixture_domain(f, "example.org");
	good(domain_get(f->stack, SLICE("example.org"), f->arena, &domain, WHY));
	stale = domain;
	domain.catch_all = "all@example.org";
	good(domain_put(f->stack, &fixture_by, &domain, WHY));
	bad(FAULT_STALE, domain_put(f->stack, &fixture_by, &stale, WHY));
	good(domain_get(f->stack, SLICE("EXAMPLE.org"), f->arena, &domain, WHY));
	assert_string_equal(domain.catch_all, "all@example.org");
	domain.catch_all = "no address";
	bad(FAULT_INPUT, domain_put(f->stack, &fixture_by, &domain, WHY));
	domain.catch_all = "\xff@example.org";
	bad(FAULT_INPUT, domain_put(f->stack, &fixture_by, &domain, WHY));
}

static void domain_deleting(void **state)
{
	static const char *const targets[] = { "x@example.net" };
	struct fixture *f = *state;
	enum found_as found;
	struct address_row row;
	struct account account;

	fixture_domain(f, "example.org");
	account = fixture_account(f, "a@example.org");
	bad(FAULT_EXISTS, domain_delete(f->stack, &fixture_by, SLICE("example.org"), WHY));
	good(account_delete(f->stack, &fixture_by, &account.id, WHY));
	good(alias_put(f->stack, &fixture_by, SLICE("b@example.org"), targets, 1, RECORD_NEW, WHY));
	bad(FAULT_EXISTS, domain_delete(f->stack, &fixture_by, SLICE("example.org"), WHY));
	good(alias_delete(f->stack, &fixture_by, SLICE("B@example.org"), WHY));
	good(domain_delete(f->stack, &fixture_by, SLICE("example.org"), WHY));
	bad(FAULT_NOT_FOUND, domain_delete(f->stack, &fixture_by, SLICE("example.org"), WHY));
	good(address_find(f->stack, SLICE("a"), SLICE("example.org"), f->arena, &found, &row, WHY));
	assert_int_equal(found, FOUND_NOT_LOCAL);
}

/* The address row makes a domain local: when writing that one failed, making the domain again finishes it. */
static void domain_half_made(void **state)
{
	struct fixture *f = *state;
	struct domain domain, again;
	enum found_as found;
	struct address_row row;

	wire_on(f);
	wire_fail("put addresses", 0, 1, FAULT_TEMP);
	bad(FAULT_TEMP, domain_create(f->stack, &fixture_by, SLICE("example.org"), f->arena, &domain, WHY));
	good(address_find(f->stack, SLICE("a"), SLICE("example.org"), f->arena, &found, &row, WHY));
	assert_int_equal(found, FOUND_NOT_LOCAL);
	good(domain_get(f->stack, SLICE("example.org"), f->arena, &again, WHY));
	good(domain_create(f->stack, &fixture_by, SLICE("example.org"), f->arena, &domain, WHY));
	assert_string_equal(domain.selectors[0].public_txt, again.selectors[0].public_txt);
	good(address_find(f->stack, SLICE("a"), SLICE("example.org"), f->arena, &found, &row, WHY));
	assert_int_equal(found, FOUND_NOBODY);
	bad(FAULT_EXISTS, domain_create(f->stack, &fixture_by, SLICE("example.org"), f->arena, &domain, WHY));
	wire_off(f);
}

/* ---- accounts ---- */

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

/* ---- aliases, one look ---- */

static void aliases(void **state)
{
	static const char *const two[] = { "alice@example.org", "x@example.net" };
	static const char *many[ALIAS_TARGETS_MAX + 1], *broken[] = { "a@b.example", "no address" },
	                                                *raw[] = { "\xff@example.net" };
	struct fixture *f = *state;
	struct address_row row, *list;
	size_t n;

	(void)fixture_alice(f);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = "x@example.net";
	good(alias_put(f->stack, &fixture_by, SLICE("Team@example.org"), two, 2, RECORD_NEW, WHY));
	bad(FAULT_EXISTS,
	    alias_put(f->stack, &fixture_by, SLICE("team@example.org"), two, 1, RECORD_NEW, WHY));
	bad(FAULT_EXISTS,
	    alias_put(f->stack, &fixture_by, SLICE("alice@example.org"), two, 1, RECORD_NEW, WHY));
	bad(FAULT_NOT_FOUND,
	    alias_put(f->stack, &fixture_by, SLICE("alice@example.org"), two, 1, RECORD_ANY, WHY));
	bad(FAULT_NOT_FOUND, alias_put(f->stack, &fixture_by, SLICE("a@b.example"), two, 1, RECORD_NEW, WHY));
	bad(FAULT_INPUT,
	    alias_put(f->stack, &fixture_by, SLICE("none@example.org"), two, 0, RECORD_NEW, WHY));
	bad(FAULT_INPUT,
	    alias_put(f->stack, &fixture_by, SLICE("b@example.org"), broken, 2, RECORD_NEW, WHY));
	bad(FAULT_INPUT, alias_put(f->stack, &fixture_by, SLICE("b@example.org"), raw, 1, RECORD_NEW, WHY));
	bad(FAULT_INPUT,
	    alias_put(f->stack, &fixture_by, SLICE("m@example.org"), many, ARRAY_LEN(many), RECORD_NEW, WHY));
	good(alias_put(f->stack, &fixture_by, SLICE("m@example.org"), many, ALIAS_TARGETS_MAX, RECORD_NEW,
	               WHY));

	good(alias_get(f->stack, SLICE("TEAM@example.org"), f->arena, &row, WHY));
	assert_string_equal(row.address, "team@example.org");
	assert_int_equal(row.n_targets, 2);
	assert_string_equal(row.targets[1], "x@example.net");
	bad(FAULT_NOT_FOUND, alias_get(f->stack, SLICE("alice@example.org"), f->arena, &row, WHY));
	bad(FAULT_NOT_FOUND, alias_delete(f->stack, &fixture_by, SLICE("alice@example.org"), WHY));
	good(alias_put(f->stack, &fixture_by, SLICE("team@example.org"), two + 1, 1, row.version, WHY));
	bad(FAULT_STALE,
	    alias_put(f->stack, &fixture_by, SLICE("team@example.org"), two, 2, row.version, WHY));

	good(alias_list(f->stack, nowhere, nowhere, 1, f->arena, &list, &n, WHY));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].address, "m@example.org");
	good(
	    alias_list(f->stack, SLICE("example.org"), SLICE("m@example.org"), 10, f->arena, &list, &n, WHY));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].n_targets, 1);
	good(alias_delete(f->stack, &fixture_by, SLICE("team@example.org"), WHY));
	bad(FAULT_NOT_FOUND, alias_delete(f->stack, &fixture_by, SLICE("team@example.org"), WHY));
}

static void one_look(void **state)
{
	static const struct {
		const char *name, *local, *domain;
		enum found_as found;
		enum address_row_kind kind;
		const char *address;
	} cases[] = {
		{ "an account", "alice", "example.org", FOUND_EXACT, ADDRESS_ACCOUNT, "alice@example.org" },
		{ "with a tag", "alice+x", "example.org", FOUND_TAGGED, ADDRESS_ACCOUNT,
		  "alice@example.org" },
		{ "with two tags", "alice+x+y", "example.org", FOUND_TAGGED, ADDRESS_ACCOUNT,
		  "alice@example.org" },
		{ "with an empty tag", "alice+", "example.org", FOUND_TAGGED, ADDRESS_ACCOUNT,
		  "alice@example.org" },
		{ "an alias", "team", "example.org", FOUND_EXACT, ADDRESS_ALIAS, "team@example.org" },
		{ "a tagged alias", "team+x", "example.org", FOUND_TAGGED, ADDRESS_ALIAS,
		  "team@example.org" },
		{ "exact goes before tag", "alice+own", "example.org", FOUND_EXACT, ADDRESS_ALIAS,
		  "alice+own@example.org" },
		{ "nobody", "bob", "example.org", FOUND_NOBODY, 0, NULL },
		{ "a tag alone", "+x", "example.org", FOUND_NOBODY, 0, NULL },
		{ "not local", "alice", "example.net", FOUND_NOT_LOCAL, 0, NULL },
		{ "a subdomain is another", "alice", "sub.example.org", FOUND_NOT_LOCAL, 0, NULL },
		{ "catch-all", "bob", "all.example", FOUND_CATCH_ALL, ADDRESS_DOMAIN, "@all.example" },
		{ "catch-all, a tag alone", "+x", "all.example", FOUND_CATCH_ALL, ADDRESS_DOMAIN,
		  "@all.example" },
		{ "catch-all, an empty local part", "", "all.example", FOUND_CATCH_ALL, ADDRESS_DOMAIN,
		  "@all.example" },
		{ "nobody, an empty local part", "", "example.org", FOUND_NOBODY, 0, NULL },
		{ "exact goes before catch-all", "bob", "both.example", FOUND_EXACT, ADDRESS_ALIAS,
		  "bob@both.example" },
	};
	static const char *const targets[] = { "alice@example.org" };
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct domain all = { .name = "all.example", .catch_all = "alice@example.org" },
	              both = { .name = "both.example", .catch_all = "alice@example.org" };

	good(domain_put(f->stack, NULL, &all, WHY));
	good(domain_put(f->stack, NULL, &both, WHY));
	good(alias_put(f->stack, NULL, SLICE("team@example.org"), targets, 1, RECORD_NEW, WHY));
	good(alias_put(f->stack, NULL, SLICE("alice+own@example.org"), targets, 1, RECORD_NEW, WHY));
	good(alias_put(f->stack, NULL, SLICE("bob@both.example"), targets, 1, RECORD_NEW, WHY));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address_row row = { .address = NULL };
		enum found_as found;

		print_message("%s\n", cases[i].name);
		good(address_find(f->stack, slice_str(cases[i].local), slice_str(cases[i].domain), f->arena,
		                  &found, &row, WHY));
		assert_int_equal(found, cases[i].found);
		if (!cases[i].address)
			continue;
		assert_string_equal(row.address, cases[i].address);
		assert_int_equal(row.kind, cases[i].kind);
		if (row.kind != ADDRESS_ACCOUNT)
			continue;
		assert_true(id_eq(&row.account, &alice.account.id));
		assert_true(id_eq(&row.inbox, &alice.account.inbox));
		assert_true(id_eq(&row.junk, &alice.account.junk));
		assert_memory_equal(row.public_key.raw, alice.account.public_key.raw, 32);
		assert_int_equal(row.generation, 1);
	}
}

/* A key longer than any that is stored is nobody's, and no fault. */
static void a_long_address(void **state)
{
	struct fixture *f = *state;
	char local[193], domain[251]; /* as long as mail/address.h lets pass */
	struct address_row row;
	enum found_as found;

	memset(local, 'l', sizeof(local) - 1);
	local[sizeof(local) - 1] = '\0';
	for (size_t i = 0; i < sizeof(domain) - 1; i++)
		domain[i] = i % 50 == 49 ? '.' : 'd';
	domain[sizeof(domain) - 1] = '\0';
	good(address_find(f->stack, slice_str(local), slice_str(domain), f->arena, &found, &row, WHY));
	assert_int_equal(found, FOUND_NOT_LOCAL);
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

/* ---- the queue's key ---- */

static void queue_key(void **state)
{
	struct fixture *f = *state;
	struct stack *early = fixture_stack(f, 0), *late;
	struct account_public public, again;
	struct account_key *key;
	uint8_t generation;
	bool done = true;

	/* who holds no ring makes none */
	bad(FAULT_NOT_FOUND, queue_public_key(early, &public, &generation, WHY));
	good(queue_public_key(f->stack, &public, &generation, WHY));
	assert_int_equal(generation, 1);
	good(queue_public_key(early, &again, &generation, WHY));
	assert_memory_equal(public.raw, again.raw, sizeof(public.raw));
	late = fixture_stack(f, STACK_QUEUE_RING);
	good(queue_private_key(late, &key, WHY));
	account_key_public(key, &again);
	assert_memory_equal(public.raw, again.raw, sizeof(public.raw));
	account_key_unref(key);
	bad(FAULT_DENIED, queue_private_key(early, &key, WHY));
	good(key_pair_rewrap(late, PAIR_QUEUE, &done, WHY));
	assert_false(done);
	stack_close(early);
	stack_close(late);
}

/* ---- the audit trail ---- */

static void audits(void **state)
{
	struct fixture *f = *state;
	struct slice after = nowhere;
	struct audit_row *rows;
	size_t n, all = 0;

	fixture_domain(f, "example.org");
	(void)fixture_account(f, "alice@example.org");
	fixture_domain(f, "other.example");
	good(audit_add(f->stack, NULL, "not.written", "x", NULL, "", WHY));
	good(audit_add(f->stack, &fixture_by, "suite.thing", "x", NULL, "detail", WHY));
	good(audit_list(f->stack, nowhere, nowhere, 10, f->arena, &rows, &n, &after, WHY));
	assert_int_equal(n, 4);
	assert_string_equal(rows[0].action, "domain.change");
	assert_string_equal(rows[1].action, "account.create");
	assert_string_equal(rows[1].object, "alice@example.org");
	assert_string_equal(rows[1].principal, "test");
	assert_string_equal(rows[1].ip, "127.0.0.1");
	assert_string_equal(rows[3].detail, "detail");
	assert_true(rows[0].at > INT64_C(1600000000000) && rows[0].at <= rows[3].at);
	good(audit_list(f->stack, SLICE("example.org"), nowhere, 10, f->arena, &rows, &n, &after, WHY));
	assert_int_equal(n, 2);
	after = nowhere;
	do {
		good(audit_list(f->stack, nowhere, after, 3, f->arena, &rows, &n, &after, WHY));
		all += n;
	} while (n);
	assert_int_equal(all, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(domains),
		case_of(dkim_keys),
		case_of(domain_changes),
		case_of(domain_deleting),
		case_of(domain_half_made),
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
		case_of(aliases),
		case_of(one_look),
		case_of(a_long_address),
		case_of(account_lists),
		case_of(queue_key),
		case_of(audits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
