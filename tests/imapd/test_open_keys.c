/* The keys of accounts in use: given out while the record wraps them so, and gone with the account's last reference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "account_ctx.h"
#include "imap_world.h"
#include "open_keys.h"

static struct account_key *unlock(struct world *world, const struct account *account)
{
	struct account_key *key;
	struct why why = { "" };

	world_must(open_keys_unlock(world->imapd->open_keys, world->daemon.stack, account, &key, &why), &why,
	           "unlocking");
	return key;
}

/* Whether it is `key` that a login would get. */
static bool gives(struct world *world, const struct account *account, const struct account_key *key)
{
	struct account_key *got = unlock(world, account);
	const bool same = got == key;

	account_key_unref(got);
	return same;
}

static void test_an_account_in_use(void **state)
{
	struct world *world = world_new();
	struct account_key *key = unlock(world, &world->account), *other;
	struct account_ctx *first, *second;

	(void)state;
	assert_false(gives(world, &world->account, key)); /* nobody is logged in */
	first = account_ctx_get(world->imapd, &world->account, account_key_ref(key));
	assert_true(gives(world, &world->account, key));
	other = unlock(world, &world->account);
	second = account_ctx_get(world->imapd, &world->account, other);
	assert_ptr_equal(first, second);
	account_ctx_unref(first);
	assert_true(gives(world, &world->account, key));
	account_ctx_unref(second);
	assert_false(gives(world, &world->account, key));
	account_key_unref(key);
	world_free(world);
}

static void test_another_wrapping(void **state)
{
	struct world *world = world_new();
	struct account changed = world->account;
	struct account_ctx *ctx = account_ctx_get(world->imapd, &world->account, account_key_ref(world->key));
	struct account_key *key;
	struct why why;

	(void)state;
	changed.wrapped.len--;
	assert_int_equal(open_keys_unlock(world->imapd->open_keys, world->daemon.stack, &changed, &key, &why),
	                 FAULT_CORRUPT);
	changed = world->account;
	changed.generation++; /* account_update() of what has another key */
	account_ctx_update(ctx, &changed);
	assert_true(gives(world, &world->account, world->key));
	assert_false(gives(world, &changed, world->key));
	account_ctx_unref(ctx);
	world_free(world);
}

/* A new key while sessions hold the old one: logins get the new one, also behind the end of those sessions. */
static void test_a_new_generation(void **state)
{
	struct world *world = world_new();
	struct account next = world->account;
	struct account_ctx *old = account_ctx_get(world->imapd, &world->account, account_key_ref(world->key));
	struct account_key *key = account_key_new((uint8_t)(next.generation + 1));
	struct account_ctx *new;

	(void)state;
	next.generation++;
	next.wrapped = SLICE("another wrapping");
	new = account_ctx_get(world->imapd, &next, account_key_ref(key));
	assert_ptr_not_equal(old, new);
	assert_true(gives(world, &next, key));
	account_ctx_unref(old);
	assert_true(gives(world, &next, key));
	account_ctx_unref(new);
	account_key_unref(key);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_account_in_use),
		cmocka_unit_test(test_another_wrapping),
		cmocka_unit_test(test_a_new_generation),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
