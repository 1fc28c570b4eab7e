/* deliver.h: what is sealed, queued and filed, in which order, and what is left when a step fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth_results.h"
#include "deliver.h"
#include "shared/suite/fixture.h"
#include "smtpd.h"
#include "suite/outgoing.h"
#include "usage.h"

static const struct actor queue_actor = { .kind = ACTOR_QUEUE };

struct office {
	struct fixture *f;
	struct person alice, bob;
	struct daemon daemon;
	struct smtpd smtpd;
	struct transaction *tx;
	struct deliver deliver;
	const char *inbox_a, *inbox_b, *junk_a; /* "commit ...\n", as the wire writes it down */
};

static const char *commit_line(struct fixture *f, const struct id *mailbox)
{
	return arena_printf(f->arena, "commit %s\n", id_print(mailbox).text);
}

static struct office *open_office(struct fixture *f, const char *text)
{
	struct office *o = arena_make(f->arena, struct office);
	struct account_public queue;
	uint8_t generation;

	o->f = f;
	good(queue_public_key(f->stack, &queue, &generation, WHY));
	o->alice = fixture_alice(f);
	o->bob = fixture_person(f, "bob@example.org");
	o->daemon.suite = &f->conf;
	o->smtpd.daemon = &o->daemon;
	o->smtpd.usage = usage_cache_new(10);
	o->inbox_a = commit_line(f, &o->alice.account.inbox);
	o->junk_a = commit_line(f, &o->alice.account.junk);
	o->inbox_b = commit_line(f, &o->bob.account.inbox);
	o->tx = transaction_new();
	o->tx->from_text = "sender@example.net";
	buf_adds(&o->tx->message, text);
	o->deliver = (struct deliver){
		.stack = f->stack,
		.usage = o->smtpd.usage,
		.tx = o->tx,
		.hostname = "mail.example.org",
		.received = { .helo = SLICE("client"),
		              .client_ip = SLICE("192.0.2.1"),
		              .by = SLICE("mail.example.org"),
		              .id = SLICE("trace"),
		              .time_ms = INT64_C(1700000000000) },
		.results = SLICE(""),
		.queue_lifetime = 1000000,
	};
	wire_on(f);
	return o;
}

static void close_office(struct office *o)
{
	wire_off(o->f);
	transaction_free(&o->smtpd, o->tx);
	usage_cache_free(o->smtpd.usage);
}

static struct recipient *add(struct office *o, const char *address, const struct person *local)
{
	struct recipient *r = arena_make(o->tx->arena, struct recipient);

	r->address = address;
	r->orcpt = address;
	if (local) {
		r->local = true;
		r->account = local->account.id;
		r->inbox = local->account.inbox;
		r->junk = local->account.junk;
		r->public_key = local->account.public_key;
		r->generation = local->account.generation;
	}
	*o->tx->last = r;
	o->tx->last = &r->next;
	return r;
}

static enum fault deliver(struct office *o)
{
	struct arena *arena = arena_new();
	enum fault fault;

	o->deliver.filed = o->deliver.queued = 0;
	fault = deliver_run(&o->deliver, arena, WHY);
	arena_free(arena);
	return fault;
}

/* The text of the only message in a mailbox. */
static const char *text_of(struct office *o, const struct person *who, const struct id *mailbox)
{
	struct mailbox_state *state = fixture_state(o->f, &who->owner, mailbox);
	struct record record;
	struct message message;
	struct buf out;
	const char *text;

	assert_int_equal(state->n, 1);
	good(record_get(o->f->stack->store, &who->owner, COLL_CONTENTS, id_slice(&state->content[0]), true,
	                o->f->arena, &record, WHY));
	good(message_open(who->key, &record, &state->key[0], o->f->arena, &message, WHY));
	buf_init(&out, BUF_NO_LIMIT);
	good(message_read(o->f->stack, &who->owner, &message, 0, UINT64_MAX, o->f->arena, &out, WHY));
	text = arena_strz(o->f->arena, buf_slice(&out));
	buf_done(&out);
	mailbox_state_free(state);
	return text;
}

