/* Slowing guesses down, with a clock of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "auth/lockout.h"
#include "base/rand.h"

#define MINUTE 60000LL
#define HOUR   (60 * MINUTE)
#define ALICE  SLICE("alice@example.org")

static int64_t now;

static int64_t test_clock(void)
{
	return now;
}

static int start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

static struct lockout *lockout_made(unsigned max, size_t entries)
{
	now = 1000;
	return lockout_new(&(struct lockout_conf){
	    .network_failures = max, .login_failures = max, .entries_max = entries, .now_ms = test_clock });
}

static void fail_times(struct lockout *lockout, const char *ip, struct slice login, int times)
{
	for (int i = 0; i < times; i++)
		lockout_failed(lockout, ip, login);
}

static void waits_double_and_end_in_a_block(void **state)
{
	static const int64_t delays[] = { 0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, -1 };
	struct lockout *lockout = lockout_made(0, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		int64_t delay = lockout_delay(lockout, "192.0.2.1", ALICE);

		if (delay != delays[i])
			fail_msg("after %zu failures: %d", i, (int)delay);
		lockout_failed(lockout, "192.0.2.1", ALICE);
		now += 1000; /* which lets a little of each failure go */
	}
	lockout_free(lockout);
	lockout_free(NULL);
}

static void blocks_end_and_failures_fade(void **state)
{
	struct lockout *lockout = lockout_made(10, 0);

	(void)state;
	fail_times(lockout, "192.0.2.1", ALICE, 10);
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), -1);
	now += 10 * MINUTE - 1;
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), -1);
	now += 1; /* a half-life: five are left */
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), 1000);
	fail_times(lockout, "192.0.2.1", ALICE, 5);
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), -1);
	now += HOUR; /* six half-lives */
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), 0);
	now += 1000 * HOUR;
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), 0);
	lockout_free(lockout);
}

