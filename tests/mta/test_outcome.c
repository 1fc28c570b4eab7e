/* What an attempt's outcome leaves in the queue, which reports it makes, and that repeating it changes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mta_world.h"
#include "outcome.h"
#include "smtp/params.h"

#define HOUR INT64_C(3600000)
#define MAIL "From: alice@example.org\r\nSubject: x\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n"

static struct world *world;
static const struct retry retry = { { 60000 }, 1 };

/* ---- one attempt ---- */

struct attempt {
	struct world_mail mail;
	struct queue_entry entry;
	struct envelope_out envelope;
	struct result results[8];
	struct outcome outcome;
};

static void clear_queue(void)
{
	struct queue_entry *entries;
	size_t n = world_entries(world, &entries);
	struct why why;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(queue_finish(world->stack->store, &world_queue_actor,
		                              &(struct queue_outcome){ .id = entries[i].id,
		                                                       .fence = entries[i].fence,
		                                                       .remove = true },
		                              &why),
		                 FAULT_NONE);
}

static void attempt_begin(struct attempt *a)
{
	struct queue_entry *entries;
	struct why why;
	size_t n;

	clear_queue();
	if (!a->mail.text)
		a->mail.text = MAIL;
	if (!a->mail.from)
		a->mail.from = WORLD_LOGIN;
	world_put(world, &a->mail);
	assert_int_equal(queue_claim(world->stack->store, &world_queue_actor, clock_now() + 1000, 60000, 10,
	                             world->arena, &entries, &n, &why),
	                 FAULT_NONE);
	assert_int_equal(n, 1);
	a->entry = entries[0];
	assert_int_equal(envelope_open(world->queue_key, a->entry.state, world->arena, &a->envelope, &why),
	                 FAULT_NONE);
	a->outcome = (struct outcome){
		.stack = world->stack,
		.entry = &a->entry,
		.envelope = &a->envelope,
		.results = a->results,
		.retry = &retry,
		.postmaster = "postmaster@mx.example.org",
		.delay_warning = 4 * HOUR,
		.bounce_size = 65536,
	};
}

static enum fault attempt_write(struct attempt *a)
{
	struct why why;

	return outcome_write(&a->outcome, &why);
}

static struct result result(enum verdict verdict, const char *status, const char *reply)
{
	return (struct result){ verdict, false, false, true, status, reply, "mx.example.net" };
}

/* Entries besides the message's own: reports. */
static size_t reports(const struct attempt *a, struct queue_entry *ret)
{
	struct queue_entry *entries;
	size_t n = world_entries(world, &entries), found = 0;

	for (size_t i = 0; i < n; i++) {
		if (id_eq(&entries[i].id, &a->entry.id))
			continue;
		*ret = entries[i];
		found++;
	}
	return found;
}

/* ---- the table ---- */

struct want {
	enum recipient_state state;
	const char *status;
};

