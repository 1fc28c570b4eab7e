/* Annotations: kept by name without case, sealed, bounded, several writers; gone with mailbox, account and sweep. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#include "suite/check.h"
#include "suite/metadata.h"

#define ENTRIES  5
#define NO_VALUE ((struct slice){ NULL, 0 })

static struct metadata_place place_of(const struct person *who, const struct id *mailbox,
                                      enum metadata_part part)
{
	return (struct metadata_place){ &who->owner, who->key, who->account.id, *mailbox, part };
}

static enum fault set(struct fixture *f, const struct metadata_place *place, const char *name,
                      struct slice value)
{
	const struct metadata_entry change = { slice_str(name), value };

	const struct metadata_edit edit = { &change, 1, ENTRIES };
	const enum fault fault = metadata_check(f->stack, place, &edit, WHY);

	assert_int_equal(metadata_change(f->stack, place, &edit, WHY), fault); /* it says so beforehand */
	return fault;
}

static const char *texts(struct fixture *f, const struct metadata_place *place)
{
	struct metadata metadata;
	const char *text = "";

	good(metadata_load(f->stack, place, f->arena, &metadata, WHY));
	for (size_t i = 0; i < metadata.n; i++)
		text = arena_printf(f->arena, "%s%.*s=%.*s ", text, SLICE_FMT(metadata.list[i].name),
		                    SLICE_FMT(metadata.list[i].value));
	return text;
}

static size_t count(struct fixture *f)
{
	static const struct actor admin = { .kind = ACTOR_ADMIN };
	const struct record_query query = { .collection = COLL_METADATA, .index = -1, .limit = 100 };
	struct record *records;
	size_t n;

	good(record_find(f->stack->store, &admin, &query, f->arena, &records, &n, WHY));
	for (size_t i = 0; i < n; i++)
		assert_null(memmem(records[i].value.data, records[i].value.len, "secret", 6));
	return n;
}

static void test_changes(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct metadata_place own = place_of(&alice, &alice.account.inbox, METADATA_PRIVATE);
	const struct metadata_place shared = place_of(&alice, &alice.account.inbox, METADATA_SHARED);

	assert_string_equal(texts(f, &own), "");
	good(set(f, &own, "/private/gone", NO_VALUE));
	assert_int_equal(count(f), 0); /* nothing is kept of nothing */
	good(set(f, &own, "/private/b", SLICE("secret")));
	good(set(f, &own, "/Private/A", SLICE("")));
	good(set(f, &shared, "/shared/a", SLICE("secret for all")));
	assert_string_equal(texts(f, &own), "/Private/A= /private/b=secret ");
	good(set(f, &own, "/private/a", SLICE("1"))); /* the first spelling stays */
	good(set(f, &own, "/PRIVATE/B", NO_VALUE));
	assert_string_equal(texts(f, &own), "/Private/A=1 ");
	assert_string_equal(texts(f, &shared), "/shared/a=secret for all ");
	assert_int_equal(count(f), 2);
	good(set(f, &own, "/private/a", NO_VALUE));
	assert_int_equal(count(f), 1);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct metadata_place own = place_of(&alice, &alice.account.inbox, METADATA_PRIVATE);
	const struct slice large = slice_of(arena_zalloc(f->arena, METADATA_VALUE_MAX), METADATA_VALUE_MAX);
	char name[] = "/private/0";

	for (int i = 0; i < ENTRIES; i++, name[9]++)
		good(set(f, &own, name, SLICE("x")));
	bad(FAULT_LIMIT, set(f, &own, name, SLICE("x")));
	good(set(f, &own, "/private/0", SLICE("y"))); /* no more of them than before */
	good(set(f, &own, "/private/0", large));
	good(set(f, &own, "/private/1", large));
	bad(FAULT_LIMIT, set(f, &own, "/private/2", large)); /* together they are too much */
	good(set(f, &own, "/private/3", NO_VALUE));
}