/* How many failures before a name, a network, and a name where it is known are blocked, and for how long. */
static void limits_and_times_are_settings(void **state)
{
	static const struct {
		const char *name;
		struct lockout_conf conf;
		int name_blocks, network_blocks, pair_blocks; /* at which failure */
		int64_t block_ms;
	} cases[] = {
		{ "defaults", { 0 }, 10, 10, 10, 10 * MINUTE },
		{ "a name's", { .login_failures = 4 }, 4, 10, 4, 10 * MINUTE },
		{ "a network's", { .network_failures = 40 }, 10, 40, 10, 10 * MINUTE },
		{ "all", { .network_failures = 5, .login_failures = 7, .block_ms = HOUR }, 7, 5, 7, HOUR },
		{ "a short ban", { .block_ms = 1000 }, 10, 10, 10, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lockout_conf conf = cases[i].conf;
		struct lockout *lockout;
		char ip[32], login[32];
		int name = 0, network = 0, pair = 0;

		now = 1000;
		conf.now_ms = test_clock;
		lockout = lockout_new(&conf);
		do {
			snprintf(ip, sizeof(ip), "198.51.100.%d", ++name);
		} while (!lockout_failed(lockout, ip, ALICE));
		do {
			snprintf(login, sizeof(login), "user%d", ++network);
		} while (!lockout_failed(lockout, "192.0.2.1", slice_str(login)));
		lockout_succeeded(lockout, "203.0.113.1", SLICE("bob"));
		while (lockout_delay(lockout, "203.0.113.1", SLICE("bob")) >= 0) {
			lockout_failed(lockout, "203.0.113.1", SLICE("bob"));
			pair++;
		}
		if (name != cases[i].name_blocks || network != cases[i].network_blocks ||
		    pair != cases[i].pair_blocks)
			fail_msg("%s: blocked at %d, %d, %d", cases[i].name, name, network, pair);
		now += cases[i].block_ms - 1;
		assert_int_equal(lockout_delay(lockout, "192.0.2.1", SLICE("carol")), -1);
		now++;
		assert_true(lockout_delay(lockout, "192.0.2.1", SLICE("carol")) >= 0);
		assert_int_equal(lockout_block_ms(lockout), cases[i].block_ms);
		lockout_free(lockout);
	}
}

/* A failure weighs half after each window, whatever a block takes. */
static void failures_fade_by_the_window(void **state)
{
	const struct lockout_conf conf = {
		.login_failures = 8, .window_ms = MINUTE, .block_ms = HOUR, .now_ms = test_clock
	};
	struct lockout *lockout;

	(void)state;
	now = 1000;
	lockout = lockout_new(&conf);
	fail_times(lockout, "192.0.2.1", ALICE, 7);
	now += 3 * MINUTE; /* one is left */
	fail_times(lockout, "192.0.2.2", ALICE, 6);
	assert_true(lockout_delay(lockout, "192.0.2.3", ALICE) >= 0);
	fail_times(lockout, "192.0.2.2", ALICE, 1);
	assert_int_equal(lockout_delay(lockout, "192.0.2.3", ALICE), -1);
	now += HOUR - 1;
	assert_int_equal(lockout_delay(lockout, "192.0.2.3", ALICE), -1);
	now += 1;
	assert_int_equal(lockout_delay(lockout, "192.0.2.3", ALICE), 0);
	lockout_free(lockout);
}

static void networks_and_names_count_apart(void **state)
{
	static const struct {
		const char *name, *failed_from;
		struct slice failed_as;
		const char *from;
		struct slice as;
		bool blocked;
	} cases[] = {
		{ "the same", "192.0.2.1", ALICE, "192.0.2.1", ALICE, true },
		{ "the same network, another name", "192.0.2.1", ALICE, "192.0.2.1", SLICE("bob"), true },
		{ "another network, the same name", "192.0.2.1", ALICE, "192.0.2.2", ALICE, true },
		{ "another case of the name", "192.0.2.1", ALICE, "192.0.2.2", SLICE("ALICE@Example.ORG"),
		  true },
		{ "both others", "192.0.2.1", ALICE, "192.0.2.2", SLICE("bob"), false },
		{ "an IPv6 /64", "2001:db8::1", ALICE, "2001:db8::ffff:1", SLICE("bob"), true },
		{ "another /64", "2001:db8::1", ALICE, "2001:db8:0:1::1", SLICE("bob"), false },
		{ "IPv4 in IPv6", "::ffff:192.0.2.1", ALICE, "192.0.2.1", SLICE("bob"), true },
		{ "IPv4 in IPv6 is no /64", "::ffff:192.0.2.1", ALICE, "::ffff:192.0.2.2", SLICE("bob"),
		  false },
		{ "no address", "unix", ALICE, "unix", SLICE("bob"), true },
		{ "no name, from there", "192.0.2.1", SLICE(""), "192.0.2.1", ALICE, true },
		{ "no name, elsewhere", "192.0.2.1", SLICE(""), "192.0.2.2", SLICE(""), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lockout *lockout = lockout_made(10, 0);

		fail_times(lockout, cases[i].failed_from, cases[i].failed_as, 10);
		if ((lockout_delay(lockout, cases[i].from, cases[i].as) == -1) != cases[i].blocked)
			fail_msg("%s", cases[i].name);
		lockout_free(lockout);
	}
}

static void guessing_elsewhere_does_not_lock_the_owner_out(void **state)
{
	struct lockout *lockout = lockout_made(10, 0);

	(void)state;
	lockout_succeeded(lockout, "192.0.2.1", ALICE);
	fail_times(lockout, "203.0.113.9", ALICE, 20);
	assert_int_equal(lockout_delay(lockout, "203.0.113.9", ALICE), -1);
	assert_int_equal(lockout_delay(lockout, "198.51.100.1", ALICE), -1);
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), 0);
	now += 24 * HOUR; /* trusted no longer, and the guessing goes on */
	fail_times(lockout, "203.0.113.9", ALICE, 20);
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), -1);
	lockout_free(lockout);
}

static void one_phone_does_not_lock_the_office_out(void **state)
{
	struct lockout *lockout = lockout_made(10, 0);

	(void)state;
	lockout_succeeded(lockout, "192.0.2.1", ALICE);
	fail_times(lockout, "192.0.2.1", ALICE, 20);
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), -1); /* trust has its limit */
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", SLICE("bob")), 0);
	assert_int_equal(lockout_delay(lockout, "198.51.100.1", ALICE), 0);
	now += 10 * MINUTE;
	lockout_succeeded(lockout, "192.0.2.1", ALICE);
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), 0);
	lockout_free(lockout);
}

