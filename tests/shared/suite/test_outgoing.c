/* outgoing.h: envelopes, and how a message comes onto the queue. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "suite/outgoing.h"

static const struct actor queue_actor = { .kind = ACTOR_QUEUE };

static struct outgoing_recipient to(const char *address)
{
	return (struct outgoing_recipient){
		.address = address, .orcpt = "", .reply = "", .status = "", .host = ""
	};
}

static struct envelope_out envelope_of(struct outgoing_recipient *recipients, size_t n)
{
	struct envelope_out envelope = {
		.from = "bob@example.net",
		.trace = "trace",
		.envid = "",
		.accepted = INT64_C(1700000000000),
		.expires = INT64_C(1700000900000),
		.recipients = recipients,
		.n = n,
	};

	content_key_new(&envelope.key);
	return envelope;
}

/* ---- the envelope ---- */

static void there_and_back(void **state)
{
	struct outgoing_recipient recipients[] = {
		{ .address = "a@b.example",
		  .orcpt = "rfc822;x",
		  .notify = 5,
		  .state = RCPT_FAILED,
		  .reply = "550 no",
		  .status = "5.1.1",
		  .host = "mx.b.example",
		  .at = 77,
		  .local_account = { { 1, 2, 3 } } },
		{ .address = "\xc3\xbc@b.example", .orcpt = "", .reply = "", .status = "", .host = "" },
		{ .address = "null@b.example" }, /* what is NULL reads as empty */
	};
	struct envelope_out envelope = envelope_of(recipients, 3), got;
	struct arena *arena = arena_new();
	struct account_key *queue = account_key_new(1), *other = account_key_new(1);
	struct account_public public;
	struct slice sealed;
	const struct outgoing_recipient *r;

	(void)state;
	envelope.envid = "id";
	envelope.ret_headers = envelope.smtputf8 = true;
	account_key_public(queue, &public);
	sealed = envelope_seal(&envelope, &public, arena);
	assert_true(slice_find(sealed, SLICE("b.example")) < 0);
	bad(FAULT_CORRUPT, envelope_open(other, sealed, arena, &got, WHY));
	good(envelope_open(queue, sealed, arena, &got, WHY));
	assert_string_equal(got.from, "bob@example.net");
	assert_string_equal(got.trace, "trace");
	assert_string_equal(got.envid, "id");
	assert_true(got.ret_headers && got.smtputf8 && !got.eight_bit && !got.is_dsn);
	assert_true(got.accepted == envelope.accepted && got.expires == envelope.expires);
	assert_memory_equal(&got.key, &envelope.key, sizeof(got.key));
	assert_int_equal(got.n, 3);
	r = &got.recipients[0];
	assert_string_equal(r->address, "a@b.example");
	assert_string_equal(r->orcpt, "rfc822;x");
	assert_string_equal(r->reply, "550 no");
	assert_string_equal(r->status, "5.1.1");
	assert_string_equal(r->host, "mx.b.example");
	assert_int_equal(r->notify, 5);
	assert_int_equal(r->state, RCPT_FAILED);
	assert_int_equal(r->at, 77);
	assert_int_equal(r->local_account.raw[2], 3);
	assert_string_equal(got.recipients[1].address, "\xc3\xbc@b.example");
	assert_true(id_is_zero(&got.recipients[1].local_account));
	assert_string_equal(got.recipients[2].reply, "");
	account_key_unref(queue);
	account_key_unref(other);
	arena_free(arena);
}

