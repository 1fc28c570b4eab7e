/* The Outbox (outbox.h): in step with the queue, whoever brings it there; cancelling wholly or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "fixture.h"
#include "suite/check.h"
#include "suite/copy.h"
#include "suite/outbox.h"
#include "suite/outgoing.h"

static const struct actor queue_actor = { .kind = ACTOR_QUEUE };

static struct mailbox_head sync_now(struct fixture *f, const struct person *who)
{
	struct mailbox_head head;

	good(outbox_sync(f->stack, &who->owner, who->key, &head, WHY));
	return head;
}

static bool make_outbox(struct fixture *f, const struct person *who)
{
	const struct folders folders = fixture_folders(f, who);
	bool made;

	good(outbox_make(f->stack, &who->owner, who->key, &folders, &made, WHY));
	return made;
}

static struct person start(struct fixture *f)
{
	struct person alice = fixture_alice(f);
	struct account_public public;
	uint8_t generation;

	good(queue_public_key(f->stack, &public, &generation, WHY));
	assert_true(make_outbox(f, &alice));
	assert_false(make_outbox(f, &alice));
	return alice;
}

/* Sends to bob at each of the domains; the content's id. */
static struct id send(struct fixture *f, const struct person *from, const char *const *domains, size_t n)
{
	const struct outgoing_sender sender = { from->account.id, from->account.public_key,
		                                from->account.generation };
	struct outgoing_recipient to[4];
	struct envelope_out envelope = {
		.from = "", .trace = "", .envid = "", .accepted = clock_now(), .recipients = to, .n = n
	};
	struct sealed_message sealed;

	for (size_t i = 0; i < n; i++)
		to[i] =
		    (struct outgoing_recipient){ .address = arena_printf(f->arena, "bob@%s", domains[i]) };
	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, &sealed, WHY));
	good(outgoing_put(f->stack, &sealed, &envelope, &sender, NULL, 0, f->arena, WHY));
	sealed_message_done(&sealed);
	return sealed.content;
}

static struct id send_to(struct fixture *f, const struct person *from, const char *domain)
{
	return send(f, from, &domain, 1);
}

static struct queue_entry entry(struct fixture *f, const struct id *content, const char *domain)
{
	const struct id id = id_derive(content, slice_str(domain));
	struct queue_entry got;

	good(queue_get(f->stack->store, &queue_actor, &id, f->arena, &got, WHY));
	return got;
}

static size_t queued(struct fixture *f)
{
	const struct queue_query query = { .limit = 100 };
	struct queue_entry *entries;
	size_t n;

	good(queue_list(f->stack->store, &queue_actor, &query, f->arena, &entries, &n, WHY));
	return n;
}

/* mta takes what is due now, for `lease` ms. */
static size_t claim(struct fixture *f, int64_t lease)
{
	struct queue_entry *entries;
	size_t n;

	good(
	    queue_claim(f->stack->store, &queue_actor, clock_now(), lease, 100, f->arena, &entries, &n, WHY));
	return n;
}

static enum outbox_fate cancel(struct fixture *f, const struct person *who, const struct id *content)
{
	struct outbox_message message = { .content = *content };

	good(outbox_cancel(f->stack, &who->owner, &message, 1, WHY));
	return message.fate;
}

/* ---- in step ---- */

static void it_can_be_read(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f);
	const struct id outbox = outbox_mailbox(&alice.account.id), content = send_to(f, &alice, "a.example");
	struct mailbox_state *box;
	struct message message;
	struct record record;

	assert_int_equal(sync_now(f, &alice).messages, 1);
	assert_int_equal(sync_now(f, &alice).unseen, 0);
	box = fixture_state(f, &alice.owner, &outbox);
	assert_true(id_eq(&box->content[0], &content));
	assert_int_equal(box->size[0], strlen(MESSAGE));
	good(record_get(f->stack->store, &alice.owner, COLL_CONTENTS, id_slice(&content), true, f->arena,
	                &record, WHY));
	good(message_open(alice.key, &record, &box->key[0], f->arena, &message, WHY));
	mailbox_state_free(box);
}

/* What is in step costs no commit, whoever looks. */
static void nothing_new(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f);
	uint64_t modseq;

	send_to(f, &alice, "a.example");
	modseq = sync_now(f, &alice).modseq;
	wire_on(f);
	assert_true(sync_now(f, &alice).modseq == modseq);
	assert_string_equal(wire_log(f), "");
	wire_off(f);
}

