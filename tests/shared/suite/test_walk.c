/* Walking the store (walk.h): what takes several batches. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "suite/directory_internal.h"
#include "suite/walk.h"

#define MANY (2 * WALK_BATCH + 7)

static void put(struct fixture *f, const struct id *account)
{
	const struct id mailbox = id_new();
	const struct id key[] = { mailbox, *account };
	const struct record record = {
		.key = slice_of(key, sizeof(key)),
		.version = RECORD_NEW,
		.accounts = id_slice(account),
		.index = { id_slice(account), id_slice(&mailbox) },
		.value = SLICE("anything"),
	};

	good(record_put(f->stack->store, &actor_system, COLL_METADATA, &record, WHY));
}

static enum fault count(void *arg, const struct record *record, struct why *why)
{
	size_t *n = arg;

	(void)record, (void)why;
	++*n;
	return FAULT_NONE;
}

static void an_account_is_forgotten(void **state)
{
	struct fixture *f = *state;
	const struct id alice = id_new(), bob = id_new();
	size_t n = 0;

	for (int i = 0; i < MANY; i++)
		put(f, &alice);
	put(f, &bob);
	good(walk_records(f->stack, COLL_METADATA, count, &n, WHY));
	assert_int_equal(n, MANY + 1);
	good(walk_forget(f->stack, &actor_admin, COLL_METADATA, &alice, WHY));
	n = 0;
	good(walk_records(f->stack, COLL_METADATA, count, &n, WHY));
	assert_int_equal(n, 1);
	good(walk_forget(f->stack, &actor_admin, COLL_METADATA, &alice, WHY));
}

int main(void)
{
	const struct CMUnitTest tests[] = { case_of(an_account_is_forgotten) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
