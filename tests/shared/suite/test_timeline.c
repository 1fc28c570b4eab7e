/* The timeline (suite/timeline.h): what is noted is read again, sealed to whoever may read it, and costs the mail nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "loop/loop.h"
#include "suite/check.h"
#include "suite/outgoing.h"
#include "suite/timeline.h"

#define TRACE "0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdee"
#define WAITS 20000 /* notes kept in memory */

static struct daemon process;

static struct timeline *begin(struct stack *stack)
{
	const struct pool_conf pool = { .name = "test", .threads = 2, .queue_max = 100 };

	process = (struct daemon){ .stack = stack, .node = "smtpd-1", .loop = loop_new() };
	process.pool = pool_new(process.loop, &pool);
	return timeline_new(&process);
}

static void end(struct timeline *timeline)
{
	pool_free(process.pool);
	timeline_free(timeline);
	loop_free(process.loop);
}

static size_t rows_of(struct fixture *f, const char *trace, struct timeline_row **ret)
{
	size_t n = 0;
	enum fault fault = timeline_read(f->stack, trace, f->arena, ret, &n, WHY);

	assert_true(fault == FAULT_NONE || fault == FAULT_NOT_FOUND);
	return n;
}

/* By itself, while the process runs; false: not within ten seconds. */
static bool comes(struct fixture *f, const char *trace, size_t n)
{
	struct timeline_row *rows;
	int64_t until = clock_mono_ms() + 10000;

	while (rows_of(f, trace, &rows) < n && clock_mono_ms() < until)
		loop_step(process.loop, 50);
	return rows_of(f, trace, &rows) == n;
}

static void note(struct timeline *timeline, const char *trace, enum timeline_kind kind)
{
	const struct timeline_event event = { .kind = kind, .address = "bob@example.net" };

	timeline_note(timeline, trace, 0, &event, 1);
}

static void written_and_read(void **state)
{
	const struct timeline_event events[] = {
		{ .kind = TIMELINE_FILED, .address = "alice@example.org", .where = "Junk", .text = "spf" },
		{ .kind = TIMELINE_DEFERRED,
		  .address = "bob@example.net",
		  .status = "4.2.0",
		  .text = "450 sp\xe4ter \"\x01\"",
		  .next = 5 },
	};
	struct fixture *f = *state;
	struct timeline *timeline = begin(f->stack);
	const int64_t early = clock_now() - 1000;
	struct timeline_row *rows;

	timeline_note(timeline, TRACE, early, events, 2);
	note(timeline, OTHER, TIMELINE_QUEUED);
	note(timeline, TRACE, TIMELINE_DELIVERED);
	note(timeline, TRACE, TIMELINE_BOUNCED);
	timeline_note(NULL, TRACE, 0, events, 2); /* a process that notes nothing */
	assert_true(comes(f, TRACE, 4));
	assert_int_equal(rows_of(f, TRACE, &rows), 4);
	assert_string_equal(rows[0].kind, "filed");
	assert_string_equal(rows[0].address, "alice@example.org");
	assert_string_equal(rows[0].where, "Junk");
	assert_string_equal(rows[0].text, "spf");
	assert_string_equal(rows[0].status, "");
	assert_string_equal(rows[0].node, "smtpd-1");
	assert_int_equal(rows[0].at, early);
	assert_string_equal(rows[1].text, "450 sp\xef\xbf\xbdter \"\x01\"");
	assert_int_equal(rows[1].next, 5);
	/* at one time, and yet in order */
	assert_string_equal(rows[2].kind, "delivered");
	assert_string_equal(rows[3].kind, "bounced");
	assert_true(rows[2].at > early && rows[2].at <= clock_now());
	assert_int_equal(rows_of(f, OTHER, &rows), 1);
	bad(FAULT_NOT_FOUND, timeline_read(f->stack, "0123", f->arena, &rows, &(size_t){ 0 }, WHY));
	end(timeline);
}

