/* Search signatures for mail that has none (check.h): mailbox by mailbox, a few messages at a time. */
#include <time.h>

#include "base/clock.h"
#include "suite/check.h"
#include "suite/directory_internal.h"
#include "suite/signature.h"
#include "suite/walk.h"

#define BATCH    64   /* messages that are opened between two rests */
#define LOOK     2048 /* whose signatures are looked at together */
#define REST_MAX 5000 /* ms */

struct indexing {
	struct stack *stack;
	bool fast;
	void (*on_progress)(void *, const struct walk_progress *);
	void *arg;
	struct walk_progress progress;
	struct index_result result;
	struct account_key *key;
	struct actor owner;
};

static void rest(const struct indexing *indexing, int64_t worked_ms)
{
	const int64_t ms = MIN_OF(worked_ms, (int64_t)REST_MAX);
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	if (!indexing->fast && ms > 0)
		nanosleep(&pause, NULL);
}

static void step(struct indexing *indexing, uint64_t messages)
{
	indexing->progress.done += messages;
	if (indexing->on_progress)
		indexing->on_progress(indexing->arg, &indexing->progress);
}

static enum fault sign(struct indexing *indexing, const struct signature_wanted *lacking, size_t n,
                       struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t from = 0; from < n && !fault; from += BATCH) {
		const size_t some = MIN_OF(n - from, (size_t)BATCH);
		const int64_t start = clock_mono_ms();
		size_t made = 0;

		fault = signatures_make(indexing->stack, &indexing->owner, indexing->key, lacking + from,
		                        some, &made, why);
		if (fault)
			break;
		indexing->result.made += made;
		indexing->result.failed += some - made;
		step(indexing, some);
		rest(indexing, clock_mono_ms() - start);
	}
	return fault;
}

static enum fault index_part(struct indexing *indexing, const struct mailbox_state *state, uint32_t from,
                             uint32_t n, struct why *why)
{
	struct arena *arena = arena_new();
	struct signature_wanted *wanted = arena_array(arena, struct signature_wanted, n);
	size_t lacking = 0;
	enum fault fault;

	for (uint32_t i = 0; i < n; i++)
		wanted[i] = (struct signature_wanted){ .content = state->content[from + i],
			                               .key = state->key[from + i] };
	fault = signatures_load(indexing->stack, &indexing->owner, indexing->key, wanted, n, arena, why);
	for (uint32_t i = 0; i < n && !fault; i++)
		if (wanted[i].ret.class == SEGMENT_NONE)
			wanted[lacking++] = wanted[i];
	if (!fault) {
		step(indexing, n - lacking);
		fault = sign(indexing, wanted, lacking, why);
	}
	arena_free(arena);
	return fault;
}

static enum fault index_mailbox(struct indexing *indexing, const struct id *mailbox, struct why *why)
{
	struct mailbox_state *state;
	enum fault fault = walk_mailbox(indexing->stack, mailbox, &state, why);

	if (fault)
		return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
	indexing->result.messages += state->n;
	for (uint32_t from = 0; from < state->n && !fault; from += LOOK)
		fault = index_part(indexing, state, from, MIN_OF(state->n - from, (uint32_t)LOOK), why);
	mailbox_state_free(state);
	return fault;
}

static enum fault index_mailboxes(struct indexing *indexing, const struct id *account, struct why *why)
{
	struct arena *arena = arena_new();
	struct mailbox_row *rows;
	size_t n = 0;
	enum fault fault =
	    mailbox_list(indexing->stack->store, &actor_system, account, arena, &rows, &n, why);

	for (size_t i = 0; i < n && !fault; i++)
		fault = index_mailbox(indexing, &rows[i].meta.id, why);
	arena_free(arena);
	return fault;
}

static enum fault index_account(struct indexing *indexing, const struct account *account, struct why *why)
{
	enum fault fault = account_unlock(indexing->stack, account, &indexing->key, why);

	if (fault == FAULT_TEMP)
		return fault;
	if (fault) {
		indexing->result.locked++;
		return FAULT_NONE;
	}
	indexing->result.accounts++;
	indexing->owner = (struct actor){ .kind = ACTOR_OWNER, .account = account->id };
	fault = index_mailboxes(indexing, &account->id, why);
	account_key_unref(indexing->key);
	return fault;
}

static enum fault on_account(void *arg, const struct record *record, struct why *why)
{
	struct arena *arena = arena_new();
	struct account account;
	enum fault fault = account_read(record, arena, &account, why);

	if (!fault)
		fault = index_account(arg, &account, why);
	arena_free(arena);
	return fault == FAULT_CORRUPT ? FAULT_NONE : fault; /* fsck tells of those */
}

enum fault index_run(struct stack *stack, const char *login, bool fast,
                     void (*on_progress)(void *, const struct walk_progress *), void *arg,
                     struct index_result *ret, struct why *why)
{
	struct indexing indexing = { .stack = stack,
		                     .fast = fast,
		                     .on_progress = on_progress,
		                     .arg = arg,
		                     .progress.doing = "signing mail for searches" };
	struct arena *arena = arena_new();
	struct account account;
	enum fault fault;

	if (!stack_active_kek(stack, STACK_ACCOUNTS_RING)) {
		fault = fault_set(why, FAULT_DENIED, "this process does not hold the accounts' key ring");
	} else if (!login) {
		fault = walk_records(stack, COLL_ACCOUNTS, on_account, &indexing, why);
	} else {
		fault = account_by_login(stack, slice_str(login), arena, &account, why);
		if (!fault)
			fault = index_account(&indexing, &account, why);
	}
	arena_free(arena);
	if (!fault)
		*ret = indexing.result;
	return fault;
}
