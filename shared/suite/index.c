/* Search signatures for mail that has none, or old ones (check.h): mailbox by mailbox, a few messages at a time. */
#include <time.h>

#include "base/clock.h"
#include "suite/check.h"
#include "suite/directory_internal.h"
#include "suite/signature.h"
#include "suite/walk.h"

#define BATCH    64   /* messages that are opened between two rests */
#define LOOK     2048 /* whose signatures are looked at together */
#define REST_MAX 5000 /* ms */
#define NOTE_MS  1000 /* between two notes of how far it is */

struct indexing {
	struct stack *stack;
	bool fast;
	void (*on_progress)(void *, const struct walk_progress *);
	void *arg;
	struct walk_progress progress;
	struct index_result result;
	struct index_note note;
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

static enum fault tell(struct indexing *indexing, struct why *why)
{
	struct index_note *note = &indexing->note;

	note->heard = clock_now();
	note->done = indexing->progress.done;
	note->mailbox_messages = indexing->progress.total;
	note->result = indexing->result;
	return index_note_put(indexing->stack, note, why);
}

static enum fault step(struct indexing *indexing, uint64_t messages, struct why *why)
{
	indexing->progress.done += messages;
	if (indexing->on_progress)
		indexing->on_progress(indexing->arg, &indexing->progress);
	return clock_now() - indexing->note.heard < NOTE_MS ? FAULT_NONE : tell(indexing, why);
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
		fault = step(indexing, some, why);
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
		if (!signature_is_made(&wanted[i]))
			wanted[lacking++] = wanted[i];
	if (!fault)
		fault = step(indexing, n - lacking, why);
	if (!fault)
		fault = sign(indexing, wanted, lacking, why);
	arena_free(arena);
	return fault;
}

static enum fault index_mailbox(struct indexing *indexing, const struct mailbox_row *row, struct why *why)
{
	struct mailbox_state *state;
	enum fault fault = walk_mailbox(indexing->stack, &row->meta.id, &state, why);

	if (fault)
		return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
	indexing->result.messages += state->n;
	for (uint32_t from = 0; from < state->n && !fault; from += LOOK)
		fault = index_part(indexing, state, from, MIN_OF(state->n - from, (uint32_t)LOOK), why);
	mailbox_state_free(state);
	return fault;
}

static enum fault each_mailbox(struct indexing *indexing, const struct id *account,
                               enum fault (*on_mailbox)(struct indexing *, const struct mailbox_row *,
                                                        struct why *),
                               struct why *why)
{
	struct arena *arena = arena_new();
	struct mailbox_row *rows;
	size_t n = 0;
	enum fault fault =
	    mailbox_list(indexing->stack->store, &actor_system, account, arena, &rows, &n, why);

	for (size_t i = 0; i < n && !fault; i++)
		fault = on_mailbox(indexing, &rows[i], why);
	arena_free(arena);
	return fault;
}

static enum fault count_mailbox(struct indexing *indexing, const struct mailbox_row *row, struct why *why)
{
	(void)why;
	indexing->progress.total += row->head.messages;
	return FAULT_NONE;
}

static enum fault pass_mailbox(struct indexing *indexing, const struct mailbox_row *row, struct why *why)
{
	return step(indexing, row->head.messages, why);
}

static enum fault index_account(struct indexing *indexing, const struct account *account, struct why *why)
{
	enum fault fault = account_unlock(indexing->stack, account, &indexing->key, why);

	if (fault == FAULT_TEMP)
		return fault;
	if (fault) {
		indexing->result.locked++;
		return each_mailbox(indexing, &account->id, pass_mailbox, why);
	}
	indexing->result.accounts++;
	indexing->owner = (struct actor){ .kind = ACTOR_OWNER, .account = account->id };
	fault = each_mailbox(indexing, &account->id, index_mailbox, why);
	account_key_unref(indexing->key);
	return fault;
}

static enum fault count_account(struct indexing *indexing, const struct account *account, struct why *why)
{
	return each_mailbox(indexing, &account->id, count_mailbox, why);
}

typedef enum fault account_fn(struct indexing *, const struct account *, struct why *);

struct each {
	struct indexing *indexing;
	account_fn *run;
};

static enum fault on_account(void *arg, const struct record *record, struct why *why)
{
	const struct each *each = arg;
	struct arena *arena = arena_new();
	struct account account;
	enum fault fault = account_read(record, arena, &account, why);

	if (!fault)
		fault = each->run(each->indexing, &account, why);
	arena_free(arena);
	return fault == FAULT_CORRUPT ? FAULT_NONE : fault; /* fsck tells of those */
}

/* `one`: of it alone; NULL: of all. */
static enum fault each_account(struct indexing *indexing, const struct account *one, account_fn *run,
                               struct why *why)
{
	struct each each = { indexing, run };

	return one ? run(indexing, one, why)
	           : walk_records(indexing->stack, COLL_ACCOUNTS, on_account, &each, why);
}

static enum fault index_them(struct indexing *indexing, const struct account *one, struct why *why)
{
	struct why other;
	enum fault fault = each_account(indexing, one, count_account, why), told;

	if (!fault)
		fault = tell(indexing, why);
	if (!fault)
		fault = each_account(indexing, one, index_account, why);
	indexing->note.ended = clock_now();
	indexing->note.faulted = fault != FAULT_NONE;
	told = tell(indexing, fault ? &other : why); /* or it falls silent */
	return fault ? fault : told;
}

enum fault index_run(struct stack *stack, const char *login, bool fast,
                     void (*on_progress)(void *, const struct walk_progress *), void *arg,
                     struct index_result *ret, struct why *why)
{
	struct indexing indexing = { .stack = stack,
		                     .fast = fast,
		                     .on_progress = on_progress,
		                     .arg = arg,
		                     .progress.doing = "signing mail for searches",
		                     .note = { .login = login ? login : "", .started = clock_now() } };
	struct arena *arena = arena_new();
	struct account account;
	enum fault fault = FAULT_NONE;

	if (!stack_active_kek(stack, STACK_ACCOUNTS_RING))
		fault = fault_set(why, FAULT_DENIED, "this process does not hold the accounts' key ring");
	else if (login)
		fault = account_by_login(stack, slice_str(login), arena, &account, why);
	if (!fault)
		fault = index_them(&indexing, login ? &account : NULL, why);
	arena_free(arena);
	if (!fault)
		*ret = indexing.result;
	return fault;
}
