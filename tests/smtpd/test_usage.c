/* usage.h: how full accounts are, asked once in a while. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "shared/suite/fixture.h"
#include "usage.h"

static size_t lists;

static enum fault count_lists(struct store *store, const struct actor *actor, const struct id *account,
                              struct arena *arena, struct mailbox_row **ret, size_t *ret_n,
                              struct why *reason)
{
	lists++;
	return wire.store->mailbox_list(store, actor, account, arena, ret, ret_n, reason);
}

static enum fault fail_lists(struct store *store, const struct actor *actor, const struct id *account,
                             struct arena *arena, struct mailbox_row **ret, size_t *ret_n, struct why *reason)
{
	(void)store, (void)actor, (void)account, (void)arena, (void)ret, (void)ret_n;
	return fault_set(reason, FAULT_TEMP, "away");
}

static void asked_once(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct id *id = &alice.account.id;
	struct usage_cache *usage = usage_cache_new(10);
	const uint64_t size = strlen(MESSAGE);

	(void)fixture_deliver(f, &alice, &alice.account.inbox, SLICE(MESSAGE), 0);
	(void)fixture_deliver(f, &alice, &alice.account.junk, SLICE(MESSAGE), 0);
	wire_on(f);
	wire.store_ops.mailbox_list = count_lists;
	lists = 0;
	good(
	    usage_check(usage, f->stack, id, &(struct usage){ 0, 0 }, WHY)); /* no quota: never asked about */
	assert_int_equal(lists, 0);
	good(usage_check(usage, f->stack, id, &(struct usage){ 2 * size + 1, 0 }, WHY));
	bad(FAULT_OVER_QUOTA, usage_check(usage, f->stack, id, &(struct usage){ 2 * size, 0 }, WHY));
	assert_int_equal(lists, 1);
	usage_added(usage, id, 100); /* what we delivered counts at once */
	bad(FAULT_OVER_QUOTA, usage_check(usage, f->stack, id, &(struct usage){ 2 * size + 100, 0 }, WHY));
	good(usage_check(usage, f->stack, id, &(struct usage){ 2 * size + 101, 0 }, WHY));
	good(usage_check(usage, f->stack, id, &(struct usage){ 0, 4 }, WHY)); /* messages count as well */
	bad(FAULT_OVER_QUOTA, usage_check(usage, f->stack, id, &(struct usage){ UINT64_MAX, 3 }, WHY));
	assert_int_equal(lists, 1);
	wire.store_ops.mailbox_list = fail_lists;
	good(usage_check(usage, f->stack, id, &(struct usage){ UINT64_MAX, 0 }, WHY));
	wire_off(f);
	usage_cache_free(usage);
}

static void the_store_is_away(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct usage_cache *usage = usage_cache_new(10);

	wire_on(f);
	wire.store_ops.mailbox_list = fail_lists;
	bad(FAULT_TEMP, usage_check(usage, f->stack, &alice.account.id, &(struct usage){ 10, 0 }, WHY));
	wire_off(f);
	good(usage_check(usage, f->stack, &alice.account.id, &(struct usage){ 10, 0 },
	                 WHY)); /* and not remembered */
	usage_cache_free(usage);
}

static void bounded(void **state)
{
	struct fixture *f = *state;
	struct usage_cache *usage = usage_cache_new(3);
	struct id ids[10];

	usage_added(usage, &(struct id){ { 1 } }, 10); /* of nobody that is known: nothing */
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
			ids[i] = round ? ids[i] : id_new();
			good(usage_check(usage, f->stack, &ids[i], &(struct usage){ 5, 0 }, WHY));
			usage_added(usage, &ids[i], 1);
		}
	}
	usage_cache_free(usage);
	usage_cache_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { case_of(asked_once), case_of(the_store_is_away),
		                            case_of(bounded) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
