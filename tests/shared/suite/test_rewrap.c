/* Rotating the key rings: rewrap_run() (check.h), and processes that run on with the old ring (stack.h). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "suite/check.h"

static struct slice read_ring(struct fixture *f, const char *name)
{
	FILE *file = fopen(fixture_path(f, name), "r");
	char *text = arena_zalloc(f->arena, KEYRING_TEXT_MAX);
	size_t len;

	assert(file);
	len = fread(text, 1, KEYRING_TEXT_MAX, file);
	fclose(file);
	return slice_of(text, len);
}

/* One key more, which is the active one; or without key `drop`. */
static void change_ring(struct fixture *f, const char *name, uint32_t drop)
{
	struct slice old = read_ring(f, name);
	struct buf now;

	buf_init(&now, KEYRING_TEXT_MAX);
	if (drop)
		good(keyring_drop(old, drop, &now, WHY));
	else
		good(keyring_grow(old, &now, WHY));
	fixture_write(fixture_path(f, name), buf_slice(&now));
	buf_done(&now);
}

static void unlocks(struct fixture *f, struct stack *stack, const struct id *id)
{
	struct account account;
	struct account_key *key;
	struct account_public public;

	good(account_get(stack, id, f->arena, &account, WHY));
	good(account_unlock(stack, &account, &key, WHY));
	account_key_public(key, &public);
	assert_memory_equal(public.raw, account.public_key.raw, sizeof(public.raw));
	account_key_unref(key);
}

static void on_progress(void *arg, const struct walk_progress *progress)
{
	uint64_t *last = arg;

	assert_true(progress->done > *last);
	assert_string_equal(progress->doing, "re-wrapping account keys");
	*last = progress->done;
}

static uint64_t rewrap(struct stack *stack)
{
	uint64_t n = 99, last = 0;

	good(rewrap_run(stack, on_progress, &last, &n, WHY));
	return n;
}

static void rotation(void **state)
{
	struct fixture *f = *state;
	struct stack *running = f->stack, *fresh;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct account_public before, after;
	struct account_key *key;
	struct account account;
	uint8_t generation;

	good(queue_public_key(running, &before, &generation, WHY));
	assert_int_equal(rewrap(running), 0);
	change_ring(f, "keys/accounts.ring", 0);
	change_ring(f, "keys/queue.ring", 0);
	fresh = fixture_stack(f, STACK_ACCOUNTS_RING | STACK_QUEUE_RING);
	assert_int_equal(stack_active_kek(fresh, STACK_ACCOUNTS_RING), 2);
	assert_int_equal(stack_active_kek(running, STACK_ACCOUNTS_RING), 1);
	assert_int_equal(rewrap(fresh), 4); /* two accounts, the queue, the timeline */
	assert_int_equal(rewrap(fresh), 0);
	account = fixture_get(f, &alice.account.id);
	assert_int_equal(keyring_wrapped_by(account.wrapped), 2);
	assert_int_equal(password_check(account.password.argon, SLICE(PASSWORD)), FAULT_NONE);

	/* a process that was there before meets the new key, and learns it */
	unlocks(f, running, &alice.account.id);
	assert_int_equal(stack_active_kek(running, STACK_ACCOUNTS_RING), 2);
	clock_sleep(1100); /* the other ring: reading again is not done twice a second */
	good(queue_private_key(running, &key, WHY));
	account_key_public(key, &after);
	assert_memory_equal(before.raw, after.raw, sizeof(before.raw));
	account_key_unref(key);

	/* the old keys can go */
	change_ring(f, "keys/accounts.ring", 1);
	change_ring(f, "keys/queue.ring", 1);
	stack_close(fresh);
	fresh = fixture_stack(f, STACK_ACCOUNTS_RING | STACK_QUEUE_RING);
	unlocks(f, fresh, &bob.account.id);
	good(queue_private_key(fresh, &key, WHY));
	account_key_unref(key);
	assert_int_equal(rewrap(fresh), 0);
	stack_close(fresh);
}