static void success_buys_no_guesses_at_others(void **state)
{
	struct lockout *lockout = lockout_made(10, 0);

	(void)state;
	for (int i = 0; i < 9; i++) {
		lockout_failed(lockout, "192.0.2.1", ALICE);
		lockout_succeeded(lockout, "192.0.2.1", SLICE("mallory"));
	}
	lockout_failed(lockout, "192.0.2.1", ALICE);
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", ALICE), -1);
	lockout_free(lockout);
}

static void memory_is_bounded_and_the_busy_stay(void **state)
{
	struct lockout *lockout = lockout_made(10, 100);
	char login[32];

	(void)state;
	fail_times(lockout, "192.0.2.1", SLICE("victim"), 10);
	for (int i = 0; i < 1000; i++) {
		snprintf(login, sizeof(login), "user%d", i);
		lockout_failed(lockout, "198.51.100.7", slice_str(login));
		if (i % 50 == 0) /* who is asked about is not forgotten */
			assert_int_equal(lockout_delay(lockout, "192.0.2.1", SLICE("victim")), -1);
	}
	for (int i = 0; i < 1000; i++)
		lockout_failed(lockout, "198.51.100.7", slice_str(i % 2 ? "a" : "b"));
	for (int i = 0; i < 100; i++) {
		snprintf(login, sizeof(login), "later%d", i);
		lockout_failed(lockout, "198.51.100.7", slice_str(login));
	}
	assert_int_equal(lockout_delay(lockout, "192.0.2.1", SLICE("victim")), 0);
	lockout_free(lockout);
}

/* What it blocked is said once, and can be forgiven: the network by any way of writing it, the name in any case. */
static void what_is_blocked_can_be_forgiven(void **state)
{
	struct lockout *lockout = lockout_made(3, 0);
	const char *ip = "2001:db8::7";

	(void)state;
	assert_int_equal(lockout_failed(lockout, ip, ALICE), 0);
	assert_int_equal(lockout_failed(lockout, ip, ALICE), 0);
	assert_int_equal(lockout_failed(lockout, ip, ALICE), LOCKOUT_NETWORK | LOCKOUT_LOGIN);
	assert_int_equal(lockout_failed(lockout, ip, SLICE("bob")), 0);
	lockout_forgive(lockout, "2001:db8::/64", true);
	lockout_forgive(lockout, "192.0.2.1", true);
	assert_int_equal(lockout_delay(lockout, ip, SLICE("carol")), 0);
	assert_int_equal(lockout_delay(lockout, ip, ALICE), -1);
	lockout_forgive(lockout, "ALICE@example.org", false);
	assert_true(lockout_delay(lockout, ip, ALICE) >= 0);
	assert_false(lockout_trusts(lockout, ip, ALICE));
	lockout_succeeded(lockout, ip, ALICE);
	assert_true(lockout_trusts(lockout, "2001:db8::8", ALICE));
	assert_int_equal(lockout_failed(lockout, ip, ALICE), 0);
	lockout_free(lockout);
}

static void *hammer(void *object)
{
	struct lockout *lockout = object;
	char ip[32];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%u", i % 40);
		lockout_failed(lockout, ip, ALICE);
		lockout_delay(lockout, ip, SLICE("bob"));
		if (i % 10 == 0)
			lockout_succeeded(lockout, ip, ALICE);
	}
	return NULL;
}

static void threads_may_share_it(void **state)
{
	struct lockout *lockout = lockout_new(&(struct lockout_conf){ .entries_max = 50 });
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, lockout), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	lockout_free(lockout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_blocked_can_be_forgiven),
		cmocka_unit_test(waits_double_and_end_in_a_block),
		cmocka_unit_test(blocks_end_and_failures_fade),
		cmocka_unit_test(limits_and_times_are_settings),
		cmocka_unit_test(failures_fade_by_the_window),
		cmocka_unit_test(networks_and_names_count_apart),
		cmocka_unit_test(guessing_elsewhere_does_not_lock_the_owner_out),
		cmocka_unit_test(one_phone_does_not_lock_the_office_out),
		cmocka_unit_test(success_buys_no_guesses_at_others),
		cmocka_unit_test(memory_is_bounded_and_the_busy_stay),
		cmocka_unit_test(threads_may_share_it),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