static const struct {
	const char *name;
	struct world_mail mail;
	struct result results[4];
	bool gone;
	struct want to[4];
	size_t reports;
} cases[] = {
	/* clang-format off */
	{ "delivered", { .to = { "b@example.net" } }, { { VERDICT_DELIVERED, .status = "2.0.0" } }, .gone = true },
	{ "deferred", { .to = { "b@example.net" } }, { { VERDICT_DEFERRED, .status = "4.2.1" } }, .to = { { RCPT_WAITING, "4.2.1" } } },
	{ "failed", { .to = { "b@example.net" } }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true, .reports = 1 },
	{ "mixed", { .to = { "a@example.net", "b@example.net", "c@example.net" } },
	  { { VERDICT_DELIVERED, .status = "2.0.0" }, { VERDICT_DEFERRED, .status = "4.2.1" }, { VERDICT_FAILED, .status = "5.1.1" } },
	  .to = { { RCPT_DELIVERED, "2.0.0" }, { RCPT_WAITING, "4.2.1" }, { RCPT_FAILED, "5.1.1" } }, .reports = 1 },
	{ "two fail: one report", { .to = { "a@example.net", "b@example.net" } },
	  { { VERDICT_FAILED, .status = "5.1.1" }, { VERDICT_FAILED, .status = "5.1.2" } }, .gone = true, .reports = 1 },
	{ "expired", { .to = { "b@example.net" }, .age = 10 * HOUR, .lifetime = HOUR }, { { VERDICT_DEFERRED, .status = "4.4.1" } }, .gone = true, .reports = 1 },
	{ "expired, and not tried this time", { .to = { "b@example.net" }, .age = 10 * HOUR, .lifetime = HOUR }, { { VERDICT_NONE } }, .to = { { RCPT_WAITING, "" } } },
	{ "null sender", { .from = "", .to = { "b@example.net" } }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true },
	{ "a report of a report", { .to = { "b@example.net" }, .is_dsn = true }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true },
	{ "NOTIFY=NEVER", { .to = { "b@example.net" }, .notify = { SMTP_NOTIFY_NEVER } }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true },
	{ "NOTIFY=SUCCESS, failed", { .to = { "b@example.net" }, .notify = { SMTP_NOTIFY_SUCCESS } }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true },
	{ "NOTIFY=FAILURE", { .to = { "b@example.net" }, .notify = { SMTP_NOTIFY_FAILURE } }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true, .reports = 1 },
	{ "one of two wants to hear", { .to = { "a@example.net", "b@example.net" }, .notify = { SMTP_NOTIFY_NEVER } },
	  { { VERDICT_FAILED, .status = "5.1.1" }, { VERDICT_FAILED, .status = "5.1.2" } }, .gone = true, .reports = 1 },
	{ "success that the next host will tell", { .to = { "b@example.net" }, .notify = { SMTP_NOTIFY_SUCCESS } }, { { VERDICT_DELIVERED, .status = "2.0.0" } }, .gone = true },
	{ "success that the next host will not tell", { .to = { "b@example.net" }, .notify = { SMTP_NOTIFY_SUCCESS } },
	  { { VERDICT_DELIVERED, .relayed = true, .status = "2.0.0" } }, .gone = true, .reports = 1 },
	{ "late", { .to = { "b@example.net" }, .age = 5 * HOUR }, { { VERDICT_DEFERRED, .status = "4.4.1" } }, .to = { { RCPT_WAITING, "4.4.1" } }, .reports = 1 },
	{ "late, only failures wanted", { .to = { "b@example.net" }, .age = 5 * HOUR, .notify = { SMTP_NOTIFY_FAILURE } }, { { VERDICT_DEFERRED, .status = "4.4.1" } },
	  .to = { { RCPT_WAITING, "4.4.1" } } },
	{ "late, delays wanted", { .to = { "b@example.net" }, .age = 5 * HOUR, .notify = { SMTP_NOTIFY_DELAY } }, { { VERDICT_DEFERRED, .status = "4.4.1" } },
	  .to = { { RCPT_WAITING, "4.4.1" } }, .reports = 1 },
	{ "not yet late", { .to = { "b@example.net" }, .age = 3 * HOUR }, { { VERDICT_DEFERRED, .status = "4.4.1" } }, .to = { { RCPT_WAITING, "4.4.1" } } },
	{ "a sender that is nobody's here", { .from = "nobody@example.org", .to = { "b@example.net" } }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true },
	{ "a sender elsewhere", { .from = "x@example.com", .to = { "b@example.net" }, .foreign = true }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true, .reports = 1 },
	{ "a sender that is no address", { .from = "not an address", .to = { "b@example.net" } }, { { VERDICT_FAILED, .status = "5.1.1" } }, .gone = true },
	/* clang-format on */
};

static void check_entry(const char *name, const struct attempt *a, bool gone, const struct want *to)
{
	struct queue_entry now;
	struct envelope_out envelope;

	if (world_look(world, &a->entry.id, &now, &envelope) == gone)
		fail_msg("%s: the entry is %s", name, gone ? "there" : "gone");
	if (gone)
		return;
	assert_int_equal(now.lease_until, 0);
	assert_int_equal(now.attempts, 1);
	assert_true(now.due > clock_now() + 40000 && now.due < clock_now() + 80000);
	for (size_t i = 0; i < envelope.n; i++) {
		if (envelope.recipients[i].state != to[i].state ||
		    strcmp(envelope.recipients[i].status, to[i].status))
			fail_msg("%s: recipient %zu is %d %s", name, i, envelope.recipients[i].state,
			         envelope.recipients[i].status);
	}
}

static void verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct attempt a = { .mail = cases[i].mail };
		struct queue_entry report;

		attempt_begin(&a);
		memcpy(a.results, cases[i].results, sizeof(cases[i].results));
		assert_int_equal(attempt_write(&a), FAULT_NONE);
		check_entry(cases[i].name, &a, cases[i].gone, cases[i].to);
		if (reports(&a, &report) != cases[i].reports)
			fail_msg("%s: %zu reports", cases[i].name, reports(&a, &report));
	}
	clear_queue();
}

