/*
 * One visible order (P5): writers, readers and folders in two processes. No
 * reader ever sees a UID or a mod-sequence appear below one it has seen.
 */
#include "place.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 2
#define WRITERS   4
#define READERS   2

struct crowd {
	struct store *store;
	struct id account, mailbox;
	uint32_t each, total;
};

static void *write_messages(const struct crowd *crowd)
{
	struct actor delivery = delivery_to(&crowd->account);
	uint32_t last = 0;

	for (uint32_t i = 0; i < crowd->each; i++) {
		uint32_t uid = append_some(crowd->store, &delivery, &crowd->mailbox, 1);

		must(uid > last);
		last = uid;
	}
	return NULL;
}

/* Nothing is ever expunged here, so a view is whole or it is wrong. */
static void check_whole(const struct mailbox_state *view)
{
	must(view->n == view->head.messages && view->n == view->head.uid_next - 1);
	for (uint32_t i = 0; i < view->n; i++) {
		must(view->uid[i] == i + 1);
		must(i == 0 || view->modseq[i - 1] < view->modseq[i]); /* each had an entry of its own */
	}
}

static void *read_messages(const struct crowd *crowd, unsigned number)
{
	struct actor owner = owner_of(&crowd->account);
	struct mailbox_state *view = mailbox_state_new(&crowd->mailbox);
	uint64_t modseq = 0;
	uint32_t n = 0;

	for (unsigned round = 0; view->n < crowd->total; round++) {
		catch_up(crowd->store, &owner, view);
		check_whole(view);
		must(view->head.modseq >= modseq && view->n >= n);
		modseq = view->head.modseq;
		n = view->n;
		if (round % 8 == number) {
			struct mailbox_state *fresh = read_state(crowd->store, &owner, &crowd->mailbox);

			check_whole(fresh);
			must(fresh->n >= n);
			mailbox_state_free(fresh);
		}
		if (round % 16 == number)
			must_good(mailbox_fold(crowd->store, &owner, &crowd->mailbox, NULL, why));
	}
	mailbox_state_free(view);
	return NULL;
}

static void *work(void *object)
{
	const struct thread_arg *arg = object;

	return arg->number < WRITERS ? write_messages(arg->shared)
	                             : read_messages(arg->shared, arg->number - WRITERS);
}

static void test_order(void **state)
{
	struct place *place = *state;
	struct crowd crowd = { .account = id_new(), .each = strcmp(backend, "sqlite") == 0 ? 200 : 40 };
	pid_t children[PROCESSES];
	int status;

	crowd.total = PROCESSES * WRITERS * crowd.each;
	crowd.mailbox = make_mailbox(open_store(place), &crowd.account, "box");
	store_close(place->store);
	place->store = NULL;
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i])
			continue;
		crowd.store = open_beside(place);
		run_threads(WRITERS + READERS, work, &crowd);
		store_close(crowd.store);
		arena_free(place->arena);
		free(place);
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
}

const struct CMUnitTest order_cases[] = { CASE(test_order) };
const size_t n_order_cases = ARRAY_LEN(order_cases);