/* The entries are there and the content is not: nobody has accepted that message yet. */
static void half_put(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f);
	const struct id content = send_to(f, &alice, "a.example");

	good(record_del(f->stack->store, &(struct actor){ ACTOR_SYSTEM, { { 0 } } }, COLL_CONTENTS,
	                id_slice(&content), RECORD_ANY, WHY));
	assert_int_equal(sync_now(f, &alice).messages, 0);
}

static void mail_of_others(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f), bob = fixture_person(f, "bob@example.org");
	const struct id content = send_to(f, &bob, "a.example");

	assert_int_equal(sync_now(f, &alice).messages, 0);
	assert_int_equal(cancel(f, &alice, &content), OUTBOX_LEFT); /* as she sees it */
	assert_int_equal(queued(f), 1);
}

static void the_name_is_taken(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct id outbox = outbox_mailbox(&alice.account.id);
	struct id own;

	good(folder_create(f->stack, &alice.owner, alice.key, "Outbox", 0, true, &own, WHY));
	assert_true(make_outbox(f, &alice));
	assert_false(make_outbox(f, &alice));
	assert_true(id_eq(&fixture_folder(f, &alice, "Outbox")->row.meta.id, &own));
	assert_true(id_eq(&fixture_folder(f, &alice, "Outbox (queue)")->row.meta.id, &outbox));
}

static void switched_off(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f);

	f->conf.outbox = false;
	send_to(f, &alice, "a.example");
	assert_int_equal(sync_now(f, &alice).messages, 0);
}

struct racer {
	struct fixture *f;
	const struct person *who;
	pthread_t thread;
};

static void *race(void *arg)
{
	const struct racer *racer = arg;
	struct mailbox_head head;
	struct why why;

	for (int i = 0; i < 20; i++) {
		enum fault fault =
		    outbox_sync(racer->f->stack, &racer->who->owner, racer->who->key, &head, &why);

		assert(!fault || fault == FAULT_TEMP);
	}
	return NULL;
}

/* Many look at once while messages come: each is shown once. */
static void looked_at_by_many(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f);
	struct racer racers[4];

	for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
		racers[i] = (struct racer){ .f = f, .who = &alice };
		assert(pthread_create(&racers[i].thread, NULL, race, &racers[i]) == 0);
	}
	for (int i = 0; i < 30; i++)
		send_to(f, &alice, "a.example");
	for (size_t i = 0; i < ARRAY_LEN(racers); i++)
		pthread_join(racers[i].thread, NULL);
	assert_int_equal(sync_now(f, &alice).messages, 30);
}

/* ---- cancelling ---- */

static void several_domains(void **state)
{
	static const char *const domains[] = { "a.example", "b.example", "c.example" };
	struct fixture *f = *state;
	struct person alice = start(f);
	const struct id content = send(f, &alice, domains, 3);

	assert_int_equal(sync_now(f, &alice).messages, 1);
	assert_int_equal(queued(f), 3);
	assert_int_equal(cancel(f, &alice, &content), OUTBOX_FREE);
	assert_int_equal(queued(f), 0);
	assert_int_equal(cancel(f, &alice, &content), OUTBOX_LEFT);
	assert_int_equal(sync_now(f, &alice).messages, 0);
}

/* One of three is with an mta: all stay, and none is put off. */
static void one_is_claimed(void **state)
{
	static const char *const domains[] = { "a.example", "b.example", "c.example" };
	struct fixture *f = *state;
	struct person alice = start(f);
	const struct id content = send(f, &alice, domains, 3);
	const struct queue_entry b = entry(f, &content, "b.example");
	struct outbox_message message = { .content = content };

	good(queue_set(f->stack->store, &queue_actor, &b.id, b.fence, QUEUE_WAITING, clock_now() - 5, WHY));
	for (size_t i = 0; i < 3; i += 2) {
		const struct queue_entry other = entry(f, &content, domains[i]);

		good(queue_set(f->stack->store, &queue_actor, &other.id, other.fence, QUEUE_HELD, clock_now(),
		               WHY));
	}
	assert_int_equal(claim(f, 60000), 1);
	assert_int_equal(cancel(f, &alice, &content), OUTBOX_BUSY);
	good(outbox_pause(f->stack, &alice.owner, &message, 1, WHY));
	assert_int_equal(message.fate, OUTBOX_BUSY);
	assert_int_equal(queued(f), 3);
	assert_int_equal(entry(f, &content, "a.example").status, QUEUE_HELD);
	assert_true(entry(f, &content, "a.example").due <= clock_now());
}

