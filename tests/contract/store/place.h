#ifndef TESTS_CONTRACT_STORE_PLACE_H
#define TESTS_CONTRACT_STORE_PLACE_H
/*
 * A fresh database for one case, on the backend that is being tested: the
 * fixture and the small tools of all cases in this folder. Open it after the last fork.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/secret.h"
#include "store/log.h"
#include "store/mailbox.h"
#include "store/queue.h"
#include "store/record.h"

struct place {
	struct store_conf conf;
	char dir[64], path[96], db[64];
	struct arena *arena;
	struct store *store; /* what open_store() opened last; closed by the teardown */
};

extern const char *backend; /* "sqlite" or "mongo" */

int place_setup(void **state);
int place_teardown(void **state);

/* Opens (again): what was open is closed first. */
struct store *open_store(struct place *);
/* In another process, or beside the first: the caller closes it. */
struct store *open_beside(const struct place *);

#define CASE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

#define assert_fault(want, call)                                                                             \
	do {                                                                                                 \
		struct why why_ = { "" };                                                                    \
		struct why *why = &why_;                                                                     \
		enum fault got_ = (call);                                                                    \
		if (got_ != (want))                                                                          \
			fail_msg("%s instead of %s: %s", fault_name(got_), fault_name(want), why->text);     \
	} while (0)
#define assert_good(call) assert_fault(FAULT_NONE, call)

/* For threads and child processes, where cmocka cannot jump. */
#define must(condition)                                                                                      \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);              \
			abort();                                                                             \
		}                                                                                            \
	} while (0)
#define must_good(call)                                                                                      \
	do {                                                                                                 \
		struct why why_ = { "" };                                                                    \
		struct why *why = &why_;                                                                     \
		enum fault got_ = (call);                                                                    \
		if (got_) {                                                                                  \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, fault_name(got_), why->text); \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* The number in environment variable `name`, or `fallback`. */
uint64_t env_number(const char *name, uint64_t fallback);

extern const struct actor as_system, as_admin, as_queue;
struct actor owner_of(const struct id *account);
struct actor delivery_to(const struct id *account);

/* A mailbox of `account`, named by `name` (its hash is made from it). */
struct mailbox_meta meta_of(const struct id *account, const char *name);
struct id make_mailbox(struct store *, const struct id *account, const char *name);
struct mailbox_append a_message(uint32_t size, uint32_t flags);
/* Appends n messages of 100 bytes, one entry each; gives the last one's UID. */
uint32_t append_some(struct store *, const struct actor *, const struct id *mailbox, uint32_t n);
/* A state filled from scratch. */
struct mailbox_state *read_state(struct store *, const struct actor *, const struct id *mailbox);
/* Brings a state up to date; the delta is thrown away. */
void catch_up(struct store *, const struct actor *, struct mailbox_state *);
/* Commits one edit decided on `state` (nothing when no message is in the range), and catches up. */
enum fault edit_range(struct store *, const struct actor *, struct mailbox_state *, uint32_t first,
                      uint32_t last, bool expunge, uint32_t add_flags);

/* Threads, each with its number. */
void run_threads(unsigned n, void *(*run)(void *), void *shared);
struct thread_arg {
	unsigned number;
	void *shared;
};

extern const struct CMUnitTest record_cases[], mailbox_cases[], append_cases[], fold_cases[], queue_cases[],
    order_cases[], open_cases[], model_cases[], share_cases[], move_cases[];
extern const size_t n_record_cases, n_mailbox_cases, n_append_cases, n_fold_cases, n_queue_cases,
    n_order_cases, n_open_cases, n_model_cases, n_share_cases, n_move_cases;

#endif