/* An account is changed while it is re-wrapped: neither change is lost. */
static void beside_changes(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct stack *was = f->stack;
	struct account_public public;
	uint8_t generation;
	uint64_t n;

	good(queue_public_key(f->stack, &public, &generation, WHY));
	change_ring(f, "keys/accounts.ring", 0);
	f->stack = fixture_stack(f, STACK_ACCOUNTS_RING | STACK_QUEUE_RING);
	wire_on(f);
	wire_fail("put accounts", 0, 3, FAULT_STALE);
	good(rewrap_run(f->stack, NULL, NULL, &n, WHY));
	assert_int_equal(n, 1);
	wire_fail("put accounts", 0, 1, FAULT_TEMP);
	assert_int_equal(rewrap(f->stack), 0); /* nothing to do, no put */
	wire_off(f);
	unlocks(f, f->stack, &alice.account.id);
	stack_close(was);
}

/* One that does not open is told of; the others are done all the same. */
static void a_damaged_one(void **state)
{
	struct fixture *f = *state;
	struct stack *was = f->stack;
	struct account_public public;
	struct person a, b;
	struct account account;
	uint8_t generation, *copy;
	uint64_t n = 7;

	fixture_domain(f, "example.org");
	a = fixture_person(f, "a@example.org");
	b = fixture_person(f, "b@example.org");
	good(queue_public_key(f->stack, &public, &generation, WHY));
	account = fixture_get(f, &a.account.id);
	copy = arena_alloc(f->arena, account.wrapped.len);
	memcpy(copy, account.wrapped.data, account.wrapped.len);
	copy[account.wrapped.len - 1] ^= 1;
	account.wrapped.data = copy;
	good(account_put(f->stack, NULL, &account, WHY));

	change_ring(f, "keys/accounts.ring", 0);
	f->stack = fixture_stack(f, STACK_ACCOUNTS_RING | STACK_QUEUE_RING);
	bad(FAULT_CORRUPT, rewrap_run(f->stack, NULL, NULL, &n, WHY));
	assert_non_null(strstr(fixture_why.text, "1 accounts"));
	assert_non_null(strstr(fixture_why.text, "a@example.org"));
	assert_int_equal(n, 7);
	account = fixture_get(f, &b.account.id);
	assert_int_equal(keyring_wrapped_by(account.wrapped), 2);

	/* wrapped by a key that no ring has */
	copy[account.wrapped.len - 1] ^= 1;
	copy[1] = 77;
	account = fixture_get(f, &a.account.id);
	account.wrapped.data = copy;
	good(account_put(f->stack, NULL, &account, WHY));
	bad(FAULT_CONFIG, rewrap_run(f->stack, NULL, NULL, &n, WHY));
	stack_close(was);
}

/* Without a ring there is nothing to do it with; the ring's file may be gone or spoilt while the process runs on. */
static void rings_away(void **state)
{
	struct fixture *f = *state;
	struct stack *ringless = fixture_stack(f, 0);
	struct person alice = fixture_alice(f);
	struct account mixed = alice.account;
	struct account_key *key = NULL;
	uint8_t *copy = arena_alloc(f->arena, mixed.wrapped.len);
	uint64_t n;

	assert_int_equal(stack_active_kek(ringless, STACK_QUEUE_RING), 0);
	bad(FAULT_DENIED, rewrap_run(ringless, NULL, NULL, &n, WHY));
	stack_close(ringless);

	fixture_write(fixture_path(f, "keys/accounts.ring"), SLICE("spoilt\n"));
	memcpy(copy, mixed.wrapped.data, mixed.wrapped.len);
	copy[1] = 77;
	mixed.wrapped.data = copy;
	bad(FAULT_NOT_FOUND, account_unlock(f->stack, &mixed, &key, WHY));
	assert_non_null(strstr(fixture_why.text, "77"));
	unlocks(f, f->stack, &alice.account.id);
	bad(FAULT_CONFIG, stack_open(&f->conf, STACK_ACCOUNTS_RING, NULL, "test", &ringless, WHY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(rotation),
		case_of(beside_changes),
		case_of(a_damaged_one),
		case_of(rings_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
