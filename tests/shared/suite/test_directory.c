/* directory.h: aliases, addresses, the queue's key, the audit trail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

static const struct slice nowhere = { NULL, 0 };

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
		case_of(aliases),   case_of(one_look), case_of(a_long_address),
		case_of(queue_key), case_of(audits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