static void the_end_writes_the_rest(void **state)
{
	struct fixture *f = *state;
	struct timeline *timeline = begin(f->stack);
	struct timeline_event events[250];
	struct timeline_row *rows;

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		events[i] =
		    (struct timeline_event){ .kind = TIMELINE_QUEUED,
			                     .address = arena_printf(f->arena, "user%zu@example.net", i) };
	timeline_note(timeline, TRACE, 0, events, ARRAY_LEN(events));
	assert_int_equal(rows_of(f, TRACE, &rows), 0);
	end(timeline);
	assert_int_equal(rows_of(f, TRACE, &rows), ARRAY_LEN(events));
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		assert_string_equal(rows[i].address, events[i].address);
}

static void only_who_holds_both_rings_reads(void **state)
{
	struct fixture *f = *state;
	static const unsigned few[] = { 0, STACK_QUEUE_RING, STACK_ACCOUNTS_RING };
	const struct actor admin = { .kind = ACTOR_ADMIN };
	const struct record_query query = { .collection = COLL_TIMELINE, .index = -1, .limit = 10 };
	struct account_public public;
	struct timeline_row *rows;
	struct record *records;
	uint8_t generation;
	size_t n;

	good(timeline_public_key(f->stack, &public, &generation, WHY));
	for (size_t i = 0; i < ARRAY_LEN(few); i++) {
		struct stack *stack = fixture_stack(f, few[i]);
		struct timeline *timeline = begin(stack);

		note(timeline, TRACE, TIMELINE_QUEUED);
		end(timeline);
		bad(FAULT_DENIED, timeline_read(stack, TRACE, f->arena, &rows, &n, WHY));
		stack_close(stack);
	}
	assert_int_equal(rows_of(f, TRACE, &rows), 3);
	good(record_find(f->stack->store, &admin, &query, f->arena, &records, &n, WHY));
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		assert_true(slice_find(records[i].value, SLICE("example")) < 0);
		assert_true(slice_find(records[i].value, SLICE("queued")) < 0);
		assert_true(records[i].expires > clock_now() + INT64_C(13) * 86400000);
	}
	/* damage, and a note under another message's key, are said to be that */
	records[0].key = SLICE(OTHER "-0");
	records[0].version = RECORD_NEW;
	good(record_put(f->stack->store, &admin, COLL_TIMELINE, &records[0], WHY));
	bad(FAULT_CORRUPT, timeline_read(f->stack, OTHER, f->arena, &rows, &n, WHY));
	records[1].value = slice_first(records[1].value, records[1].value.len - 1);
	records[1].version = RECORD_ANY;
	good(record_put(f->stack->store, &admin, COLL_TIMELINE, &records[1], WHY));
	bad(FAULT_CORRUPT, timeline_read(f->stack, TRACE, f->arena, &rows, &n, WHY));
}

static void waits_for_the_store(void **state)
{
	struct fixture *f = *state;
	struct account_public public;
	uint8_t generation;

	good(timeline_public_key(f->stack, &public, &generation, WHY));
	for (int lost_answer = 0; lost_answer < 2; lost_answer++) {
		const char *trace = lost_answer ? OTHER : TRACE;
		struct timeline *timeline;

		wire_on(f);
		wire_fail("put many timeline", 0, 2, FAULT_TEMP);
		wire.after = lost_answer;
		timeline = begin(f->stack);
		note(timeline, trace, TIMELINE_QUEUED);
		note(timeline, trace, TIMELINE_DELIVERED);
		for (int64_t until = clock_mono_ms() + 3000; clock_mono_ms() < until;)
			loop_step(process.loop, 50);
		assert_true(comes(f, trace, 2));
		end(timeline);
		assert_int_equal(wire.times, 0);
		wire_off(f);
	}
}