/* However what is sealed is cut or altered, it parses or it does not; and never asks for more memory than it is worth. */
static void spoilt_envelopes(void **state)
{
	struct outgoing_recipient recipients[] = { to("a@b.example"), to("c@b.example") };
	struct envelope_out envelope = envelope_of(recipients, 2), got;
	struct arena *arena = arena_new();
	struct account_key *queue = account_key_new(1);
	struct account_public public;
	struct buf plain, spoilt, sealed;

	(void)state;
	account_key_public(queue, &public);
	buf_init(&plain, BUF_NO_LIMIT);
	buf_init(&spoilt, BUF_NO_LIMIT);
	buf_init(&sealed, BUF_NO_LIMIT);
	/* behind the sender's key, which is none here */
	good(public_open(queue, slice_from(envelope_seal(&envelope, &public, arena), 2), &plain, WHY));
	for (size_t at = 0; at < plain.len; at++) {
		static const uint8_t bytes[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

		for (size_t k = 0; k <= ARRAY_LEN(bytes); k++) {
			enum fault fault;

			buf_clear(&spoilt);
			buf_clear(&sealed);
			buf_add(&sealed, "\0", 2);
			buf_add(&spoilt, plain.data, k < ARRAY_LEN(bytes) ? plain.len : at);
			if (k < ARRAY_LEN(bytes))
				spoilt.data[at] = bytes[k];
			assert_true(public_seal(&public, buf_slice(&spoilt), &sealed));
			fault = envelope_open(queue, buf_slice(&sealed), arena, &got, WHY);
			assert_true(!fault || fault == FAULT_CORRUPT);
			assert_true(k < ARRAY_LEN(bytes) || fault == FAULT_CORRUPT);
		}
		arena_reset(arena);
	}
	buf_done(&plain);
	buf_done(&spoilt);
	buf_done(&sealed);
	account_key_unref(queue);
	arena_free(arena);
}

/* ---- the queue ---- */

struct queued { /* what lies on the queue, opened */
	struct queue_entry *entries;
	struct envelope_out *envelopes;
	size_t n;
};

static struct queued queued(struct fixture *f)
{
	const struct queue_query query = { .limit = 1000 };
	struct queued q;
	struct account_key *key;

	good(queue_private_key(f->stack, &key, WHY));
	good(queue_list(f->stack->store, &queue_actor, &query, f->arena, &q.entries, &q.n, WHY));
	q.envelopes = arena_array(f->arena, struct envelope_out, q.n);
	for (size_t i = 0; i < q.n; i++)
		good(envelope_open(key, q.entries[i].state, f->arena, &q.envelopes[i], WHY));
	account_key_unref(key);
	return q;
}

static const struct envelope_out *envelope_to(const struct queued *q, const char *domain)
{
	for (size_t i = 0; i < q->n; i++) {
		if (slice_is(q->entries[i].domain, domain))
			return &q->envelopes[i];
	}
	fail_msg("nothing is queued for \"%s\"", domain);
	return NULL;
}

static enum fault put(struct fixture *f, const struct sealed_message *sealed,
                      const struct envelope_out *envelope, const struct outgoing_sender *sender)
{
	struct account_public public;
	uint8_t generation;

	good(queue_public_key(f->stack, &public, &generation, WHY));
	return outgoing_put(f->stack, sealed, envelope, sender, NULL, 0, f->arena, WHY);
}

static void an_entry_a_domain(void **state)
{
	struct fixture *f = *state;
	struct outgoing_recipient recipients[] = { to("a@one.example"), to("b@two.example"),
		                                   to("c@ONE.example"), to("\"x@y\"@two.example"),
		                                   to("d@three.example") };
	struct envelope_out envelope = envelope_of(recipients, ARRAY_LEN(recipients));
	const struct outgoing_sender sender = { .account = id_new() };
	struct sealed_message sealed;
	const struct envelope_out *two;
	struct message message;
	struct record record;
	struct queued q;

	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, &sealed, WHY));
	envelope.key = sealed.key;
	wire_on(f);
	good(put(f, &sealed, &envelope, &sender));
	/* the entries first: without the content they were never accepted */
	assert_string_equal(wire_log(f), "put settings\nqueue 3\nput contents\n");
	q = queued(f);
	assert_int_equal(q.n, 3);
	assert_int_equal(envelope_to(&q, "one.example")->n, 2);
	assert_int_equal(envelope_to(&q, "three.example")->n, 1);
	two = envelope_to(&q, "two.example");
	assert_int_equal(two->n, 2);
	for (size_t i = 0; i < q.n; i++) {
		assert_true(id_eq(&q.entries[i].account, &sender.account));
		assert_true(id_eq(&q.entries[i].content, &sealed.content));
		assert_int_equal(q.entries[i].size, strlen(MESSAGE));
		assert_int_equal(q.entries[i].status, QUEUE_WAITING);
		assert_true(q.entries[i].due == envelope.accepted);
	}
	good(record_get(f->stack->store, &queue_actor, COLL_CONTENTS, id_slice(&sealed.content), true,
	                f->arena, &record, WHY));
	good(message_open_with(&two->key, &record, f->arena, &message, WHY));

	/* again, as after a lost answer: nothing is added */
	good(put(f, &sealed, &envelope, &sender));
	assert_int_equal(queued(f).n, 3);
	wire_off(f);
	sealed_message_done(&sealed);
}