/* ---- what follows ---- */

/* The warning is sent once: the attempt before it was before the line, the next one is not. */
static void one_warning(void **state)
{
	struct attempt a = { .mail = { .to = { "b@example.net" }, .age = 5 * HOUR } };
	struct queue_entry *entries, report;
	struct why why;
	size_t n;

	(void)state;
	attempt_begin(&a);
	a.results[0] = result(VERDICT_DEFERRED, "4.4.1", "no answer");
	assert_int_equal(attempt_write(&a), FAULT_NONE);
	assert_int_equal(reports(&a, &report), 1);
	assert_int_equal(queue_claim(world->stack->store, &world_queue_actor, clock_now() + HOUR, 60000, 10,
	                             world->arena, &entries, &n, &why),
	                 FAULT_NONE);
	for (size_t i = 0; i < n; i++) {
		if (id_eq(&entries[i].id, &a.entry.id))
			a.entry = entries[i];
	}
	assert_int_equal(a.entry.attempts, 1);
	assert_int_equal(envelope_open(world->queue_key, a.entry.state, world->arena, &a.envelope, &why),
	                 FAULT_NONE);
	assert_int_equal(attempt_write(&a), FAULT_NONE);
	assert_int_equal(reports(&a, &report), 1);
	clear_queue();
}

/* A process that dies after the report and before the entry: the next one makes the report again, and there is one. */
static void report_before_entry(void **state)
{
	struct attempt a = { .mail = { .to = { "b@example.net" } } };
	struct queue_entry first, again, now;
	struct envelope_out envelope;
	struct queue_entry *entries;
	struct why why;
	size_t n;

	(void)state;
	attempt_begin(&a);
	a.results[0] = result(VERDICT_FAILED, "5.1.1", "550 5.1.1 no");
	a.entry.fence++; /* so that the last step fails: somebody else has it */
	assert_int_equal(attempt_write(&a), FAULT_STALE);
	assert_int_equal(reports(&a, &first), 1);
	assert_true(world_look(world, &a.entry.id, &now, &envelope));
	/* the next holder of the lease, whose host words it otherwise */
	assert_int_equal(queue_claim(world->stack->store, &world_queue_actor, clock_now() + 24 * HOUR, 60000,
	                             10, world->arena, &entries, &n, &why),
	                 FAULT_NONE);
	for (size_t i = 0; i < n; i++) {
		if (id_eq(&entries[i].id, &a.entry.id))
			a.entry = entries[i];
	}
	a.results[0] = result(VERDICT_FAILED, "5.1.1", "550 5.1.1 another text");
	assert_int_equal(attempt_write(&a), FAULT_NONE);
	assert_int_equal(reports(&a, &again), 1);
	assert_true(id_eq(&first.id, &again.id) && id_eq(&first.content, &again.content));
	assert_false(world_look(world, &a.entry.id, &now, &envelope));
	clear_queue();
}

/* And one that dies between the report's entry and its content: what is left of it gives way, and what is then there
 * opens. */
static void half_a_report(void **state)
{
	struct attempt a = { .mail = { .to = { "b@example.net" } } };
	struct queue_entry report;
	struct envelope_out envelope;
	struct id content;
	struct why why;

	(void)state;
	attempt_begin(&a);
	a.results[0] = result(VERDICT_FAILED, "5.1.1", "550 5.1.1 no");
	a.entry.fence++;
	assert_int_equal(attempt_write(&a), FAULT_STALE);
	a.entry.fence--;
	assert_int_equal(reports(&a, &report), 1);
	content = report.content;
	assert_int_equal(record_del(world->stack->store, &world_queue_actor, COLL_CONTENTS,
	                            id_slice(&content), RECORD_ANY, &why),
	                 FAULT_NONE);
	assert_int_equal(attempt_write(&a), FAULT_NONE);
	assert_int_equal(reports(&a, &report), 1);
	assert_true(id_eq(&content, &report.content));
	assert_true(world_look(world, &report.id, &report, &envelope));
	assert_true(slice_starts(world_content(world, &content, &envelope.key), "Return-Path: <>\r\nFrom: "));
	clear_queue();
}