static void test_bound(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct metadata_place own = place_of(&alice, &alice.account.inbox, METADATA_PRIVATE);
	struct metadata metadata;

	good(set(f, &own, "/private/a", SLICE("secret")));
	own.key = bob.key;
	bad(FAULT_CORRUPT, metadata_load(f->stack, &own, f->arena, &metadata, WHY));
	own = place_of(&bob, &alice.account.inbox, METADATA_PRIVATE); /* a guest's own */
	assert_string_equal(texts(f, &own), "");
	good(set(f, &own, "/private/a", SLICE("the guest's secret")));
	own = place_of(&alice, &alice.account.inbox, METADATA_PRIVATE);
	assert_string_equal(texts(f, &own), "/private/a=secret ");
}

static void annotate(struct fixture *f, const struct person *who, const struct id *mailbox)
{
	const struct metadata_place own = place_of(who, mailbox, METADATA_PRIVATE);
	const struct metadata_place shared = place_of(who, mailbox, METADATA_SHARED);

	good(set(f, &own, "/private/comment", SLICE("secret")));
	if (!id_is_zero(mailbox))
		good(set(f, &shared, "/shared/comment", SLICE("secret")));
}

struct seen {
	struct id foreign;
	size_t own, common, damaged, enough;
	bool has_foreign;
};

static bool see(void *arg, const struct metadata_place *place, const struct metadata *metadata)
{
	struct seen *seen = arg;

	if (metadata->damaged) {
		seen->damaged++;
		return true;
	}
	assert_int_equal(metadata->n, 1);
	assert_true(slice_starts(metadata->list[0].value, "secret"));
	if (place->part == METADATA_PRIVATE)
		seen->own++;
	else
		seen->common++;
	seen->has_foreign |= id_eq(&place->mailbox, &seen->foreign);
	return seen->own + seen->common != seen->enough;
}

/* All of one account, its own in others' mailboxes as well, and nobody else's; what does not open is said to be so. */
static void test_each(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct seen seen = { .foreign = bob.account.inbox };
	struct metadata_place place;

	good(metadata_each(f->stack, &alice.owner, alice.key, see, &seen, WHY));
	assert_int_equal(seen.own + seen.common + seen.damaged, 0);
	for (unsigned i = 0; i < 20; i++) {
		const struct id mailbox = id_new();

		annotate(f, &alice, &mailbox);
	}
	annotate(f, &bob, &bob.account.inbox);
	place = place_of(&alice, &bob.account.inbox, METADATA_PRIVATE);
	good(set(f, &place, "/private/comment", SLICE("secret of a guest")));
	place = place_of(&alice, &alice.account.inbox, METADATA_PRIVATE);
	place.key = bob.key;
	good(set(f, &place, "/private/comment", SLICE("secret")));
	good(metadata_each(f->stack, &alice.owner, alice.key, see, &seen, WHY));
	assert_int_equal(seen.own, 21);
	assert_int_equal(seen.common, 20);
	assert_int_equal(seen.damaged, 1);
	assert_true(seen.has_foreign);
	seen = (struct seen){ .enough = 5 };
	good(metadata_each(f->stack, &alice.owner, alice.key, see, &seen, WHY));
	assert_int_equal(seen.own + seen.common, 5);
}

static void test_gone(void **state)
{
	static const struct id server = { { 0 } };
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct sweep_result result;
	struct id box;

	good(folder_create(f->stack, &alice.owner, alice.key, "Box", 0, false, &box, WHY));
	annotate(f, &alice, &box);
	annotate(f, &alice, &server);
	annotate(f, &bob, &bob.account.inbox);
	annotate(f, &bob, &server);
	assert_int_equal(count(f), 6);
	good(folder_delete(f->stack, &alice.owner, alice.key, "Box", WHY));
	assert_int_equal(count(f), 4);
	annotate(f, &alice, &box); /* a session that was too late */
	good(account_delete(f->stack, &fixture_by, &bob.account.id, WHY));
	assert_int_equal(count(f), 3);
	good(sweep_run(f->stack, 0, true, NULL, NULL, &result, WHY));
	assert_int_equal(result.metadata_removed, 2);
	assert_int_equal(count(f), 3);
	good(sweep_run(f->stack, 0, false, NULL, NULL, &result, WHY));
	assert_int_equal(count(f), 1); /* what alice says of the server */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(test_changes), case_of(test_limits), case_of(test_bound),
		case_of(test_each),    case_of(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