struct entry {
	struct queue_entry entry;
	struct envelope_out envelope;
};

/* What is queued for a domain ("": local deliveries), NULL when nothing is. */
static struct entry *queued(struct office *o, const char *domain)
{
	const struct queue_query query = { .limit = 100 };
	struct queue_entry *entries;
	struct account_key *key;
	struct entry *found = NULL;
	size_t n;

	good(queue_private_key(o->f->stack, &key, WHY));
	good(queue_list(o->f->stack->store, &queue_actor, &query, o->f->arena, &entries, &n, WHY));
	for (size_t i = 0; i < n; i++) {
		if (!slice_is(entries[i].domain, domain))
			continue;
		found = arena_make(o->f->arena, struct entry);
		found->entry = entries[i];
		good(envelope_open(key, entries[i].state, o->f->arena, &found->envelope, WHY));
	}
	account_key_unref(key);
	return found;
}

/* An entry's message, as mta reads it. */
static const char *queued_text(struct office *o, const struct entry *entry)
{
	struct record record;
	struct message message;
	struct buf out;
	const char *text;

	good(record_get(o->f->stack->store, &queue_actor, COLL_CONTENTS, id_slice(&entry->entry.content),
	                true, o->f->arena, &record, WHY));
	good(message_open_with(&entry->envelope.key, &record, o->f->arena, &message, WHY));
	buf_init(&out, BUF_NO_LIMIT);
	good(message_read(o->f->stack, &queue_actor, &message, 0, UINT64_MAX, o->f->arena, &out, WHY));
	text = arena_strz(o->f->arena, buf_slice(&out));
	buf_done(&out);
	return text;
}

/* ---- all goes well ---- */

static void local_ones(void **state)
{
	struct office *o = open_office(*state, MESSAGE);
	const char *text;

	add(o, "alice@example.org", &o->alice);
	add(o, "bob@example.org", &o->bob);
	o->deliver.results = SLICE("Authentication-Results: mail.example.org; none\r\n");
	good(deliver(o));
	assert_int_equal(o->deliver.filed, 2);
	assert_int_equal(o->deliver.queued, 0);
	/* one content for both, and a commit each */
	assert_string_equal(wire_log(o->f),
	                    arena_printf(o->f->arena, "put contents\n%s%s", o->inbox_a, o->inbox_b));
	text = text_of(o, &o->alice, &o->alice.account.inbox);
	assert_string_equal(text, text_of(o, &o->bob, &o->bob.account.inbox));
	assert_true(slice_starts(slice_str(text),
	                         "Return-Path: <sender@example.net>\r\n"
	                         "Authentication-Results: mail.example.org; none\r\nReceived: from client"));
	assert_true(slice_ends(slice_str(text), MESSAGE));
	assert_null(queued(o, "example.net"));
	close_office(o);
}

static void remote_ones(void **state)
{
	struct office *o = open_office(*state, "From: a@b.example\r\n\r\nHello\r\n");
	struct entry *entry;
	const char *text;

	add(o, "x@example.net", NULL);
	add(o, "y@example.com", NULL);
	add(o, "z@example.net", NULL);
	o->deliver.submission = true;
	o->deliver.sender.account = o->alice.account.id;
	o->deliver.results = SLICE("Authentication-Results: never outside\r\n");
	good(deliver(o));
	assert_int_equal(o->deliver.filed, 0);
	assert_int_equal(o->deliver.queued, 3);
	assert_string_equal(wire_log(o->f), "queue 2\nput contents\n");
	entry = queued(o, "example.net");
	assert_int_equal(entry->envelope.n, 2);
	assert_string_equal(entry->envelope.from, "sender@example.net");
	assert_true(entry->envelope.expires - entry->envelope.accepted == 1000000);
	assert_true(id_eq(&entry->entry.account, &o->alice.account.id));
	text = queued_text(o, entry);
	assert_true(slice_starts(slice_str(text), "Received: from client"));
	assert_non_null(strstr(text, "\r\nDate: "));
	assert_non_null(strstr(text, "\r\nMessage-ID: <"));
	assert_null(strstr(text, "never outside"));
	assert_null(strstr(text, "Return-Path"));
	assert_true(slice_ends(slice_str(text), "From: a@b.example\r\n\r\nHello\r\n"));
	close_office(o);
}