/* The report has more recipients the second time: then that is another report, since the first does not name all. */
static void more_fail_later(void **state)
{
	struct attempt a = { .mail = { .to = { "a@example.net", "b@example.net" } } };
	struct queue_entry report;

	(void)state;
	attempt_begin(&a);
	a.results[0] = result(VERDICT_FAILED, "5.1.1", "550 no");
	a.results[1] = result(VERDICT_DEFERRED, "4.2.1", "450 later");
	a.entry.fence++;
	assert_int_equal(attempt_write(&a), FAULT_STALE);
	a.entry.fence--;
	a.results[1] = result(VERDICT_FAILED, "5.1.1", "550 no");
	assert_int_equal(attempt_write(&a), FAULT_NONE);
	assert_int_equal(reports(&a, &report), 2);
	clear_queue();
}

/* Very many recipients, and a host that has much to say about each: the entry still fits, and each is told of. */
static void many_recipients(void **state)
{
	enum { N = 450 };
	struct attempt a = { .mail = { .to = { "b@example.net" } } };
	struct result *results = arena_array(world->arena, struct result, N);
	struct outgoing_recipient *to = arena_array(world->arena, struct outgoing_recipient, N);
	struct queue_entry report, now;
	struct envelope_out envelope;
	char *reply = arena_alloc(world->arena, 60001);

	(void)state;
	memset(reply, 'x', 60000);
	reply[60000] = '\0';
	attempt_begin(&a);
	for (size_t i = 0; i < N; i++) {
		to[i] = a.envelope.recipients[0];
		to[i].address = arena_printf(world->arena, "user%zu@example.net", i);
		results[i] = result(i ? VERDICT_FAILED : VERDICT_DEFERRED, "5.1.1", reply);
	}
	a.envelope.recipients = to;
	a.envelope.n = N;
	a.outcome.results = results;
	assert_int_equal(attempt_write(&a), FAULT_NONE);
	assert_int_equal(reports(&a, &report), 3);
	assert_true(world_look(world, &a.entry.id, &now, &envelope));
	assert_int_equal(envelope.n, N);
	assert_in_range(strlen(envelope.recipients[1].reply), 100, 1000);
	assert_true(now.state.len < 400000);
	clear_queue();
}

static void other_kinds(void **state)
{
	static const struct {
		const char *name;
		enum outcome_kind kind;
		bool gone;
		enum queue_status status;
	} kinds[] = {
		{ "given back", OUTCOME_GIVE_BACK, false, QUEUE_WAITING },
		{ "held", OUTCOME_HOLD, false, QUEUE_HELD },
		{ "removed", OUTCOME_REMOVE, true, QUEUE_WAITING },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct attempt a = { .mail = { .to = { "b@example.net" } } };
		struct queue_entry now;
		struct envelope_out envelope;

		attempt_begin(&a);
		a.results[0] = result(VERDICT_FAILED, "5.1.1", "not to be looked at");
		a.outcome.kind = kinds[i].kind;
		a.outcome.due = 1234567;
		assert_int_equal(attempt_write(&a), FAULT_NONE);
		if (world_look(world, &a.entry.id, &now, &envelope) == kinds[i].gone)
			fail_msg("%s", kinds[i].name);
		if (kinds[i].gone)
			continue;
		assert_int_equal(now.status, kinds[i].status);
		assert_int_equal(now.due, 1234567);
		assert_int_equal(now.attempts, 0);
		assert_int_equal(now.lease_until, 0);
		assert_int_equal(envelope.recipients[0].state, RCPT_WAITING);
	}
	clear_queue();
}

static void stale(void **state)
{
	static const enum outcome_kind kinds[] = { OUTCOME_ATTEMPT, OUTCOME_GIVE_BACK, OUTCOME_HOLD,
		                                   OUTCOME_REMOVE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct attempt a = { .mail = { .to = { "b@example.net" } } };
		struct queue_entry before, after;
		struct envelope_out envelope;

		attempt_begin(&a);
		assert_true(world_look(world, &a.entry.id, &before, &envelope));
		a.results[0] = result(VERDICT_DELIVERED, "2.0.0", "250 ok");
		a.outcome.kind = kinds[i];
		a.entry.fence--;
		assert_int_equal(attempt_write(&a), FAULT_STALE);
		assert_true(world_look(world, &a.entry.id, &after, &envelope));
		assert_int_equal(before.due, after.due);
		assert_int_equal(before.lease_until, after.lease_until);
		assert_true(slice_eq(before.state, after.state));
	}
	clear_queue();
}

static int setup(void **state)
{
	(void)state;
	world = world_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(one_warning),
		cmocka_unit_test(report_before_entry),
		cmocka_unit_test(half_a_report),
		cmocka_unit_test(more_fail_later),
		cmocka_unit_test(many_recipients),
		cmocka_unit_test(other_kinds),
		cmocka_unit_test(stale),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