/* Whatever the order of the recipients was: a retry makes the same entries. */
static void the_same_entries(void **state)
{
	struct fixture *f = *state;
	struct outgoing_recipient first[] = { to("a@one.example"), to("b@ONE.example"), to("c@two.example") },
	                          second[] = { to("c@two.example"), to("b@ONE.example"),
		                               to("a@one.example") };
	struct envelope_out envelope = envelope_of(first, 3);
	struct sealed_message sealed;

	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, &sealed, WHY));
	good(put(f, &sealed, &envelope, NULL));
	envelope.recipients = second;
	good(put(f, &sealed, &envelope, NULL));
	assert_int_equal(queued(f).n, 2);
	sealed_message_done(&sealed);
}

static void local_entries(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct outgoing_recipient recipients[] = { to("alice@example.org"), to("x@example.net"),
		                                   to("bob@example.org") };
	const struct id accounts[] = { alice.account.id, bob.account.id };
	struct envelope_out envelope = envelope_of(recipients, 3);
	const struct envelope_out *local;
	struct sealed_message sealed;
	struct account_public public;
	uint8_t generation;
	struct record record;
	struct queued q;

	recipients[0].local_account = alice.account.id;
	recipients[2].local_account = bob.account.id;
	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, &sealed, WHY));
	good(queue_public_key(f->stack, &public, &generation, WHY));
	good(outgoing_put(f->stack, &sealed, &envelope, NULL, accounts, 2, f->arena, WHY));
	q = queued(f);
	assert_int_equal(q.n, 2);
	local = envelope_to(&q, "");
	assert_int_equal(local->n, 2);
	assert_true(id_eq(&local->recipients[0].local_account, &alice.account.id));
	assert_int_equal(envelope_to(&q, "example.net")->n, 1);
	/* the accounts can read it once it is filed */
	good(record_get(f->stack->store, &bob.owner, COLL_CONTENTS, id_slice(&sealed.content), false,
	                f->arena, &record, WHY));
	sealed_message_done(&sealed);
}

/* Too many for one entry: several, all of them there, and the same after a retry. */
static void very_many(void **state)
{
	enum { MANY = 1300 };
	struct fixture *f = *state;
	struct outgoing_recipient *recipients = arena_array(f->arena, struct outgoing_recipient, MANY);
	struct envelope_out envelope = envelope_of(recipients, MANY);
	struct sealed_message sealed;
	struct queued q;
	size_t n = 0;

	for (size_t i = 0; i < MANY; i++)
		recipients[i] = to(arena_printf(f->arena, "user%04zu@one.example", MANY - i));
	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, &sealed, WHY));
	good(put(f, &sealed, &envelope, NULL));
	good(put(f, &sealed, &envelope, NULL));
	q = queued(f);
	assert_int_equal(q.n, 3);
	for (size_t i = 0; i < q.n; i++) {
		assert_true(slice_is(q.entries[i].domain, "one.example"));
		n += q.envelopes[i].n;
	}
	assert_int_equal(n, MANY);
	sealed_message_done(&sealed);
}

static void faults(void **state)
{
	struct fixture *f = *state;
	struct outgoing_recipient recipients[] = { to("a@one.example") };
	struct envelope_out envelope = envelope_of(recipients, 1);
	struct stack *ringless = fixture_stack(f, 0);
	struct sealed_message sealed;
	struct record record;

	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, &sealed, WHY));
	bad(FAULT_CONFIG,
	    outgoing_put(ringless, &sealed, &envelope, NULL, NULL, 0, f->arena, WHY)); /* no queue key yet */
	stack_close(ringless);
	wire_on(f);
	wire_fail("queue", 0, 1, FAULT_TEMP);
	bad(FAULT_TEMP, put(f, &sealed, &envelope, NULL));
	bad(FAULT_NOT_FOUND, record_get(f->stack->store, &queue_actor, COLL_CONTENTS,
	                                id_slice(&sealed.content), false, f->arena, &record, WHY));
	wire_fail("put contents", 0, 1, FAULT_TEMP);
	bad(FAULT_TEMP, put(f, &sealed, &envelope, NULL));
	wire_off(f);
	good(put(f, &sealed, &envelope, NULL));
	assert_int_equal(queued(f).n, 1);
	sealed_message_done(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(spoilt_envelopes),
		case_of(an_entry_a_domain),
		case_of(the_same_entries),
		case_of(local_entries),
		case_of(very_many),
		case_of(faults),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