static void what_is_there_is_not_added(void **state)
{
	static const char message[] = "Date: x\r\nMESSAGE-ID: <y>\r\n\r\nHello\r\n";
	struct office *o = open_office(*state, message);
	const char *text;

	add(o, "alice@example.org", &o->alice);
	o->deliver.submission = true;
	good(deliver(o));
	text = text_of(o, &o->alice, &o->alice.account.inbox);
	assert_true(slice_ends(slice_str(text), message));
	assert_null(strstr(strstr(text, "Date: x") + 1, "Date: "));
	assert_true(strstr(text, "Message-ID: ") == NULL);
	close_office(o);
}

/* Local content first, which nobody sees; then what goes out; then the mailboxes. */
static void mixed_ones(void **state)
{
	struct office *o = open_office(*state, MESSAGE);

	add(o, "x@example.net", NULL);
	add(o, "alice@example.org", &o->alice);
	good(deliver(o));
	assert_int_equal(o->deliver.filed, 1);
	assert_int_equal(o->deliver.queued, 1);
	assert_string_equal(wire_log(o->f),
	                    arena_printf(o->f->arena, "put contents\nqueue 1\nput contents\n%s", o->inbox_a));
	assert_null(strstr(queued_text(o, queued(o, "example.net")), "Return-Path"));
	close_office(o);
}

static void junk(void **state)
{
	struct office *o =
	    open_office(*state, "X-Posthouse-Junk: forged\r\nSubject: s\r\nX-POSTHOUSE-JUNK : too\r\n\r\n");
	struct byte_range *drop;
	const char *text;

	add(o, "alice@example.org", &o->alice);
	add(o, "x@example.net", NULL);
	o->deliver.junk = "smells";
	o->deliver.n_drop =
	    auth_results_forged(buf_slice(&o->tx->message), "mail.example.org", o->f->arena, &drop);
	o->deliver.drop = drop;
	good(deliver(o));
	assert_non_null(strstr(wire_log(o->f), o->junk_a));
	text = text_of(o, &o->alice, &o->alice.account.junk);
	assert_non_null(strstr(text, "X-Posthouse-Junk: smells\r\n"));
	assert_null(strstr(text, "forged"));
	assert_null(strstr(text, "too"));
	assert_true(slice_ends(slice_str(text), "\r\nSubject: s\r\n\r\n"));
	assert_null(strstr(queued_text(o, queued(o, "example.net")), "X-Posthouse-Junk"));
	close_office(o);
}

/* No Junk, or none any more: the INBOX takes it. */
static void junk_without_a_place(void **state)
{
	struct office *o = open_office(*state, MESSAGE);
	struct recipient *bob;

	add(o, "alice@example.org", &o->alice)->junk = id_new();
	bob = add(o, "bob@example.org", &o->bob);
	bob->junk = (struct id){ { 0 } };
	o->deliver.junk = "smells";
	good(deliver(o));
	assert_int_equal(o->deliver.filed, 2);
	(void)text_of(o, &o->alice, &o->alice.account.inbox);
	(void)text_of(o, &o->bob, &o->bob.account.inbox);
	close_office(o);
}

static void a_large_one(void **state)
{
	struct office *o = open_office(*state, MESSAGE);
	uint8_t bytes[3000];

	for (int i = 0; i < 100; i++) {
		rand_bytes(bytes, sizeof(bytes));
		buf_add(&o->tx->message, bytes, sizeof(bytes));
	}
	add(o, "alice@example.org", &o->alice);
	good(deliver(o));
	assert_string_equal(wire_log(o->f), arena_printf(o->f->arena, "blob\n%s",
	                                                 o->inbox_a)); /* the content goes with the append */
	close_office(o);
}