/* Its mta died: whether a host has it, nobody knows until another one has tried. */
static void a_lease_ran_out(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f);
	const struct id content = send_to(f, &alice, "a.example");

	assert_int_equal(claim(f, 1), 1);
	clock_sleep(20);
	assert_int_equal(cancel(f, &alice, &content), OUTBOX_BUSY);
	assert_int_equal(queued(f), 1);
}

static void put_off(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f);
	struct outbox_message message = { .content = send_to(f, &alice, "a.example") };

	good(outbox_pause(f->stack, &alice.owner, &message, 1, WHY));
	assert_int_equal(message.fate, OUTBOX_FREE);
	assert_int_equal(claim(f, 60000), 0);
	assert_true(entry(f, &message.content, "a.example").due <= clock_now() + 30000);
	assert_int_equal(cancel(f, &alice, &message.content), OUTBOX_FREE);
}

struct claimer {
	struct fixture *f;
	size_t taken;
	bool stop;
	pthread_t thread;
};

static void *claim_all(void *arg)
{
	struct claimer *claimer = arg;
	struct arena *arena = arena_new();
	struct why why;

	while (!__atomic_load_n(&claimer->stop, __ATOMIC_ACQUIRE)) {
		struct queue_entry *entries;
		size_t n;

		assert(!queue_claim(claimer->f->stack->store, &queue_actor, clock_now(), 60000, 1, arena,
		                    &entries, &n, &why));
		claimer->taken += n;
	}
	arena_free(arena);
	return NULL;
}

/* Whatever mta takes meanwhile: a message goes wholly or stays wholly. */
static void mta_takes_while_it_is_cancelled(void **state)
{
	static const char *const domains[] = { "a.example", "b.example" };
	enum { MANY = 40 };
	struct fixture *f = *state;
	struct person alice = start(f);
	struct claimer claimer = { .f = f };
	struct id contents[MANY];
	size_t freed = 0;

	for (int i = 0; i < MANY; i++)
		contents[i] = send(f, &alice, domains, 2);
	assert(pthread_create(&claimer.thread, NULL, claim_all, &claimer) == 0);
	for (int i = MANY - 1; i >= 0; i--)
		freed += cancel(f, &alice, &contents[i]) == OUTBOX_FREE;
	while (claimer.taken + 2 * freed < 2 * MANY)
		clock_sleep(5);
	__atomic_store_n(&claimer.stop, true, __ATOMIC_RELEASE);
	pthread_join(claimer.thread, NULL);
	assert_int_equal(queued(f), 2 * (MANY - freed));
	assert_int_equal(claimer.taken, 2 * (MANY - freed));
}

/* ---- the sweeper ---- */

static void content_is_kept(void **state)
{
	struct fixture *f = *state;
	struct person alice = start(f);
	const struct id content = send_to(f, &alice, "a.example");
	const struct queue_entry queued_entry = entry(f, &content, "a.example");
	const struct actor system = { .kind = ACTOR_SYSTEM };
	struct sweep_result result;
	struct record record;

	sync_now(f, &alice);
	/* sent, and the Outbox was not looked at since: it shows it still */
	good(queue_remove(f->stack->store, &queue_actor, &queued_entry.id, queued_entry.fence, WHY));
	for (int i = 0; i < 2; i++)
		good(sweep_run(f->stack, 0, false, NULL, NULL, &result, WHY));
	good(record_get(f->stack->store, &system, COLL_CONTENTS, id_slice(&content), true, f->arena, &record,
	                WHY));
	assert_int_equal(sync_now(f, &alice).messages, 0);
	for (int i = 0; i < 2; i++)
		good(sweep_run(f->stack, 0, false, NULL, NULL, &result, WHY));
	bad(FAULT_NOT_FOUND, record_get(f->stack->store, &system, COLL_CONTENTS, id_slice(&content), true,
	                                f->arena, &record, WHY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(it_can_be_read),    case_of(nothing_new),
		case_of(half_put),          case_of(mail_of_others),
		case_of(the_name_is_taken), case_of(switched_off),
		case_of(looked_at_by_many), case_of(several_domains),
		case_of(one_is_claimed),    case_of(a_lease_ran_out),
		case_of(put_off),           case_of(mta_takes_while_it_is_cancelled),
		case_of(content_is_kept),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
