/* principal.h: tokens of the REST API, by name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "suite/principal.h"

static const struct slice start = { NULL, 0 };

static struct token_text make(struct fixture *f, const char *name, int64_t expires)
{
	static const struct role_binding roles[] = { { ROLE_OWNER, NULL } };
	struct token_text token;

	good(principal_create(f->stack, &fixture_by, name, roles, 1, expires, &token, WHY));
	return token;
}

static void finding(void **state)
{
	static const struct role_binding roles[] = { { ROLE_OWNER, NULL },
		                                     { ROLE_READ_ONLY, "example.org" } };
	struct fixture *f = *state;
	struct principal principal;
	struct token_text token, other = make(f, "other", 0);
	char wrong[sizeof(token.text)];

	good(principal_create(f->stack, &fixture_by, "ci-1_a.b@c", roles, 2, 0, &token, WHY));
	good(principal_find(f->stack, slice_str(token.text), f->arena, &principal, WHY));
	assert_string_equal(principal.name, "ci-1_a.b@c");
	assert_int_equal(principal.n_roles, 2);
	assert_int_equal(principal.roles[0].role, ROLE_OWNER);
	assert_null(principal.roles[0].domain);
	assert_string_equal(principal.roles[1].domain, "example.org");
	assert_int_equal(principal.expires, 0);
	assert_true(principal.created > clock_now() - 60000);

	assert_string_not_equal(token.text, other.text);
	memcpy(wrong, token.text, sizeof(wrong));
	wrong[strlen(wrong) - 1] = wrong[strlen(wrong) - 1] == 'A' ? 'B' : 'A';
	bad(FAULT_AUTH, principal_find(f->stack, slice_str(wrong), f->arena, &principal, WHY));
	bad(FAULT_AUTH, principal_find(f->stack, SLICE(""), f->arena, &principal, WHY));
	bad(FAULT_AUTH, principal_find(f->stack, SLICE("nonsense"), f->arena, &principal, WHY));
}

/* What is stored does not let anybody in. */
static void kept_as_a_hash(void **state)
{
	struct fixture *f = *state;
	struct token_text token = make(f, "one", 0);
	const struct record_query query = { .collection = COLL_TOKENS, .index = -1, .limit = 10 };
	const struct actor admin = { .kind = ACTOR_ADMIN };
	struct record *records;
	size_t n;

	good(record_find(f->stack->store, &admin, &query, f->arena, &records, &n, WHY));
	assert_int_equal(n, 1);
	assert_true(slice_find(records[0].value, slice_str(token.text)) < 0);
	assert_int_equal(records[0].key.len, sizeof(struct token_hash));
	assert_true(slice_find(slice_str(token.text), records[0].key) < 0);
}

static void expiring(void **state)
{
	struct fixture *f = *state;
	struct token_text past = make(f, "past", clock_now() - 1),
	                  soon = make(f, "soon", clock_now() + 60000);
	struct principal principal;

	bad(FAULT_AUTH, principal_find(f->stack, slice_str(past.text), f->arena, &principal, WHY));
	good(principal_find(f->stack, slice_str(soon.text), f->arena, &principal, WHY));
	assert_true(principal.expires > clock_now());
}

static void refused(void **state)
{
	static const struct role_binding one[] = { { ROLE_OWNER, NULL } },
	                                 raw[] = { { ROLE_OWNER, "\xff.example" } };
	static struct role_binding many[PRINCIPAL_ROLES_MAX + 1];
	static const struct {
		const char *name, *token;
		size_t roles;
		enum fault fault;
	} cases[] = {
		{ "taken", "taken", 1, FAULT_EXISTS },
		{ "empty", "", 1, FAULT_INPUT },
		{ "a blank", "a b", 1, FAULT_INPUT },
		{ "a quote", "a\"b", 1, FAULT_INPUT },
		{ "not ASCII", "\xc3\xa4", 1, FAULT_INPUT },
		{ "too long", "01234567890123456789012345678901234567890123456789012345678901234", 1,
		  FAULT_INPUT },
		{ "no role", "norole", 0, FAULT_INPUT },
		{ "too many roles", "many", PRINCIPAL_ROLES_MAX + 1, FAULT_INPUT },
	};
	struct fixture *f = *state;
	struct principal *list;
	struct token_text token;
	size_t n;

	(void)make(f, "taken", 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].name);
		bad(cases[i].fault,
		    principal_create(f->stack, &fixture_by, cases[i].token, cases[i].roles > 1 ? many : one,
		                     cases[i].roles, 0, &token, WHY));
	}
	bad(FAULT_INPUT, principal_create(f->stack, &fixture_by, "raw", raw, 1, 0, &token, WHY));
	good(principal_list(f->stack, start, 10, f->arena, &list, &n, WHY));
	assert_int_equal(n, 1);
}

static void listing_and_deleting(void **state)
{
	struct fixture *f = *state;
	struct token_text b = make(f, "b", 0);
	struct slice after = start;
	struct principal *list, principal;
	size_t n, all = 0;

	(void)make(f, "c", 0);
	(void)make(f, "a", 0);
	do {
		good(principal_list(f->stack, after, 2, f->arena, &list, &n, WHY));
		for (size_t i = 0; i < n; i++, all++)
			assert_int_equal(list[i].name[0], 'a' + (int)all);
		if (n)
			after = slice_str(list[n - 1].name);
	} while (n == 2);
	assert_int_equal(all, 3);
	good(principal_delete(f->stack, &fixture_by, SLICE("b"), WHY));
	bad(FAULT_NOT_FOUND, principal_delete(f->stack, &fixture_by, SLICE("b"), WHY));
	bad(FAULT_AUTH, principal_find(f->stack, slice_str(b.text), f->arena, &principal, WHY));
	good(principal_list(f->stack, start, 10, f->arena, &list, &n, WHY));
	assert_int_equal(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(finding), case_of(kept_as_a_hash),       case_of(expiring),
		case_of(refused), case_of(listing_and_deleting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