static void usage_counts(void **state)
{
	struct office *o = open_office(*state, MESSAGE);
	const struct id *id = &o->alice.account.id;

	add(o, "alice@example.org", &o->alice);
	good(usage_check(o->smtpd.usage, o->f->stack, id, &(struct usage){ strlen(MESSAGE), 0 }, WHY));
	good(deliver(o));
	bad(FAULT_OVER_QUOTA,
	    usage_check(o->smtpd.usage, o->f->stack, id, &(struct usage){ strlen(MESSAGE), 0 }, WHY));
	close_office(o);
}

/* ---- something fails ---- */

/* Nobody has anything when it fails so early: the sender keeps it, and nothing is on its way. */
static void nothing_half_accepted(void **state)
{
	static const struct {
		const char *name, *fail_on;
		unsigned skip;
		enum fault fault;
	} cases[] = {
		{ "the local content", "put contents", 0, FAULT_TEMP },
		{ "the queue", "queue", 0, FAULT_TEMP },
		{ "the queued content", "put contents", 1, FAULT_TEMP },
		{ "the disk is full", "put contents", 0, FAULT_FULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct office *o = open_office(fixture_new(), MESSAGE);
		struct fixture *f = o->f;
		struct entry *entry;
		struct record record;

		print_message("%s\n", cases[i].name);
		add(o, "x@example.net", NULL);
		add(o, "alice@example.org", &o->alice);
		wire_fail(cases[i].fail_on, cases[i].skip, 1, cases[i].fault);
		bad(cases[i].fault, deliver(o));
		assert_null(strstr(wire_log(f), "commit"));
		assert_int_equal(o->deliver.filed + o->deliver.queued, 0);
		assert_int_equal(fixture_count(f, &o->alice, "INBOX"), 0);
		entry = queued(o, "example.net"); /* without its content it was never accepted */
		if (entry)
			bad(FAULT_NOT_FOUND,
			    record_get(f->stack->store, &queue_actor, COLL_CONTENTS,
			               id_slice(&entry->entry.content), false, f->arena, &record, WHY));
		/* the sender comes again */
		good(deliver(o));
		assert_int_equal(fixture_count(f, &o->alice, "INBOX"), 1);
		close_office(o);
		fixture_free(f);
	}
	(void)state;
}

/* One mailbox fails for now, another has the message already: the failed one is queued, and mta finishes it. */
static void one_fails_for_now(void **state)
{
	struct office *o = open_office(*state, MESSAGE);
	struct entry *entry;
	struct record record;

	add(o, "alice@example.org", &o->alice);
	add(o, "bob@example.org", &o->bob);
	wire_fail(o->inbox_a, 0, 1000, FAULT_FULL); /* TEMP would be tried for seconds */
	wire.fail_on = arena_strz(o->f->arena, slice_of(o->inbox_a, strlen(o->inbox_a) - 1));
	good(deliver(o));
	assert_int_equal(o->deliver.filed, 1);
	assert_int_equal(o->deliver.queued, 1);
	entry = queued(o, "");
	assert_non_null(entry);
	assert_int_equal(entry->envelope.n, 1);
	assert_string_equal(entry->envelope.recipients[0].address, "alice@example.org");
	assert_true(id_eq(&entry->envelope.recipients[0].local_account, &o->alice.account.id));
	assert_true(id_is_zero(&entry->entry.account));
	/* the very content that bob has, and alice may read it once it is filed */
	assert_string_equal(queued_text(o, entry), text_of(o, &o->bob, &o->bob.account.inbox));
	good(record_get(o->f->stack->store, &o->alice.owner, COLL_CONTENTS, id_slice(&entry->entry.content),
	                false, o->f->arena, &record, WHY));
	close_office(o);
}

static void all_fail_for_now(void **state)
{
	struct office *o = open_office(*state, MESSAGE);

	add(o, "alice@example.org", &o->alice);
	add(o, "bob@example.org", &o->bob);
	wire_fail("commit", 0, 1000, FAULT_FULL);
	bad(FAULT_FULL, deliver(o));
	assert_int_equal(o->deliver.filed + o->deliver.queued, 0);
	assert_null(queued(o, ""));
	close_office(o);
}

/* What went out cannot be taken back: the local rest is queued. */
static void all_locals_fail_beside_a_remote(void **state)
{
	struct office *o = open_office(*state, MESSAGE);

	add(o, "x@example.net", NULL);
	add(o, "alice@example.org", &o->alice);
	wire_fail("commit", 0, 1000, FAULT_FULL);
	good(deliver(o));
	assert_int_equal(o->deliver.filed, 0);
	assert_int_equal(o->deliver.queued, 2);
	assert_non_null(queued(o, ""));
	assert_non_null(queued(o, "example.net"));
	close_office(o);
}

/* And when not even that works, the sender keeps the whole: better twice than never. */
static void queueing_the_rest_fails(void **state)
{
	struct office *o = open_office(*state, MESSAGE);

	add(o, "alice@example.org", &o->alice);
	add(o, "bob@example.org", &o->bob);
	add(o, "gone@example.org", &o->bob)->inbox = id_new();
	wire_fail("queue", 0, 1, FAULT_TEMP);
	bad(FAULT_TEMP, deliver(o));
	assert_int_equal(o->deliver.filed, 2);
	assert_int_equal(o->deliver.queued, 0); /* what was not put is not counted */
	close_office(o);
}

/* One is gone for good, one fails for now: the sender comes again, and hears of the first one then. */
static void what_may_pass_decides(void **state)
{
	struct office *o = open_office(*state, MESSAGE);

	add(o, "bob@example.org", &o->bob)->inbox = id_new();
	add(o, "alice@example.org", &o->alice);
	wire_fail("commit", 0, 1000, FAULT_FULL);
	bad(FAULT_FULL, deliver(o));
	wire_fail(NULL, 0, 0, FAULT_NONE);
	o->tx->recipients->next = NULL;
	bad(FAULT_NOT_FOUND, deliver(o));
	assert_null(queued(o, ""));
	close_office(o);
}

/* Full accounts of an alias are tried later; nobody else waits for them. */
static void deferred_ones(void **state)
{
	struct office *o = open_office(*state, MESSAGE);
	struct entry *entry;

	add(o, "alice@example.org", &o->alice);
	add(o, "bob@example.org", &o->bob)->deferred = true;
	good(deliver(o));
	assert_int_equal(o->deliver.filed, 1);
	assert_int_equal(o->deliver.queued, 1);
	assert_int_equal(fixture_count(o->f, &o->bob, "INBOX"), 0);
	entry = queued(o, "");
	assert_true(id_eq(&entry->envelope.recipients[0].local_account, &o->bob.account.id));

	/* the others fail: nobody has it, so the sender keeps it */
	wire_fail("commit", 0, 1000, FAULT_FULL);
	bad(FAULT_FULL, deliver(o));
	wire_fail(NULL, 0, 0, FAULT_NONE);
	/* nobody but them */
	o->tx->recipients = o->tx->recipients->next;
	good(deliver(o));
	assert_int_equal(o->deliver.filed, 0);
	assert_int_equal(o->deliver.queued, 1);
	close_office(o);
}

static void no_queue_key(void **state)
{
	struct fixture *f = *state;
	struct office *o = open_office(f, MESSAGE);
	const struct actor system = { .kind = ACTOR_SYSTEM };
	struct stack *whole = f->stack;

	wire_off(f);
	good(record_del(f->stack->store, &system, COLL_SETTINGS, SLICE("queue-key"), RECORD_ANY, WHY));
	f->stack = o->deliver.stack = fixture_stack(f, 0);
	add(o, "x@example.net", NULL);
	bad(FAULT_CONFIG, deliver(o));
	stack_close(f->stack);
	f->stack = whole;
	close_office(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(local_ones),
		case_of(remote_ones),
		case_of(what_is_there_is_not_added),
		case_of(mixed_ones),
		case_of(junk),
		case_of(junk_without_a_place),
		case_of(a_large_one),
		case_of(usage_counts),
		cmocka_unit_test(nothing_half_accepted),
		case_of(one_fails_for_now),
		case_of(all_fail_for_now),
		case_of(all_locals_fail_beside_a_remote),
		case_of(queueing_the_rest_fails),
		case_of(what_may_pass_decides),
		case_of(deferred_ones),
		case_of(no_queue_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
