/* keyword.h: names of user flags, in a mailbox's header. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "suite/keyword.h"

static struct keywords ensure(struct fixture *f, const struct person *who, const struct id *mailbox,
                              const char *const *names, size_t n)
{
	struct keywords keywords;
	struct mailbox_head head;

	good(keywords_ensure(f->stack, &who->owner, who->key, mailbox, names, n, f->arena, &keywords, &head,
	                     WHY));
	return keywords;
}

static void adding(void **state)
{
	static const char *const first[] = { "$Forwarded", "Work" };
	static const char *const more[] = { "WORK", "Caf\xc3\xa9", "$forwarded", "new", "New" };
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct id *inbox = &alice.account.inbox;
	struct keywords keywords;

	keywords = ensure(f, &alice, inbox, first, 2);
	assert_int_equal(keywords.n, 2);
	assert_string_equal(keywords.names[0], "$Forwarded");
	wire_on(f);
	keywords = ensure(f, &alice, inbox, first, 2);
	assert_string_equal(wire_log(f), ""); /* nothing is missing: no write */
	wire_off(f);
	keywords = ensure(f, &alice, inbox, more, ARRAY_LEN(more));
	assert_int_equal(keywords.n, 4); /* the first spelling stays, and each is there once */
	assert_string_equal(keywords.names[1], "Work");
	assert_string_equal(keywords.names[3], "new");
	assert_int_equal(keywords_find(&keywords, "wOrK"), 1);
	assert_int_equal(keywords_find(&keywords, "none"), -1);
	assert_int_equal(keywords_find(&keywords, ""), -1);
	/* each mailbox has its own */
	assert_int_equal(ensure(f, &alice, &alice.account.junk, NULL, 0).n, 0);
}

static void limits(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct id *inbox = &alice.account.inbox;
	char longest[KEYWORD_NAME_MAX + 1], longer[KEYWORD_NAME_MAX + 2], huge[10000];
	const char *names[MAILBOX_KEYWORDS_MAX + 1];
	struct keywords keywords = { .n = 77 };
	struct mailbox_head head;

	memset(longest, 'x', sizeof(longest) - 1);
	memset(longer, 'x', sizeof(longer) - 1);
	memset(huge, 'x', sizeof(huge) - 1);
	longest[sizeof(longest) - 1] = longer[sizeof(longer) - 1] = huge[sizeof(huge) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names[i] = arena_printf(f->arena, "k%zu", i);
	names[0] = longer;
	bad(FAULT_INPUT, keywords_ensure(f->stack, &alice.owner, alice.key, inbox, names, 1, f->arena,
	                                 &keywords, &head, WHY));
	names[0] = huge;
	bad(FAULT_INPUT, keywords_ensure(f->stack, &alice.owner, alice.key, inbox, names, 1, f->arena,
	                                 &keywords, &head, WHY));
	names[0] = "";
	bad(FAULT_INPUT, keywords_ensure(f->stack, &alice.owner, alice.key, inbox, names, 1, f->arena,
	                                 &keywords, &head, WHY));
	names[0] = longest;
	bad(FAULT_LIMIT, keywords_ensure(f->stack, &alice.owner, alice.key, inbox, names, ARRAY_LEN(names),
	                                 f->arena, &keywords, &head, WHY));
	assert_int_equal(keywords.n, 77);
	assert_int_equal(ensure(f, &alice, inbox, names, MAILBOX_KEYWORDS_MAX).n, MAILBOX_KEYWORDS_MAX);
	bad(FAULT_LIMIT, keywords_ensure(f->stack, &alice.owner, alice.key, inbox,
	                                 names + MAILBOX_KEYWORDS_MAX, 1, f->arena, &keywords, &head, WHY));
	assert_string_equal(ensure(f, &alice, inbox, NULL, 0).names[0], longest);
}

static void faults(void **state)
{
	static const char *const names[] = { "a" };
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	const struct id nowhere = id_new();
	struct keywords keywords;
	struct mailbox_head head;

	bad(FAULT_NOT_FOUND, keywords_ensure(f->stack, &alice.owner, alice.key, &nowhere, names, 1, f->arena,
	                                     &keywords, &head, WHY));
	bad(FAULT_NOT_FOUND, keywords_ensure(f->stack, &bob.owner, bob.key, &alice.account.inbox, names, 1,
	                                     f->arena, &keywords, &head, WHY));
	(void)ensure(f, &alice, &alice.account.inbox, names, 1);
	bad(FAULT_CORRUPT, keywords_ensure(f->stack, &alice.owner, bob.key, &alice.account.inbox, names, 1,
	                                   f->arena, &keywords, &head, WHY));
}

/* Somebody else adds names between our look and our commit. */
static void racing(void **state)
{
	static const char *const names[] = { "mine" };
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct keywords keywords;
	struct mailbox_head head;

	wire_on(f);
	wire_fail("commit", 0, 3, FAULT_STALE);
	keywords = ensure(f, &alice, &alice.account.inbox, names, 1);
	assert_int_equal(keywords.n, 1);
	wire_fail("commit", 0, 1000, FAULT_STALE);
	keywords.names[0] = "other";
	bad(FAULT_TEMP, keywords_ensure(f->stack, &alice.owner, alice.key, &alice.account.inbox,
	                                keywords.names, 1, f->arena, &keywords, &head, WHY));
	wire_off(f);
}

static void mapping(void **state)
{
	static const struct keywords from = { { "a", "B", "c", "d" }, 4 }, to = { { "D", "b", "x" }, 3 },
	                             none = { { NULL }, 0 };
	static const struct {
		const char *name;
		uint64_t mask, mapped;
	} cases[] = {
		{ "none", 0, 0 },          { "one", 2, 2 },
		{ "another place", 8, 1 }, { "lacking", 1 | 4, 0 },
		{ "all", 15, 3 },          { "bits without a name", UINT64_C(1) << 63 | 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].name);
		assert_true(keywords_map(&from, cases[i].mask, &to) == cases[i].mapped);
		assert_true(keywords_map(&from, cases[i].mask, &none) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(adding), case_of(limits), case_of(faults), case_of(racing), cmocka_unit_test(mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
