/* ban.h: bans in the store, and as a process holds them: kept by time, by others' changes, and written after failures. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "loop/job.h"
#include "suite/ban.h"
#include "suite/daemon.h"

static struct ban ban_of(const char *subject, int64_t ms)
{
	return (struct ban){
		.subject = subject, .reason = "spray", .by = "test", .since = 5, .until = clock_now() + ms
	};
}

static size_t count(struct fixture *f, struct ban **ret)
{
	size_t n;

	good(ban_list(f->stack, slice_of(NULL, 0), 100, f->arena, ret, &n, WHY));
	return n;
}

static void records(void **state)
{
	static const char *const wrong[] = { "", "alice", "192.0.2.0/33", "a@b\r\nc", "\xff@example.org" };
	struct fixture *f = *state;
	struct ban ban = ban_of("Alice@Example.org", 60000), *bans;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct ban one = ban_of(wrong[i], 60000);

		bad(FAULT_INPUT, ban_put(f->stack, &fixture_by, &one, WHY));
	}
	good(ban_put(f->stack, &fixture_by, &ban, WHY));
	ban = ban_of("2001:db8::/48", 60000);
	good(ban_put(f->stack, &fixture_by, &ban, WHY));
	ban = ban_of("192.0.2.1", 50);
	good(ban_put(f->stack, &fixture_by, &ban, WHY));
	while (clock_now() <= ban.until) /* it ends by itself */
		;
	assert_int_equal(count(f, &bans), 2);
	assert_string_equal(bans[0].subject, "2001:db8::/48");
	assert_string_equal(bans[1].subject, "alice@example.org");
	assert_string_equal(bans[1].reason, "spray");
	assert_string_equal(bans[1].by, "test");
	assert_int_equal(bans[1].since, 5);
	assert_false(bans[1].automatic);
	ban = ban_of("alice@example.org", 60000);
	ban.reason = "again";
	good(ban_put(f->stack, &fixture_by, &ban, WHY));
	assert_int_equal(count(f, &bans), 2);
	assert_string_equal(bans[1].reason, "again");
	good(ban_lift(f->stack, &fixture_by, SLICE("ALICE@example.org"), WHY));
	bad(FAULT_NOT_FOUND, ban_lift(f->stack, &fixture_by, SLICE("alice@example.org"), WHY));
	good(ban_lift(f->stack, &fixture_by, SLICE("2001:db8::/48"), WHY));
	ban = ban_of("\"bo\"@b\xc3\x9c\x43her.example", 60000); /* as its account is called */
	good(ban_put(f->stack, &fixture_by, &ban, WHY));
	assert_int_equal(count(f, &bans), 1);
	assert_string_equal(bans[0].subject, "bo@xn--bcher-kva.example");
	good(ban_lift(f->stack, &fixture_by, SLICE("bo@xn--bcher-kva.example"), WHY));
	assert_int_equal(count(f, &bans), 0);
}

/* ---- a process ---- */

struct process {
	struct daemon daemon;
	struct lockout *lockout;
	struct bans *bans;
};

static void process_start(struct process *p, struct fixture *f)
{
	const struct pool_conf pool = { .name = "test", .threads = 1, .queue_max = 10 };
	const struct suite_conf conf = { .login_failures = 3,
		                         .login_failures_network = 5,
		                         .login_ban = 60000 };

	*p = (struct process){ .daemon = { .stack = f->stack, .node = "test-1", .arena = f->arena } };
	p->daemon.loop = loop_new();
	p->daemon.pool = pool_new(p->daemon.loop, &pool);
	p->lockout = bans_lockout(&conf);
	p->bans = bans_new(&p->daemon, p->lockout);
}

static void process_end(struct process *p)
{
	pool_free(p->daemon.pool);
	bans_free(p->bans);
	lockout_free(p->lockout);
	loop_free(p->daemon.loop);
}

/* Until it holds, or does not, at most ten seconds. */
static bool comes_to(struct process *p, const char *ip, struct slice login, bool held)
{
	int64_t end = clock_mono_ms() + 10000;

	while (bans_hold(p->bans, ip, login) != held && clock_mono_ms() < end)
		loop_step(p->daemon.loop, 50);
	return bans_hold(p->bans, ip, login) == held;
}

#define ALICE SLICE("alice@example.org")
#define BOB   SLICE("bob@example.org")

static void others_are_heard_of(void **state)
{
	struct fixture *f = *state;
	struct process p;
	struct ban ban = ban_of("198.51.100.0/24", 60000);

	process_start(&p, f);
	assert_false(bans_hold(p.bans, "198.51.100.9", ALICE));
	good(ban_put(f->stack, &fixture_by, &ban, WHY));
	assert_true(comes_to(&p, "198.51.100.9", ALICE, true));
	assert_true(bans_hold(p.bans, "::ffff:198.51.100.10", SLICE("")));
	assert_false(bans_hold(p.bans, "198.51.101.9", ALICE));
	assert_false(bans_hold(p.bans, "local", ALICE));
	lockout_succeeded(p.lockout, "198.51.100.9", ALICE);
	assert_true(bans_hold(p.bans, "198.51.100.9", ALICE)); /* an operator's word has no exception */
	good(ban_lift(f->stack, &fixture_by, SLICE("198.51.100.0/24"), WHY));
	assert_true(comes_to(&p, "198.51.100.9", ALICE, false));
	ban = ban_of("203.0.113.5", 7000);
	good(ban_put(f->stack, &fixture_by, &ban, WHY));
	assert_true(comes_to(&p, "203.0.113.5", ALICE, true));
	assert_true(comes_to(&p, "203.0.113.5", ALICE, false));
	assert_true(clock_now() >= ban.until);
	process_end(&p);
}

/* What one process blocks, another holds; what is lifted is forgiven where it was blocked. */
static void failures_are_told_to_others(void **state)
{
	struct fixture *f = *state;
	struct process one, other;
	struct ban *bans;
	unsigned blocked = 0;

	process_start(&one, f);
	process_start(&other, f);
	for (int i = 0; i < 5; i++) {
		blocked |= lockout_failed(one.lockout, "192.0.2.7", ALICE);
		assert_int_equal(blocked, i < 2   ? 0
		                          : i < 4 ? LOCKOUT_LOGIN
		                                  : LOCKOUT_LOGIN | LOCKOUT_NETWORK);
	}
	bans_note(one.bans, "192.0.2.7", ALICE, blocked);
	assert_true(comes_to(&one, "192.0.2.7", BOB, true));
	assert_true(comes_to(&other, "192.0.2.7", BOB, true));
	assert_true(comes_to(&other, "203.0.113.1", ALICE, true));
	assert_int_equal(count(f, &bans), 2);
	assert_true(bans[0].automatic && bans[1].automatic);
	assert_true(bans[0].until > clock_now() && bans[0].until <= clock_now() + 60000);
	lockout_succeeded(other.lockout, "203.0.113.1", ALICE);
	assert_false(bans_hold(other.bans, "203.0.113.1", ALICE)); /* from where it has logged in */
	good(ban_lift(f->stack, &fixture_by, SLICE("192.0.2.7"), WHY));
	good(ban_lift(f->stack, &fixture_by, ALICE, WHY));
	assert_int_equal(lockout_delay(one.lockout, "192.0.2.7", ALICE), -1);
	assert_true(comes_to(&one, "192.0.2.7", ALICE, false));
	assert_true(comes_to(&other, "192.0.2.7", BOB, false));
	assert_int_equal(lockout_delay(one.lockout, "192.0.2.7", ALICE), 0);
	process_end(&one);
	process_end(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(others_are_heard_of, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(failures_are_told_to_others, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