static void waits_for_its_key(void **state)
{
	struct fixture *f = *state;
	struct stack *smtpd = fixture_stack(f, 0);
	struct timeline *timeline = begin(smtpd);
	struct account_public public;
	uint8_t generation;

	note(timeline, TRACE, TIMELINE_QUEUED);
	for (int64_t until = clock_mono_ms() + 1200; clock_mono_ms() < until;)
		loop_step(process.loop, 50);
	good(timeline_public_key(f->stack, &public, &generation, WHY));
	assert_true(comes(f, TRACE, 1));
	end(timeline);
	stack_close(smtpd);
}

static void a_full_one_drops_the_oldest(void **state)
{
	struct fixture *f = *state;
	struct timeline *timeline = begin(f->stack);
	struct timeline_row *rows;

	note(timeline, TRACE, TIMELINE_QUEUED);
	note(timeline, OTHER, TIMELINE_QUEUED);
	for (int i = 0; i < WAITS - 1; i++)
		note(timeline, "ffff", TIMELINE_QUEUED);
	end(timeline);
	assert_int_equal(rows_of(f, TRACE, &rows), 0);
	assert_int_equal(rows_of(f, OTHER, &rows), 1);
	assert_int_equal(rows_of(f, "ffff", &rows), WAITS - 1);
}

static void kept_as_long_as_is_set(void **state)
{
	struct fixture *f = *state;
	struct timeline *timeline = begin(f->stack);
	struct timeline_row *rows;

	f->conf.timeline_keep = 0;
	note(timeline, TRACE, TIMELINE_QUEUED);
	f->conf.timeline_keep = 60000;
	note(timeline, OTHER, TIMELINE_QUEUED);
	timeline_note(timeline, OTHER, clock_now() - 61000, &(struct timeline_event){ TIMELINE_ACCEPTED }, 1);
	end(timeline);
	assert_int_equal(rows_of(f, TRACE, &rows), 0);
	assert_int_equal(rows_of(f, OTHER, &rows), 1);
	assert_string_equal(rows[0].kind, "queued");
}

static void an_operators_hand(void **state)
{
	const struct actor queue = { .kind = ACTOR_QUEUE };
	const struct queue_query all = { .limit = 10 };
	struct fixture *f = *state;
	struct outgoing_recipient to[] = {
		{ "a@far.test", "", 0, RCPT_WAITING, "", "", "", 0, { { 0 } } },
		{ "b@far.test", "", 0, RCPT_DELIVERED, "", "", "", 0, { { 0 } } },
	};
	struct envelope_out envelope = {
		.from = "s@example.org", .trace = TRACE, .envid = "", .recipients = to, .n = 2
	};
	struct sealed_message sealed;
	struct queue_entry *entries;
	struct account_public public;
	struct timeline_row *rows;
	uint8_t generation;
	size_t n;

	good(queue_public_key(f->stack, &public, &generation, WHY));
	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, &sealed, WHY));
	good(outgoing_put(f->stack, &sealed, &envelope, NULL, NULL, 0, f->arena, WHY));
	good(queue_list(f->stack->store, &queue, &all, f->arena, &entries, &n, WHY));
	assert_int_equal(n, 1);
	good(timeline_operated(f->stack, entries, TIMELINE_HELD, WHY));
	good(timeline_operated(f->stack, entries, TIMELINE_DELETED, WHY));
	assert_int_equal(rows_of(f, TRACE, &rows), 2);
	assert_string_equal(rows[0].kind, "held");
	assert_string_equal(rows[1].kind, "deleted");
	assert_string_equal(rows[1].address, "a@far.test");
	assert_string_equal(rows[1].node, "operator");
	entries->state =
	    SLICE("damaged"); /* nobody knows whose it was: the operator's hand is free all the same */
	good(timeline_operated(f->stack, entries, TIMELINE_DELETED, WHY));
	sealed_message_done(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(written_and_read),
		case_of(the_end_writes_the_rest),
		case_of(only_who_holds_both_rings_reads),
		case_of(waits_for_the_store),
		case_of(waits_for_its_key),
		case_of(a_full_one_drops_the_oldest),
		case_of(kept_as_long_as_is_set),
		case_of(an_operators_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
