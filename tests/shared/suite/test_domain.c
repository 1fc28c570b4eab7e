/* Domains made, changed and deleted (directory.h), and what is left of changes that were interrupted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

static const struct slice nowhere = { NULL, 0 };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(domains),         case_of(dkim_keys),        case_of(domain_changes),
		case_of(domain_deleting), case_of(domain_half_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
